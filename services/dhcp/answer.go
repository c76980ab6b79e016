package dhcp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Sizes of an IPv4 and UDP header, and of the datagram that every Ethernet carries.
const (
	ipUDPLen  = 28
	maxPacket = 1500
)

// scratch holds the values of options while a reply is built.
type scratch struct {
	kind     [1]byte
	serverID [4]byte
	times    [3][4]byte
	texts    []byte
}

// answer builds an OFFER or ACK of out.Addr for life; life 0 answers an INFORM.
//
// The mask is always sent, and so is what makes a host boot. Everything else is
// sent to clients that ask for it, or that do not say what they ask for: RFC 2131
// 4.3.1 wants what was requested, and a short reply fits the smallest client. Of
// several values for one option the first counts: of the boot stage, of the host,
// of the subnet. What of the host or the subnet gives way to the stage is said.
func (s *Server) answer(out *Outcome, t packet.MessageType, life time.Duration) {
	p := s.begin(t)
	s.add(packet.Option{Code: packet.OptionSubnetMask, Data: s.sub.mask})
	if life > 0 {
		p.YIAddr, out.Life = out.Addr, life
		s.addTime(0, packet.OptionLeaseTime, life)
		// RFC 2131 4.4.5: T1 and T2 at half and seven eighths.
		s.addTime(1, packet.OptionRenewalTime, life/2)
		s.addTime(2, packet.OptionRebindingTime, life*7/8)
	}
	if out.Type == packet.Discover && t == packet.ACK { // RFC 4039 section 3.1: "MUST"
		s.add(packet.Option{Code: packet.OptionRapidCommit, Data: []byte{}})
	}
	common, h := s.sub.told, s.host
	if h != nil {
		s.addText(packet.OptionHostName, h.Name)
	}
	if out.Stage == StageIPXE {
		s.addIPXE(out)
	}
	if h != nil && h.Netboot != nil {
		s.addNetboot(h.Netboot, out)
	}
	s.staged = len(s.out.Options)
	if h != nil {
		for i := range h.Options {
			s.tell(told{h.Options[i].wire(), h.Options[i].Always})
		}
		if router, other := h.router(&s.sub.Subnet); other {
			common = s.sub.others[router]
		}
	}
	for _, o := range common {
		s.tell(o)
	}
	if len(s.displaced) > 0 {
		out.Reason += fmt.Sprintf("; its boot stage has its own in place of options %v", s.displaced)
	}
	if t == packet.ACK && (life == 0 || s.in.CIAddr == out.Addr) { // and not what it has no right to
		p.CIAddr = s.in.CIAddr
	}
	s.finish(out, t)
}

// tell adds an option if the client wants it.
func (s *Server) tell(o told) {
	switch {
	case o.Code == packet.OptionIPv6Only && !s.asksFor(o.Code):
		// RFC 8925 section 3.3: "the DHCP server MUST NOT include" it then.
	case o.Code == packet.OptionEtherboot: // addIPXE has told whom it is for
	case o.always || s.in.Option(packet.OptionRequestList) == nil || s.asksFor(o.Code):
		s.add(o.Option)
		s.noteDisplaced(o.Option)
	}
}

// noteDisplaced remembers an option in whose place the boot stage has another value.
func (s *Server) noteDisplaced(o packet.Option) {
	for _, staged := range s.out.Options[:s.staged] {
		if staged.Code == o.Code && !bytes.Equal(staged.Data, o.Data) &&
			!slices.Contains(s.displaced, int(o.Code)) {
			s.displaced = append(s.displaced, int(o.Code))
		}
	}
}

// add adds an option unless it is there.
func (s *Server) add(o packet.Option) {
	if s.out.Option(o.Code) == nil {
		s.out.Options = append(s.out.Options, o)
	}
}

// nak refuses: RFC 2131 4.3.2. Nothing but the reason is told.
func (s *Server) nak(out *Outcome, reason string) {
	out.Reason = reason
	s.begin(packet.NAK)
	s.addText(packet.OptionMessage, reason)
	s.finish(out, packet.NAK)
}

