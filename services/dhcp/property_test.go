package dhcp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// forbidden returns what RFC 2131, or our own promises, forbid about an outcome.
func forbidden(conf Config, msg []byte, out *Outcome) error {
	if out.Drop != 0 {
		if len(out.Reply) > 0 || len(out.Records) > 0 || out.Reason == "" {
			return fmt.Errorf("dropped (%s), yet %d bytes of reply and %d records", out.Reason, len(out.Reply), len(out.Records))
		}
		return nil
	}
	for _, l := range out.Records {
		if l.MAC != out.MAC || l.Name != "" && !option.IsLabel(l.Name) {
			return fmt.Errorf("%s changed the lease %+v", out.MAC, l)
		}
	}
	if out.Probe.IsValid() {
		if len(out.Reply) > 0 || len(out.Records) > 0 || out.Type != packet.Discover || out.Known && out.Reason == lease.Previous.String() {
			return fmt.Errorf("a probe of %s beside %+v", out.Probe, out)
		}
		return nil
	}
	if len(out.Reply) == 0 {
		if out.Type != packet.Decline && out.Type != packet.Release {
			return fmt.Errorf("%s is neither answered nor dropped", out.Type)
		}
		return nil
	}
	var p packet.Packet
	if err := p.Unmarshal(out.Reply); err != nil {
		return fmt.Errorf("the reply: %w", err)
	}
	sub := conf.Subnets[out.Subnet]
	switch {
	case len(out.Reply) < packet.MinLen || len(out.Reply) > 1472:
		return fmt.Errorf("a reply of %d bytes", len(out.Reply))
	case p.Op != packet.BootReply || p.XID != binary.BigEndian.Uint32(msg[4:]) || [16]byte(msg[28:44]) != p.CHAddr || p.HType != 1 || p.HLen != 6 || p.Hops != 0:
		return fmt.Errorf("the fixed fields: %+v", p)
	case p.Addr(packet.OptionServerID) != conf.Subnets[0].Address && p.GIAddr.IsUnspecified():
		return fmt.Errorf("server identifier %s", p.Addr(packet.OptionServerID))
	case p.Type() != out.ReplyType:
		return fmt.Errorf("the reply is %s, the outcome says %s", p.Type(), out.ReplyType)
	case p.Option(packet.OptionRequestedAddr) != nil || p.Option(packet.OptionRequestList) != nil || p.Option(packet.OptionMaxSize) != nil:
		return fmt.Errorf("RFC 2131 table 3: an option that servers MUST NOT send: %v", p.Options)
	case (p.Option(packet.OptionLeaseTime) != nil) != (p.Type() != packet.NAK && out.Type != packet.Inform):
		return fmt.Errorf("RFC 2131 table 3: lease time in a %s for %s", p.Type(), out.Type)
	case out.To.Via == Direct && (out.To.IP != p.YIAddr || out.To.MAC != out.Card):
		return fmt.Errorf("%s goes to %v", p.Type(), out.To)
	case out.To.Via == Routed && !sub.Prefix.Contains(out.To.IP):
		return fmt.Errorf("%s goes to %v", p.Type(), out.To)
	}
	if rapid := p.Option(packet.OptionRapidCommit) != nil; rapid != (out.Type == packet.Discover && p.Type() == packet.ACK) {
		return fmt.Errorf("RFC 4039: rapid commit %v in %s for %s", rapid, p.Type(), out.Type)
	}
	pairs := map[packet.MessageType][]packet.MessageType{
		packet.Discover: {packet.Offer, packet.ACK}, packet.Request: {packet.ACK, packet.NAK}, packet.Inform: {packet.ACK},
	}
	if !slices.Contains(pairs[out.Type], p.Type()) {
		return fmt.Errorf("%s answered by %s", out.Type, p.Type())
	}
	if p.Type() == packet.NAK || out.Type == packet.Inform {
		if !p.YIAddr.IsUnspecified() || len(out.Records) > 0 {
			return fmt.Errorf("%s gives %s and stores %v", p.Type(), p.YIAddr, out.Records)
		}
		return nil
	}
	return forbiddenLease(conf, &p, out)
}

