package client

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

var (
	t0     = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	card   = wan.MAC{0, 0x16, 0x3e, 0, 0, 1}
	other  = wan.MAC{0, 0x16, 0x3e, 0, 0, 9}
	server = "198.18.7.1" // of the provider
	rogue  = "198.18.7.66"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func conf() wan.Config {
	return wan.Config{
		Link: "eth0", MAC: card, ClientID: wan.PlainID(card), MaxMTU: 1500,
		LANs: []wan.LAN{{Name: "lan", Network: netip.MustParsePrefix("192.168.32.0/24"), Address: ip("192.168.32.1")}},
	}
}

// chance returns numbers that are all different, and no jitter at all.
func chance() func() uint64 {
	n := uint64(0)
	return func() uint64 { n++; return 1000 + 2001*n }
}

// A lab has a client, its clock, and a log of what it does. Messages are read and
// written by others' code and ours: what ours wrote, another reads.
type lab struct {
	t     *testing.T
	c     *Client
	now   Now
	log   []string
	sent  []*dhcpv4.DHCPv4
	sends []Send
	kept  *Lease
	event Event // the last one
	used  string
}

func newLab(t *testing.T, change ...func(*wan.Config)) *lab {
	t.Helper()
	l := &lab{t: t, now: Now{Up: 100 * time.Second, Wall: t0}}
	l.again("boot-1", change...)
	return l
}

// again makes a new client, as if the process, or with another boot the machine, had
// been started again.
func (l *lab) again(boot string, change ...func(*wan.Config)) {
	l.t.Helper()
	cf := conf()
	for _, f := range change {
		f(&cf)
	}
	var err error
	if l.c, err = New(cf, boot, chance()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) note(format string, args ...any) { l.log = append(l.log, fmt.Sprintf(format, args...)) }

// do carries out actions.
func (l *lab) do(acts []Action) {
	l.t.Helper()
	stored := false
	for _, a := range acts {
		switch a := a.(type) {
		case Send:
			l.noteSend(a)
		case Probe:
			l.note("probe %s%s", a.Addr, map[bool]string{true: " and gateway " + a.Gateway.String()}[a.Gateway.IsValid()])
		case Seek:
			l.note("seek %s from %s", a.Gateway, a.From)
		case Announce:
			l.note("%s", strings.TrimSpace("announce "+a.Addr.String()+" "+a.Text))
		case Store:
			kept := a.Lease
			l.kept, stored = &kept, true
		case Forget:
			l.kept = nil
			l.note("forget")
		case Event:
			if (a.Name == BoundTo && a.Cause != Restarted || a.Name == Renewed) && !stored {
				l.t.Errorf("%s was told before it was stored", a.Text)
			}
			l.noteEvent(a)
		}
	}
	if l.c.Next() <= l.now.Up {
		l.t.Fatalf("at %s it wants to be called at %s", l.now.Up, l.c.Next())
	}
}

func (l *lab) noteSend(a Send) {
	l.t.Helper()
	p, err := dhcpv4.FromBytes(a.Message)
	if err != nil {
		l.t.Fatal(err)
	}
	l.sent, l.sends = append(l.sent, p), append(l.sends, a)
	text := a.Type.String()
	if a.To.IsValid() {
		text += " to " + a.To.String()
	}
	if !p.ClientIPAddr.IsUnspecified() {
		text += " ciaddr " + p.ClientIPAddr.String()
	}
	if r := p.RequestedIPAddress(); r != nil {
		text += " asks " + r.String()
	}
	if s := p.ServerIdentifier(); s != nil {
		text += " server " + s.String()
	}
	l.note("%s", text)
}

func (l *lab) noteEvent(e Event) {
	l.t.Helper()
	l.event = e
	text := string(e.Name) + " " + string(e.Cause)
	if len(e.Facts.Addrs) > 0 {
		text += " " + e.Facts.Addrs[0].String()
	}
	if e.Facts.Gateway.IsValid() && e.Name != Deconfig {
		text += " via " + e.Facts.Gateway.String()
	}
	if e.Name == Renewed && e.Changed {
		text += " changed"
	}
	if e.Text == "" {
		l.t.Errorf("%s has no sentence", text)
	}
	l.note("%s", text)
	switch e.Name {
	case BoundTo, Renewed:
		l.used = e.Facts.Addrs[0].Addr().String()
	case Deconfig:
		l.used = ""
	}
}

// start starts the client with carrier.
func (l *lab) start() {
	l.t.Helper()
	l.do(l.c.Start(l.now, l.kept, true))
}

// pass lets time pass.
func (l *lab) pass(d time.Duration) {
	l.t.Helper()
	for end := l.now.Up + d; l.now.Up < end; {
		at := min(l.c.Next(), end)
		l.now.Wall = l.now.Wall.Add(at - l.now.Up)
		l.now.Up = at
		l.do(l.c.Tick(l.now))
	}
}

// want compares what was logged since the last want.
func (l *lab) want(lines ...string) {
	l.t.Helper()
	if !slices.Equal(l.log, lines) {
		l.t.Errorf("at %s:\n  %s\nwant\n  %s", l.now.Up, strings.Join(l.log, "\n  "), strings.Join(lines, "\n  "))
	}
	l.log = nil
}

// A change makes something of a reply.
type change func(*packet.Packet)

func opt(code uint8, data ...byte) change {
	return func(p *packet.Packet) {
		p.Options = slices.DeleteFunc(p.Options, func(o packet.Option) bool { return o.Code == code })
		if data != nil {
			p.Options = append(p.Options, packet.Option{Code: code, Data: data})
		}
	}
}

func lifetime(code uint8, s uint32) change {
	return opt(code, byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}

func addrs(code uint8, all ...string) change {
	b := []byte{}
	for _, a := range all {
		b = append(b, ip(a).AsSlice()...)
	}
	return opt(code, b...)
}

func without(code uint8) change { return opt(code) }

// answer sends a reply to the last message: an hour's lease of a /24.
func (l *lab) answer(t packet.MessageType, from, addr string, changes ...change) {
	l.t.Helper()
	l.answerTo(l.sent[len(l.sent)-1], t, from, addr, changes...)
}

func (l *lab) answerTo(q *dhcpv4.DHCPv4, t packet.MessageType, from, addr string, changes ...change) {
	l.t.Helper()
	p := &packet.Packet{Op: packet.BootReply, HType: packet.Ethernet, HLen: 6, XID: uint32(q.TransactionID[0])<<24 |
		uint32(q.TransactionID[1])<<16 | uint32(q.TransactionID[2])<<8 | uint32(q.TransactionID[3])}
	copy(p.CHAddr[:], card[:])
	opt(packet.OptionMessageType, byte(t))(p)
	addrs(packet.OptionServerID, from)(p)
	if t != packet.NAK {
		p.YIAddr = ip(addr)
		lifetime(packet.OptionLeaseTime, 3600)(p)
		addrs(packet.OptionSubnetMask, "255.255.255.0")(p)
		addrs(packet.OptionRouter, server)(p)
	}
	for _, f := range changes {
		f(p)
	}
	b, _ := p.Append(nil, maxMessage)
	var q2 packet.Packet
	if err := q2.Unmarshal(b); err != nil {
		l.t.Fatal(err)
	}
	q2.Cut = p.Cut // as if it had been written so
	l.do(l.c.Receive(l.now, &q2, ip(from)))
}

// bind takes a lease from the start.
func (l *lab) bind(addr string, changes ...change) {
	l.t.Helper()
	l.start()
	l.answer(packet.Offer, server, addr, changes...)
	l.answer(packet.ACK, server, addr, changes...)
	if l.used != addr {
		l.t.Fatalf("not bound to %s:\n  %s", addr, strings.Join(l.log, "\n  "))
	}
	l.log = nil
}

func (l *lab) hasRemark(about wan.About, begins string) {
	l.t.Helper()
	if !slices.ContainsFunc(l.event.Remarks, func(r wan.Remark) bool { return r.About == about && strings.HasPrefix(r.Text, begins) }) {
		l.t.Errorf("no remark %q about %s in %+v", begins, about, l.event.Remarks)
	}
}
