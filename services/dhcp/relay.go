package dhcp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Sub-options of the relay agent information option, 82.
const (
	agentCircuitID      = 1  // RFC 3046
	agentRemoteID       = 2  // RFC 3046
	agentLinkSelection  = 5  // RFC 3527
	agentServerOverride = 11 // RFC 5107
)

// A relay is what the relay agent says of a message that came through it.
type relay struct {
	circuit, remote []byte
	link            netip.Addr // the network to serve the client from; zero: that of giaddr
	server          netip.Addr // the server identifier to give; zero: our own
}

// relayOf reads option 82 of a relayed message. What is in it otherwise was written
// by the client itself, or by a switch that leaves the message to whom it wants:
// it comes back (RFC 3046 2.2), and nobody believes it (2.1). A damaged end is left out.
func relayOf(p *packet.Packet) (r relay) {
	if p.GIAddr.IsUnspecified() {
		return r
	}
	return readAgent(p.Option(packet.OptionRelayAgent))
}

func readAgent(b []byte) (r relay) {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		data := b[2 : 2+int(b[1])]
		switch b[0] {
		case agentCircuitID:
			r.circuit = data
		case agentRemoteID:
			r.remote = data
		case agentLinkSelection:
			r.link = subAddr(data)
		case agentServerOverride:
			r.server = subAddr(data)
		}
		b = b[2+len(data):]
	}
	return r
}

func subAddr(b []byte) netip.Addr {
	if len(b) != 4 || [4]byte(b) == [4]byte{} {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b))
}

// place returns the network the message is about, nil if it is none of those
// that are served through its link: that of the link itself, or a relayed one.
func (s *Server) place(link *subnet) *subnet {
	at := s.in.GIAddr
	switch {
	case s.relay.link.IsValid():
		at = s.relay.link
	case at.IsUnspecified() && s.isUnicast():
		// Behind a relay agent clients renew, release and inform without it.
		if sub := s.relayed(s.in.CIAddr); sub != nil {
			return sub
		}
		return link
	case at.IsUnspecified():
		return link
	}
	if link.Prefix.Contains(at) {
		return link
	}
	return s.relayed(at)
}

// isUnicast reports whether the message is of a kind that clients send to the
// address of their server: RFC 2131 table 5 and section 4.4. One that broadcasts it,
// rebinding, on a link that it was carried to meanwhile looks the same; its answer
// goes where it was, and it asks anew when its lease ends, if not before.
func (s *Server) isUnicast() bool {
	switch s.in.Type() {
	case packet.Release, packet.Inform:
		return true
	case packet.Request: // renewing, if it has an address
		return s.in.Option(packet.OptionServerID) == nil || s.in.Option(packet.OptionRequestedAddr) == nil
	}
	return false
}

// relayed returns the relayed network that a is in.
func (s *Server) relayed(a netip.Addr) *subnet {
	for _, sub := range s.subnets {
		if sub.Relayed && sub.Prefix.Contains(a) {
			return sub
		}
	}
	return nil
}

// ports are the hosts that are known by where they are plugged in.
type ports struct {
	hosts   map[portKey]*Host
	owners  map[netip.Addr]*Host // of their addresses
	adopted map[lease.MAC]*Host  // the card that was seen last at each
	cards   map[*Host]lease.MAC  // the same the other way
}

// A portKey is a Port; an identifier that may be anything has no mark.
type portKey struct {
	circuit, remote       string
	hasCircuit, hasRemote bool
}

func newPorts(conf *Config) ports {
	p := ports{make(map[portKey]*Host), make(map[netip.Addr]*Host), make(map[lease.MAC]*Host),
		make(map[*Host]lease.MAC)}
	for i := range conf.Hosts {
		h := &conf.Hosts[i]
		for _, port := range h.Ports {
			p.hosts[port.key()] = h
			for _, a := range h.Addrs {
				p.owners[a] = h
			}
		}
	}
	return p
}

func (p *Port) key() portKey {
	return portKey{string(p.Circuit), string(p.Remote), len(p.Circuit) > 0, len(p.Remote) > 0}
}

// find returns the host that is plugged in where r says, the closest match first.
func (p *ports) find(r *relay) *Host {
	if len(p.hosts) == 0 || len(r.circuit)+len(r.remote) == 0 {
		return nil
	}
	for _, port := range [...]Port{{r.circuit, r.remote}, {Circuit: r.circuit}, {Remote: r.remote}} {
		if h := p.hosts[port.key()]; h != nil {
			return h
		}
	}
	return nil
}

// ownerOf returns the host known by its port that has address a.
func (p *ports) ownerOf(a netip.Addr) *Host { return p.owners[a] }

// adopt makes mac the card of h, instead of the one that was plugged in before.
func (s *Server) adopt(now time.Time, sub *subnet, mac lease.MAC, h *Host) {
	p := &s.ports
	if s.hosts[mac] != nil {
		return
	}
	if from := p.adopted[mac]; from != h {
		old := p.cards[h]
		for _, at := range s.subnets { // each forgets what was kept for them
			at.table.Leave(now, mac)
			at.table.Leave(now, old)
		}
		delete(p.adopted, old)
		delete(p.cards, from)
		p.adopted[mac], p.cards[h] = h, mac
	}
	if i := slices.IndexFunc(h.Addrs, sub.Prefix.Contains); i >= 0 {
		sub.table.Adopt(now, mac, h.Addrs[i])
	}
}
