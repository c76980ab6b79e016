package client

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// FuzzReceive has the fuzzer be the link: of what it says, each piece is a kind, how
// much time passes before, two bytes of length, and a message. Whatever comes in, the
// client sends no storm, takes nothing of the LANs, uses nothing past its end, and says
// only what can be printed.
func FuzzReceive(f *testing.F) {
	piece := func(kind, wait byte, msg []byte) []byte {
		return append(append([]byte{kind, wait}, binary.BigEndian.AppendUint16(nil, uint16(len(msg)))...), msg...)
	}
	reply := func(t packet.MessageType, changes ...change) []byte {
		p := &packet.Packet{Op: packet.BootReply, HType: packet.Ethernet, HLen: 6, YIAddr: ip("198.18.7.20")}
		copy(p.CHAddr[:], card[:])
		opt(packet.OptionMessageType, byte(t))(p)
		addrs(packet.OptionServerID, server)(p)
		lifetime(packet.OptionLeaseTime, 600)(p)
		addrs(packet.OptionRouter, server)(p)
		for _, c := range changes {
			c(p)
		}
		b, _ := p.Append(nil, maxMessage)
		return b
	}
	offer, ack, nak := reply(packet.Offer), reply(packet.ACK), reply(packet.NAK)
	rich := reply(packet.ACK, opt(packet.OptionSearch, []byte("\x01a\x00\x01b\xc0\x00")...), opt(packet.OptionRoutes, []byte("\x18\xc0\xa8\x20\xc6\x12\x07\x01\x00\xc6\x12\x07\x09")...),
		addrs(packet.OptionDNS, "192.168.32.1", "9.9.9.9"), opt(packet.OptionMTU, 5, 0xd4), opt(packet.OptionMessage, []byte("\x1b[2J")...))
	f.Add(append(piece(0, 1, offer), piece(0, 0, ack)...))
	f.Add(append(append(piece(0, 1, offer), piece(0, 0, rich)...), append(piece(0, 250, nil), piece(0, 0, nak)...)...))
	f.Add(append(append(piece(0, 1, offer), piece(0, 0, ack)...), append(piece(3, 9, nil), append(piece(3, 9, nil), piece(0, 0, rich)...)...)...))
	f.Add(append(append(piece(0, 1, offer), piece(0, 0, ack)...), append(piece(4, 9, []byte{1, 2}), piece(5, 0, nil)...)...))
	f.Add(append(piece(1, 1, offer), append(piece(2, 1, nil), piece(6, 1, nil)...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		z := newFuzzed(t, len(b)%2 == 1)
		for len(b) >= 4 {
			n := min(int(binary.BigEndian.Uint16(b[2:])), len(b)-4)
			z.step(b[0], b[1], b[4:4+n])
			b = b[4+n:]
		}
		z.pass(time.Hour)
	})
}

type fuzzed struct {
	t     *testing.T
	c     *Client
	now   Now
	sent  *packet.Packet
	times []time.Duration // of messages
	heard int             // messages, and other causes to send
	used  netip.Addr
	end   time.Duration
	probe netip.Addr
}

func newFuzzed(t *testing.T, probe bool) *fuzzed {
	cf := conf()
	if probe {
		cf.Probe = time.Second
	}
	c, err := New(cf, "boot", chance())
	if err != nil {
		t.Fatal(err)
	}
	z := &fuzzed{t: t, c: c, now: Now{Up: time.Minute, Wall: t0}}
	z.do(c.Start(z.now, nil, true))
	return z
}

func (z *fuzzed) step(kind, wait byte, msg []byte) {
	z.pass(time.Duration(wait) * time.Duration(wait) * 100 * time.Millisecond)
	z.heard++
	switch kind % 7 {
	case 0: // with the number that is waited for
		msg = append([]byte{}, msg...)
		if len(msg) > 8 && z.sent != nil {
			binary.BigEndian.PutUint32(msg[4:], z.sent.XID)
		}
		fallthrough
	case 1:
		var p packet.Packet
		if p.Unmarshal(msg) == nil {
			z.do(z.c.Receive(z.now, &p, ip(server)))
		}
	case 2:
		z.do(z.c.Renew(z.now))
	case 3:
		z.do(z.c.Carrier(z.now, !z.c.carrier))
	case 4:
		f := Finding{Conflict: len(msg) > 0 && msg[0]&1 == 1, Gateway: len(msg) > 1}
		copy(f.MAC[:], msg)
		if z.probe.IsValid() {
			z.do(z.c.Probed(z.now, z.probe, f))
		}
	case 5:
		if z.used.IsValid() {
			z.do(z.c.Conflict(z.now, z.used, other))
		}
	case 6:
		z.do(z.c.Release(z.now))
	}
}

func (z *fuzzed) pass(d time.Duration) {
	for end := z.now.Up + d; z.now.Up < end; {
		z.now.Up = min(z.c.Next(), end)
		z.do(z.c.Tick(z.now))
	}
}

func (z *fuzzed) do(acts []Action) {
	for _, a := range acts {
		switch a := a.(type) {
		case Send:
			z.sent = new(packet.Packet)
			if err := z.sent.Unmarshal(a.Message); err != nil {
				z.t.Fatal(err)
			}
			z.times = append(z.times, z.now.Up)
		case Probe:
			z.probe = a.Addr
		case Store:
			b, err := json.Marshal(a.Lease)
			var l Lease
			if err != nil || json.Unmarshal(b, &l) != nil || l.check() != nil {
				z.t.Fatalf("%s, %v, %v: cannot be kept", b, err, l.check())
			}
		case Event:
			z.event(a)
		}
	}
	if z.used.IsValid() && z.end <= z.now.Up {
		z.t.Fatalf("%s is used at %s, which ended at %s", z.used, z.now.Up, z.end)
	}
	if z.c.Next() <= z.now.Up {
		z.t.Fatalf("at %s it wants to be called at %s", z.now.Up, z.c.Next())
	}
	// Whatever is heard causes two messages at most, all else comes with time.
	if most := 4 + 3*z.heard + int(z.now.Up/(3*time.Second)); len(z.times) > most {
		z.t.Fatalf("%d messages, of %d causes in %s", len(z.times), z.heard, z.now.Up)
	}
	z.printable(z.c.Status(z.now).Text)
}

func (z *fuzzed) printable(text string) {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 1024 {
		z.t.Fatalf("%q", text)
	}
}

func (z *fuzzed) event(e Event) {
	z.printable(e.Text)
	for _, r := range e.Remarks {
		z.printable(r.Text)
	}
	switch e.Name {
	case BoundTo, Renewed:
		z.used, z.end = e.Facts.Addrs[0].Addr(), e.Term.End
		if lan := conf().LANs[0]; e.Facts.Addrs[0].Overlaps(lan.Network) || lan.Network.Contains(e.Facts.Gateway) {
			z.t.Fatalf("%+v is of the LAN", e.Facts)
		}
		if t := e.Term; t.Start > t.Renew || t.Renew > t.Rebind || t.Rebind > t.End || t.End != wan.Never && t.End-t.Start < shortestLease {
			z.t.Fatalf("%+v", t)
		}
	case Deconfig:
		z.used = netip.Addr{}
	}
}