// forbiddenLease looks at the address that an offer or an acknowledgement gives.
func forbiddenLease(conf Config, p *packet.Packet, out *Outcome) error {
	sub := conf.Subnets[out.Subnet]
	a := p.YIAddr
	if !sub.Prefix.Contains(a) || a == sub.Address || a == sub.Prefix.Addr() || a == lastAddr(sub.Prefix) {
		return fmt.Errorf("%s is given away", a)
	}
	for _, h := range conf.Hosts {
		if slices.Contains(h.Addrs, a) && !slices.Contains(h.MACs, out.MAC) && len(h.Ports) == 0 {
			return fmt.Errorf("%s of %s is given to %s", a, h.Name, out.MAC)
		}
	}
	if contain(sub.Exclude, a) {
		return fmt.Errorf("%s is given away, which is excluded", a)
	}
	stored := len(out.Records) > 0 && out.Records[len(out.Records)-1].State == lease.Bound && out.Records[len(out.Records)-1].Addr == a
	if stored != (p.Type() == packet.ACK) {
		return fmt.Errorf("%s of %s stores %v", p.Type(), a, out.Records)
	}
	return nil
}

// small is a site with relayed networks and a pool of six in two pieces, so that
// clients are in each other's way.
func small() Config {
	conf := campus()
	conf.Subnets[0].Pool[0].Last = ip("192.168.32.107")
	conf.Subnets[0].Exclude = []lease.Range{{First: ip("192.168.32.102"), Last: ip("192.168.32.103")}}
	return conf
}

