package dhcp

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Preview is what a host is told on one network by the time one of its boot stages
// asks.
type Preview struct {
	Subnet   string        `json:"subnet"`
	Stage    string        `json:"stage"`
	Arch     string        `json:"arch,omitempty"` // for the stages that have one
	Addr     netip.Addr    `json:"addr"`
	Reserved bool          `json:"reserved"` // if not, Addr is an example out of the pool
	Life     time.Duration `json:"life_ns"`
	Server   netip.Addr    `json:"server,omitzero"` // siaddr: where File is, unless that is a URL
	File     string        `json:"file,omitempty"`
	Told     []string      `json:"told"` // the other options, as Describe has them
}

// Preview returns what the named host will be told, network by network and stage by
// stage, if it asks for every option there is. Stages that get nothing to boot are
// left out, and networks where it gets no address. The error is that of New.
func (c *Config) Preview(host string) (all []Preview, err error) {
	conf := *c
	conf.Subnets = append([]Subnet(nil), c.Subnets...)
	for i := range conf.Subnets {
		conf.Subnets[i].Probe = 0
	}
	s, err := New(conf)
	if err != nil {
		return nil, err
	}
	for i := range conf.Hosts {
		if h := &conf.Hosts[i]; h.Name == host && h.asks() {
			for sub := range conf.Subnets {
				all = append(all, s.preview(sub, h)...)
			}
		}
	}
	return all, nil
}

// stageKind is a boot stage on one kind of machine.
type stageKind struct {
	stage Stage
	arch  Arch
	class string // option 60
}

// stageKinds returns those of machines that people have, and of whatever else there are files for.
func stageKinds(files map[Arch]string) []stageKind {
	kinds := []stageKind{}
	var overHTTP []Arch
	for a := Arch(15); a <= 40; a++ {
		if plain, http := a.overHTTP(); http && plain != ArchUEFIBC { // which is x86-64 too
			overHTTP = append(overHTTP, a)
		}
	}
	plain := []Arch{ArchBIOS, ArchUEFI, ArchUEFI32, ArchUEFIARM, ArchUEFIARM32, ArchUEFIRISCV64,
		ArchUEFILoong64}
	for _, a := range slices.Sorted(maps.Keys(files)) {
		if !a.OverHTTP() && !slices.Contains(plain, a) {
			plain = append(plain, a)
		}
	}
	for _, a := range plain {
		kinds = append(kinds, stageKind{StagePXE, a, "PXEClient"})
	}
	for _, a := range overHTTP {
		kinds = append(kinds, stageKind{StageHTTP, a, httpClient})
	}
	return append(kinds, stageKind{StageIPXE, ArchBIOS, ""}, stageKind{StageHBA, ArchBIOS, "BRCM ISAN"},
		stageKind{StageSystem, ArchBIOS, ""})
}

// preview asks as each stage of h does on one subnet.
func (s *Server) preview(sub int, h *Host) (all []Preview) {
	out := new(Outcome)
	var files map[Arch]string
	if h.Netboot != nil {
		files = h.Netboot.Files
	}
	for _, k := range stageKinds(files) {
		s.Handle(time.Time{}, s.linkOf(sub), lease.MAC{}, s.previewRequest(s.subnets[sub], h, k), out)
		var p packet.Packet
		boots := k.stage == StageSystem || h.Netboot != nil &&
			(out.File != "" || k.stage == StageIPXE || k.stage == StageHBA ||
				// the server alone, as others
				k.stage == StagePXE && k.arch == ArchBIOS && !h.Netboot.hasFile())
		if out.Drop != 0 || !boots || p.Unmarshal(out.Reply) != nil {
			continue
		}
		v := Preview{
			Subnet: s.subnets[sub].Name, Stage: k.stage.String(), Addr: out.Addr,
			Reserved: s.isReserved(out.MAC, out.Addr), Life: out.Life, File: out.File, Told: []string{},
		}
		if k.stage == StagePXE || k.stage == StageHTTP {
			v.Arch = k.arch.String()
		}
		if !p.SIAddr.IsUnspecified() {
			v.Server = p.SIAddr
		}
		slices.SortFunc(p.Options, func(a, b packet.Option) int { return cmp.Compare(a.Code, b.Code) })
		for _, o := range p.Options {
			switch o.Code {
			case packet.OptionMessageType, packet.OptionServerID, packet.OptionLeaseTime,
				packet.OptionRenewalTime, packet.OptionRebindingTime, packet.OptionRelayAgent,
				packet.OptionTFTPServer, packet.OptionBootFile:
				// said by the fields, or of no interest
				if o.Code != packet.OptionTFTPServer && o.Code != packet.OptionBootFile || v.File != "" {
					continue
				}
			}
			v.Told = append(v.Told, describe(o))
		}
		all = append(all, v)
	}
	return all
}

// linkOf returns the link by which a message about a subnet comes.
func (s *Server) linkOf(sub int) int {
	if !s.subnets[sub].Relayed {
		return sub
	}
	for i := range s.subnets {
		if !s.subnets[i].Relayed {
			return i
		}
	}
	return sub
}

// previewRequest builds a DISCOVER that wants every option.
func (s *Server) previewRequest(sub *subnet, h *Host, k stageKind) []byte {
	var list []byte
	for code := byte(1); code < packet.OptionEnd; code++ {
		list = append(list, code)
	}
	p := packet.Packet{Op: packet.BootRequest, HType: packet.Ethernet, HLen: 6, Options: []packet.Option{
		{Code: packet.OptionMessageType, Data: []byte{byte(packet.Discover)}},
		{Code: packet.OptionRequestList, Data: list},
		{Code: packet.OptionMaxSize, Data: binary.BigEndian.AppendUint16(nil, maxPacket)},
		{Code: packet.OptionClientArch, Data: binary.BigEndian.AppendUint16(nil, uint16(k.arch))},
	}}
	if k.class != "" {
		p.Options = append(p.Options, packet.Option{Code: packet.OptionVendorClass, Data: []byte(k.class)})
	}
	if k.stage == StageIPXE {
		p.Options = append(p.Options, packet.Option{Code: packet.OptionEtherboot, Data: []byte{}})
	}
	mac := lease.MAC{2} // of our own making, for a host that is known by its port
	if len(h.MACs) > 0 {
		mac = h.MACs[0]
	}
	copy(p.CHAddr[:], mac[:])
	if sub.Relayed || len(h.MACs) == 0 {
		p.GIAddr = sub.Prefix.Addr().Next()
	}
	if len(h.MACs) == 0 {
		p.Options = append(p.Options, packet.Option{Code: packet.OptionRelayAgent, Data: h.Ports[0].option()})
	}
	b, _ := p.Append(nil, maxPacket-ipUDPLen)
	return b
}

// option returns p as the relay agent information option.
func (p *Port) option() (b []byte) {
	if len(p.Circuit) > 0 {
		b = append(append(b, agentCircuitID, byte(len(p.Circuit))), p.Circuit...)
	}
	if len(p.Remote) > 0 {
		b = append(append(b, agentRemoteID, byte(len(p.Remote))), p.Remote...)
	}
	return b
}
