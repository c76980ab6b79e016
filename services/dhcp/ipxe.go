package dhcp

import (
	"slices"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// Sub-options of option 175, by their names among iPXE's settings (ipxe.org/cfg).
const (
	ipxeKeepSAN         = 8   // the disk stays attached when the script hands over
	ipxeSkipSANBoot     = 9   // and is not booted
	ipxeNoProxyDHCP     = 176 // a ProxyDHCP server is not waited for, two seconds
	ipxeUsername        = 190
	ipxePassword        = 191
	ipxeReverseUsername = 192
	ipxeReversePassword = 193
)

// addIPXE tells iPXE its option 175, which is for nobody else: what its way of booting needs, then the
// sub-options of its host and of its network, and at last what is right unless these say otherwise. Of
// several values for one sub-option the first counts. iPXE always asks for the option, and reads one of 255
// bytes.
func (s *Server) addIPXE(out *Outcome) {
	e := encapsulation{b: s.scratch.texts, start: len(s.scratch.texts)}
	var boot *Netboot
	if s.host != nil {
		boot = s.host.Netboot
	}
	if boot != nil {
		s.addCHAP(&e, boot.CHAP, out)
	}
	if boot != nil && boot.Install {
		e.add(ipxeKeepSAN, "\x01")
		e.add(ipxeSkipSANBoot, "\x01")
	}
	if s.host != nil {
		e.addAll(s.host.Options)
	}
	e.addAll(s.sub.Options)
	if boot != nil {
		e.add(ipxeNoProxyDHCP, "\x01")
	}
	if e.full {
		out.Reason += "; no room in option 175 for all that iPXE is to be told"
	}
	s.scratch.texts = e.b
	if len(e.b) > e.start {
		s.add(packet.Option{Code: packet.OptionEtherboot, Data: e.b[e.start:len(e.b):len(e.b)]})
	}
}

// addCHAP tells iPXE names and secrets, unless somebody else would hear them who only asks: another card at
// the host's port; everybody on the link; who answers for the address that the message says it comes from,
// which iPXE, that renews no lease, has none of; and who says on a link of ours that it is a relay agent.
func (s *Server) addCHAP(e *encapsulation, c *CHAP, out *Outcome) {
	switch {
	case c == nil:
	case !slices.Contains(s.host.MACs, out.MAC):
		out.Reason += "; CHAP is told to the host's own cards alone"
	case !slices.ContainsFunc(s.host.Addrs, s.sub.Prefix.Contains):
		out.Reason += "; CHAP is told where the host has an address of its own"
	case s.in.Flags&packet.FlagBroadcast != 0:
		out.Reason += "; CHAP is not told in a broadcast, which it asks for"
	case !s.in.CIAddr.IsUnspecified():
		out.Reason += "; CHAP is not told to who says that it has an address"
	case !s.in.GIAddr.IsUnspecified() && !s.sub.Relayed:
		out.Reason += "; CHAP is not told through a relay agent on this network"
	default:
		c.addTo(e)
	}
}

// addTo adds the sub-options.
func (c *CHAP) addTo(e *encapsulation) {
	e.add(ipxeUsername, c.User)
	e.add(ipxePassword, c.Secret)
	if c.TargetUser != "" {
		e.add(ipxeReverseUsername, c.TargetUser)
		e.add(ipxeReversePassword, c.TargetSecret)
	}
}

// An encapsulation is a value of options within an option, at the end of b.
type encapsulation struct {
	b     []byte
	start int
	full  bool // something had no room
}

// add adds a sub-option unless it is there.
func (e *encapsulation) add(code byte, value string) {
	for sub := range option.Within(e.b[e.start:]) {
		if sub.Code == code {
			return
		}
	}
	if len(e.b)-e.start+2+len(value) > maxOption {
		e.full = true
		return
	}
	e.b = append(append(e.b, code, byte(len(value))), value...)
}

// addAll adds those that options have for iPXE.
func (e *encapsulation) addAll(options []Option) {
	for i := range options {
		if options[i].Code != packet.OptionEtherboot {
			continue
		}
		for sub := range option.Within(options[i].Data) {
			e.add(sub.Code, string(sub.Data))
		}
	}
}

// withheld stands for a secret.
const withheld = "(secret)"

// shown returns an option as it may be shown and remembered: without the passwords of iPXE.
func shown(o packet.Option) packet.Option {
	isSecret := func(sub option.Sub) bool {
		return sub.Code == ipxePassword || sub.Code == ipxeReversePassword
	}
	if o.Code != packet.OptionEtherboot {
		return o
	}
	var b []byte
	found := false
	for sub := range option.Within(o.Data) {
		if isSecret(sub) {
			sub.Data, found = []byte(withheld), true
		}
		b = append(append(b, sub.Code, byte(len(sub.Data))), sub.Data...)
	}
	if found {
		o.Data = b
	}
	return o
}