// FuzzHandle feeds the server a conversation: each message is preceded by its
// length, two bytes, and by the seconds that have passed, one byte.
func FuzzHandle(f *testing.F) {
	conversation := func(msgs ...[]byte) (b []byte) {
		for _, m := range msgs {
			b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
			b = append(append(b, 1), m...)
		}
		return b
	}
	f.Add(conversation(ask(visitor, dhcpv4.MessageTypeDiscover), ask(visitor, dhcpv4.MessageTypeRequest, wanted("192.168.32.100"), from("192.168.32.1"), opt(12, "tablet")),
		ask(visitor, dhcpv4.MessageTypeRequest, having("192.168.32.100")), ask(visitor, dhcpv4.MessageTypeRelease, having("192.168.32.100"))))
	f.Add(conversation(ask(web1, dhcpv4.MessageTypeDiscover, opt(175, ""), opt(57, "\x05\xc0")), ask(web1, dhcpv4.MessageTypeInform, having("192.168.32.11"))))
	f.Add(conversation(ask(web1, dhcpv4.MessageTypeDiscover, opt(60, "PXEClient"), opt(93, "\x00\x07"), opt(61, string(make([]byte, 255))))))
	f.Add(conversation(ask(visitor, dhcpv4.MessageTypeRequest, wanted("192.168.32.100"), from("192.168.32.1")), ask(visitor, dhcpv4.MessageTypeDecline, wanted("192.168.32.100"))))
	f.Add(conversation(ask(visitor, dhcpv4.MessageTypeDiscover, through("192.168.40.1"), agent("\x01", "ge-7", "\x02", "sw1", "\x0b", bytesOf("192.168.40.1"))),
		ask(visitor, dhcpv4.MessageTypeRequest, through("192.168.40.1"), wanted("192.168.40.7"), from("192.168.40.1"), agent("\x0b", bytesOf("192.168.40.1")))))
	f.Add(conversation(ask(visitor, dhcpv4.MessageTypeDiscover, opt(80, ""), opt(55, "\x6c\x79\x77"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		conf := small()
		if len(b)%2 == 1 { // both ways, as the fuzzer likes
			conf.Subnets[0].RapidCommit, conf.Subnets[0].Probe = true, time.Second
		}
		s := newServer(t, conf)
		now, out := t0, new(Outcome)
		for len(b) >= 3 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-3)
			now = now.Add(time.Duration(b[2]) * time.Second)
			msg := b[3 : 3+n]
			b = b[3+n:]
			s.Handle(now, 0, lease.MAC{}, msg, out)
			if err := forbidden(conf, msg, out); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// belief is what a client thinks it has.
type belief struct {
	addr  netip.Addr
	until time.Time
}

// TestNoAddressTwice lets a dozen clients of every temper talk to a server that is
// killed now and then, keeping only what it called durable: at no time do two of
// them believe that they have one address, and nobody is refused what he has.
func TestNoAddressTwice(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		w := &world{t: t, r: r, conf: small(), now: t0, has: map[lease.MAC]belief{}}
		w.s = newServer(t, w.conf)
		for step := range 600 {
			w.now = w.now.Add(time.Duration(r.IntN(2000)) * time.Second / 3)
			if r.IntN(50) == 0 {
				w.restart()
			}
			if err := w.step(); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
		}
	}
}

type world struct {
	t       *testing.T
	r       *rand.Rand
	conf    Config
	s       *Server
	now     time.Time
	journal []lease.Lease
	has     map[lease.MAC]belief
}

func (w *world) restart() {
	w.s = newServer(w.t, w.conf)
	for _, l := range w.journal {
		w.s.Restore(l)
	}
}

func (w *world) step() error {
	m := lease.MAC{0, 0, 0x5e, 0, 0x53, byte(0x90 + w.r.IntN(9))}
	if w.r.IntN(4) == 0 {
		m = []lease.MAC{web1, printer, laptop}[w.r.IntN(3)]
	}
	b := w.has[m]
	valid := b.addr.IsValid() && w.now.Before(b.until)
	switch n := w.r.IntN(10); {
	case n < 5 && valid: // renews, sometimes from INIT-REBOOT
		how := having(b.addr.String())
		if w.r.IntN(3) == 0 {
			how = wanted(b.addr.String())
		}
		out, err := w.send(ask(m, dhcpv4.MessageTypeRequest, how))
		back := out.Reason == lease.HasReservation.String() // from a substitute to its reserved address
		if err == nil && out.ReplyType != packet.ACK && !back {
			err = fmt.Errorf("%s was refused %s, which is its own: %s", m, b.addr, out.Reason)
		}
		return err
	case n == 5 && valid:
		delete(w.has, m)
		_, err := w.send(ask(m, dhcpv4.MessageTypeRelease, having(b.addr.String())))
		return err
	case n == 6 && valid:
		delete(w.has, m)
		_, err := w.send(ask(m, dhcpv4.MessageTypeDecline, wanted(b.addr.String())))
		return err
	case n == 7: // asks for anything, out of the blue
		_, err := w.send(ask(m, dhcpv4.MessageTypeRequest, having(fmt.Sprintf("192.168.32.%d", w.r.IntN(120)))))
		return err
	}
	out, err := w.send(ask(m, dhcpv4.MessageTypeDiscover))
	if err != nil || out.ReplyType != packet.Offer || w.r.IntN(3) == 0 {
		return err
	}
	_, err = w.send(ask(m, dhcpv4.MessageTypeRequest, wanted(out.Addr.String()), from("192.168.32.1")))
	return err
}

// send delivers a message and makes the client believe the answer.
func (w *world) send(msg []byte) (*Outcome, error) {
	out := new(Outcome)
	w.s.Handle(w.now, 0, lease.MAC{}, msg, out)
	if err := forbidden(w.conf, msg, out); err != nil {
		return out, err
	}
	w.journal = append(w.journal, out.Records...)
	switch out.ReplyType {
	case packet.NAK:
		delete(w.has, out.MAC)
	case packet.ACK:
		var p packet.Packet
		_ = p.Unmarshal(out.Reply)
		life := time.Duration(binary.BigEndian.Uint32(p.Option(packet.OptionLeaseTime))) * time.Second
		for m, b := range w.has {
			if m != out.MAC && b.addr == out.Addr && w.now.Before(b.until) {
				return out, fmt.Errorf("%s is acknowledged to %s while %s has it", out.Addr, out.MAC, m)
			}
		}
		w.has[out.MAC] = belief{out.Addr, w.now.Add(life)}
	}
	return out, nil
}