// begin starts a reply in s.out: RFC 2131 table 3.
func (s *Server) begin(t packet.MessageType) *packet.Packet {
	s.out = packet.Packet{
		Op: packet.BootReply, HType: s.in.HType, HLen: s.in.HLen, XID: s.in.XID,
		Flags: s.in.Flags, GIAddr: s.in.GIAddr, CHAddr: s.in.CHAddr,
		File: s.out.File[:0], Options: s.out.Options[:0],
	}
	s.scratch.texts, s.displaced = s.scratch.texts[:0], s.displaced[:0]
	s.scratch.kind[0] = byte(t)
	s.scratch.serverID = s.serverID().As4()
	s.out.Options = append(s.out.Options,
		packet.Option{Code: packet.OptionMessageType, Data: s.scratch.kind[:]},
		packet.Option{Code: packet.OptionServerID, Data: s.scratch.serverID[:]})
	return &s.out
}

func (s *Server) addTime(slot int, code uint8, d time.Duration) {
	b := s.scratch.times[slot][:]
	binary.BigEndian.PutUint32(b, uint32(d/time.Second))
	s.add(packet.Option{Code: code, Data: b})
}

// addText adds an option with a text, if there is any.
func (s *Server) addText(code uint8, text string) {
	if text == "" {
		return
	}
	start := len(s.scratch.texts)
	s.scratch.texts = append(s.scratch.texts, text...)
	s.add(packet.Option{Code: code, Data: s.scratch.texts[start:len(s.scratch.texts):len(s.scratch.texts)]})
}

// finish encodes the reply and finds the way to the client: RFC 2131 section 4.1.
func (s *Server) finish(out *Outcome, t packet.MessageType) {
	p := &s.out
	switch relayed := !p.GIAddr.IsUnspecified(); {
	case relayed && t == packet.NAK:
		// "the server SHOULD set the broadcast bit in the DHCPNAK, so that the relay
		// agent will broadcast the DHCPNAK to the client".
		p.Flags |= packet.FlagBroadcast
		out.To = Destination{Via: Relay, IP: p.GIAddr}
	case relayed:
		out.To = Destination{Via: Relay, IP: p.GIAddr}
	case t == packet.NAK:
		out.To = Destination{Via: Broadcast}
	case t == packet.ACK && s.hasAddress(out):
		out.To = Destination{Via: Routed, IP: s.in.CIAddr}
	case p.Flags&packet.FlagBroadcast != 0:
		out.To = Destination{Via: Broadcast}
	default:
		out.To = Destination{Via: Direct, IP: p.YIAddr, MAC: lease.MAC(p.CHAddr[:6])}
	}
	// What must come back goes before what may be told.
	n := len(p.Options)
	s.echo(packet.OptionClientID) // RFC 6842 section 3: "MUST"
	// RFC 3046 2.2: "SHALL echo the entire contents … in all replies"; it comes last. Switches add it and are
	// no relay agents: they find the client's port by it.
	s.echo(packet.OptionRelayAgent)
	p.Last = len(p.Options) - n
	out.ReplyType = t
	if out.MAC != out.Card {
		out.Reason += fmt.Sprintf("; a host behind the card %s, which says it is %s", out.Card, out.Behind)
	}
	out.Told = appendOptions(out.Told, p.Options)
	var left []uint8
	if out.Reply, left = p.Append(out.Reply[:0], s.limit()); len(left) > 0 {
		out.Reason += fmt.Sprintf("; the client takes no longer message, left out: options %v", left)
	}
}

// echo sends an option back as it came.
func (s *Server) echo(code uint8) {
	if data := s.in.Option(code); data != nil {
		s.add(packet.Option{Code: code, Data: data})
	}
}

// limit returns how long a reply may be: what the client says it takes (RFC 2132
// 9.10, counted with IP and UDP headers), or what every client takes.
func (s *Server) limit() int {
	n, _ := s.in.Uint16(packet.OptionMaxSize)
	return max(min(int(n), maxPacket)-ipUDPLen, packet.MinMax)
}

// asksFor reports whether the client lists an option among those it asks for.
func (s *Server) asksFor(code uint8) bool {
	return bytes.IndexByte(s.in.Option(packet.OptionRequestList), code) >= 0
}
