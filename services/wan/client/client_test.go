package client

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

func TestFourMessages(t *testing.T) {
	l := newLab(t)
	l.start()
	l.want("DISCOVER")
	l.answer(packet.Offer, server, "198.18.7.20")
	l.want("REQUEST asks 198.18.7.20 server 198.18.7.1")
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20")
	if e := l.event; e.Text != "198.18.7.20/24 from server 198.18.7.1: the lease holds for another 1h" || e.Term.End != l.now.Up+time.Hour || !e.Changed {
		t.Errorf("%+v", e)
	}
	// T1 may be up to a twentieth early; the same facts touch nothing.
	l.pass(30 * time.Minute)
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20")
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("renew extended 198.18.7.20/24 via 198.18.7.1")
	if l.event.Changed || l.kept.Term.End != l.event.Term.End {
		t.Errorf("%+v", l.event)
	}
}

// TestRetransmission is RFC 2131 4.1, without its jitter, for ever.
func TestRetransmission(t *testing.T) {
	l := newLab(t)
	l.start()
	var at []time.Duration
	start := l.now.Up
	for range 600 {
		n := len(l.sent)
		l.pass(time.Second)
		if len(l.sent) > n {
			at = append(at, l.now.Up-start)
			if got := time.Duration(l.sent[n].NumSeconds) * time.Second; got != l.now.Up-start || l.sent[n].TransactionID != l.sent[0].TransactionID {
				t.Errorf("secs %s at %s, xid %s", got, l.now.Up-start, l.sent[n].TransactionID)
			}
		}
	}
	want := []time.Duration{4, 12, 28, 60, 124, 188, 252, 316, 380, 444, 508, 572}
	for i := range want {
		if i >= len(at) || at[i] != want[i]*time.Second {
			t.Fatalf("sent at %v", at)
		}
	}
	fails := strings.Count(strings.Join(l.log, "\n"), "leasefail silent")
	l.pass(24 * time.Hour)
	if n := strings.Count(strings.Join(l.log, "\n"), "leasefail silent"); fails != 2 || n > 30 || n < 24 {
		t.Errorf("it failed %d times in ten minutes, %d in a day", fails, n)
	}
	if n := len(l.sent); n > 24*3600/63+10 {
		t.Errorf("%d messages in a day", n)
	}
	// Once a server answers, it is there.
	l.answer(packet.Offer, server, "198.18.7.20")
	l.answer(packet.ACK, server, "198.18.7.20")
	if l.used == "" {
		t.Error(l.log[len(l.log)-5:])
	}
}

func TestRequestUnanswered(t *testing.T) {
	l := newLab(t)
	l.start()
	secs := l.sent[0].NumSeconds
	l.pass(2 * time.Second)
	l.answer(packet.Offer, server, "198.18.7.20")
	l.pass(61 * time.Second)
	request := "REQUEST asks 198.18.7.20 server 198.18.7.1"
	l.want("DISCOVER", request, request, request, request, "leasefail no-reply")
	for _, p := range l.sent {
		if p.NumSeconds != secs || p.TransactionID != l.sent[0].TransactionID {
			t.Errorf("secs %d, xid %s", p.NumSeconds, p.TransactionID)
		}
	}
	// The server comes after all others for a while, and is better than none.
	l.pass(time.Second)
	l.answer(packet.Offer, server, "198.18.7.20")
	l.pass(500 * time.Millisecond)
	l.answer(packet.Offer, rogue, "198.18.7.30")
	l.want("DISCOVER", "REQUEST asks 198.18.7.30 server 198.18.7.66")
}

// TestRogue: a faster server does not keep the one of the last lease out.
func TestRogue(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.do(l.c.Release(l.now))
	l.pass(time.Minute)
	l.do(l.c.Renew(l.now))
	l.want("RELEASE to 198.18.7.1 ciaddr 198.18.7.20 server 198.18.7.1", "deconfig by-hand 198.18.7.20/24", "forget", "DISCOVER")
	l.answer(packet.Offer, rogue, "198.18.7.30")
	l.pass(900 * time.Millisecond)
	l.answer(packet.Offer, server, "198.18.7.21")
	l.want("REQUEST asks 198.18.7.21 server 198.18.7.1")
	// And the rogue's ACK is not for what was asked.
	l.answer(packet.ACK, rogue, "198.18.7.30")
	l.answer(packet.NAK, rogue, "")
	l.want()
	l.answer(packet.ACK, server, "198.18.7.21")
	l.want("bound acknowledged 198.18.7.21/24 via 198.18.7.1", "announce 198.18.7.21")
}

// TestServerMoved: the server of the last lease is waited for, for a second.
func TestServerMoved(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.do(l.c.Release(l.now))
	l.pass(time.Minute)
	l.do(l.c.Renew(l.now))
	l.log = nil
	l.answer(packet.Offer, "198.18.8.1", "198.18.7.30")
	l.want()
	l.pass(time.Second)
	l.want("REQUEST asks 198.18.7.30 server 198.18.8.1")
}

func TestOfferWithoutRouter(t *testing.T) {
	l := newLab(t)
	l.start()
	l.answer(packet.Offer, server, "198.18.7.20", without(packet.OptionRouter))
	l.pass(100 * time.Millisecond)
	l.want("DISCOVER")
	l.pass(time.Second)
	l.answer(packet.ACK, server, "198.18.7.20", without(packet.OptionRouter))
	l.want("REQUEST asks 198.18.7.20 server 198.18.7.1", "bound acknowledged 198.18.7.20/24", "announce 198.18.7.20")
	l.hasRemark(wan.AboutGateway, "no router is sent")
}

// TestRefusedOffers: what cannot be ours is said once, and another offer is taken.
func TestRefusedOffers(t *testing.T) {
	l := newLab(t)
	l.start()
	l.answer(packet.Offer, rogue, "192.168.32.50")
	l.answer(packet.Offer, rogue, "192.168.32.50")
	l.answer(packet.Offer, rogue, "127.0.0.1")
	l.answer(packet.Offer, server, "198.18.7.20", lifetime(packet.OptionLeaseTime, 0))
	l.want("DISCOVER", "leasefail not-believed", "leasefail not-believed", "leasefail not-believed")
	if l.event.Text != "server 198.18.7.1: a lease of 0s is refused: 10s is needed to renew it in time" {
		t.Error(l.event.Text)
	}
	l.answer(packet.Offer, server, "198.18.7.20")
	l.want("REQUEST asks 198.18.7.20 server 198.18.7.1")
	// An ACK that differs from its offer is judged again.
	l.answer(packet.ACK, server, "192.168.32.50")
	l.want("leasefail not-believed")
	if l.kept != nil || l.used != "" {
		t.Error("it is used")
	}
}

func TestTimes(t *testing.T) {
	h := time.Hour
	for _, tc := range []struct {
		name           string
		changes        []change
		t1, t2, end    time.Duration
		remark, refuse string
	}{
		{name: "an hour", t1: h / 2, t2: h * 7 / 8, end: h},
		{name: "30 seconds", changes: []change{lifetime(51, 30)}, t1: 15 * time.Second, t2: 26250 * time.Millisecond, end: 30 * time.Second},
		{name: "infinite", changes: []change{lifetime(51, infinity)}, t1: wan.Never, t2: wan.Never, end: wan.Never},
		{name: "nearly", changes: []change{lifetime(51, infinity-1)}, t1: longestLease / 2, t2: longestLease * 7 / 8, end: longestLease},
		{name: "none", changes: []change{without(51)}, t1: h / 2, t2: h * 7 / 8, end: h, remark: "no lease time is sent: 1h is taken"},
		{name: "its own T1 and T2", changes: []change{lifetime(58, 600), lifetime(59, 1200)}, t1: 600 * time.Second, t2: 1200 * time.Second, end: h},
		{name: "T1 after T2", changes: []change{lifetime(58, 1200), lifetime(59, 600)}, t1: h / 2, t2: h * 7 / 8, end: h, remark: "T1 of 20m and T2 of 10m do not fit a lease of 1h"},
		{name: "T2 after the end", changes: []change{lifetime(59, 3600)}, t1: h / 2, t2: h * 7 / 8, end: h, remark: "T1 of 30m and T2 of 1h do not fit"},
		{name: "T1 infinite", changes: []change{lifetime(58, infinity)}, t1: h / 2, t2: h * 7 / 8, end: h, remark: "T1 of for ever"},
		{name: "T1 zero", changes: []change{lifetime(58, 0)}, t1: h / 2, t2: h * 7 / 8, end: h, remark: "T1 of 0s"},
		{name: "T1 of a second", changes: []change{lifetime(58, 1), lifetime(59, 2)}, t1: time.Minute, t2: h * 7 / 8, end: h, remark: "T1 of 1s is too soon: 1m is taken"},
		{name: "zero", changes: []change{lifetime(51, 0)}, refuse: "a lease of 0s"},
		{name: "9 seconds", changes: []change{lifetime(51, 9)}, refuse: "a lease of 9s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLab(t)
			l.start()
			l.answer(packet.Offer, server, "198.18.7.20")
			l.answer(packet.ACK, server, "198.18.7.20", tc.changes...)
			if tc.refuse != "" {
				if l.used != "" || !strings.Contains(l.event.Text, tc.refuse) {
					t.Errorf("%+v", l.event)
				}
				return
			}
			term, now := l.event.Term, l.now.Up
			plus := func(d time.Duration) time.Duration {
				if d == wan.Never {
					return d
				}
				return now + d
			}
			if term.Renew > plus(tc.t1) || tc.t1 != wan.Never && term.Renew < plus(tc.t1)-min(tc.t1/20, 5*time.Minute) ||
				term.Rebind != plus(tc.t2) || term.End != plus(tc.end) {
				t.Errorf("T1 %s, T2 %s, end %s", term.Renew-now, term.Rebind-now, term.End-now)
			}
			if tc.remark != "" {
				l.hasRemark(wan.AboutTimes, tc.remark)
			} else if len(l.event.Remarks) > 0 {
				t.Errorf("%+v", l.event.Remarks)
			}
		})
	}
}

// TestSilence: the lease is used to its end, not longer, and asked for all the while.
func TestSilence(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	begin := l.now.Up
	var at []time.Duration
	for l.used != "" {
		n := len(l.sent)
		l.pass(time.Second)
		if len(l.sent) > n {
			at = append(at, (l.now.Up - begin).Round(time.Second))
		}
	}
	if d := l.now.Up - begin; d != time.Hour {
		t.Errorf("it was used for %s", d)
	}
	for i := 1; i < len(at); i++ {
		if gap := at[i] - at[i-1]; gap < longestRenew-2*time.Second && at[i-1] < time.Hour*7/8-time.Minute {
			t.Errorf("asked at %v", at)
		}
	}
	last := l.sends[len(l.sends)-1]
	if !strings.Contains(strings.Join(l.log, "\n"), "REQUEST ciaddr 198.18.7.20\n") || last.Type != packet.Discover || len(at) > 16 {
		t.Errorf("%v, %v", l.log, at)
	}
	if l.sent[len(l.sent)-1].RequestedIPAddress().String() != "198.18.7.20" {
		t.Error("the address is not asked for again")
	}
}

// TestShortLease: of 30 seconds a lost message does not cost the address.
func TestShortLease(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20", lifetime(51, 30))
	l.pass(27 * time.Second)
	if n := len(l.log); n < 3 || n > 4 {
		t.Errorf("%v", l.log)
	}
}

// TestServerElsewhere: the server's identifier is no neighbour's, and it is asked all
// the same.
func TestServerElsewhere(t *testing.T) {
	l := newLab(t)
	l.start()
	l.answer(packet.Offer, "10.255.0.1", "198.18.7.20")
	l.answer(packet.ACK, "10.255.0.1", "198.18.7.20")
	l.log = nil
	l.pass(30 * time.Minute)
	l.want("REQUEST to 10.255.0.1 ciaddr 198.18.7.20")
	if s := l.sends[len(l.sends)-1]; s.From != ip("198.18.7.20") {
		t.Errorf("from %s", s.From)
	}
	// One on a LAN of ours is asked by asking everybody: on the way out.
	l = newLab(t)
	l.start()
	l.answer(packet.Offer, "192.168.32.1", "198.18.7.20")
	l.answer(packet.ACK, "192.168.32.1", "198.18.7.20")
	l.log = nil
	l.pass(30 * time.Minute)
	l.want("REQUEST ciaddr 198.18.7.20")
}

func TestNAKAtRenew(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(30 * time.Minute)
	l.log = nil
	l.answer(packet.NAK, rogue, "") // not asked
	l.want()
	l.answer(packet.NAK, server, "", opt(packet.OptionMessage, []byte("go \x1baway")...))
	l.want("nak refused", "deconfig refused 198.18.7.20/24", "forget", "DISCOVER") // at once
	if l.event.Text != `198.18.7.20 is not ours any more: server 198.18.7.1 refuses it: it says "go \x1baway"` || l.kept != nil {
		t.Errorf("%+v", l.event)
	}
	// A server that offers and refuses in turn is asked ever more slowly.
	for _, pause := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
		l.answer(packet.Offer, server, "198.18.7.21")
		l.pass(collect) // others are preferred to one that has refused
		l.log = nil
		l.answer(packet.NAK, server, "")
		l.want("nak refused", "forget")
		l.pass(pause - time.Millisecond)
		l.want()
		l.pass(pause / 2)
		l.want("DISCOVER")
	}
}

// TestRenewalChanges: the gateway and the MTU only, then the address.
func TestRenewalChanges(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.20", addrs(packet.OptionRouter, "198.18.7.2"), opt(packet.OptionMTU, 5, 0xd4))
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "renew extended 198.18.7.20/24 via 198.18.7.2 changed")
	if l.event.Facts.MTU != 1492 {
		t.Errorf("%+v", l.event.Facts)
	}
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, "198.18.7.3", "198.18.7.20", addrs(packet.OptionRouter, "198.18.7.2"), opt(packet.OptionMTU, 5, 0xd4))
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "renew rebound 198.18.7.20/24 via 198.18.7.2")
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, "198.18.7.3", "198.18.7.21")
	l.want("REQUEST to 198.18.7.3 ciaddr 198.18.7.20", "deconfig moved 198.18.7.20/24",
		"bound acknowledged 198.18.7.21/24 via 198.18.7.1", "announce 198.18.7.21")
	// One that cannot be ours changes nothing, and is asked again.
	l.pass(30 * time.Minute)
	l.log = nil
	l.answer(packet.ACK, "198.18.7.3", "192.168.32.7")
	l.want("leasefail not-believed")
	if l.used != "198.18.7.21" {
		t.Errorf("%q is used", l.used)
	}
}

// TestNAKStorm: a server that refuses whatever it offered is asked ever more slowly.
func TestNAKStorm(t *testing.T) {
	l := newLab(t)
	l.start()
	begin, n := l.now.Up, 0
	for l.now.Up-begin < 24*time.Hour {
		if s := len(l.sends); s > n {
			n = s
			if l.sends[n-1].Type == packet.Discover {
				l.answer(packet.Offer, server, "198.18.7.20")
			} else {
				l.answer(packet.NAK, server, "")
			}
			continue
		}
		l.pass(min(l.c.Next()-l.now.Up, time.Minute))
	}
	if n > 2*(8+24*3600/64) {
		t.Errorf("%d messages in a day", n)
	}
}

// TestOldAnswers: answers to an earlier question, for another card, or out of the blue.
func TestOldAnswers(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.answerTo(l.sent[1], packet.NAK, server, "")
	l.answerTo(l.sent[1], packet.ACK, server, "198.18.7.99")
	l.pass(30 * time.Minute)
	l.log = nil
	l.answer(packet.ACK, server, "198.18.7.99", func(p *packet.Packet) { p.CHAddr[5] = 9 })
	l.answer(packet.ACK, server, "198.18.7.99", func(p *packet.Packet) { p.XID++ })
	l.answer(packet.ACK, server, "198.18.7.99", func(p *packet.Packet) { p.Op = packet.BootRequest })
	l.answer(packet.Offer, server, "198.18.7.99")
	l.want()
	s := l.c.Status(l.now)
	if s.Ignored["not-ours"] != 1 || s.Ignored["not-asked"] != 3 || s.Ignored["not-a-reply"] != 1 || s.Ignored["not-now"] != 1 {
		t.Errorf("%v", s.Ignored)
	}
}

func TestStatusText(t *testing.T) {
	l := newLab(t)
	say := func(want string) {
		t.Helper()
		if got := l.c.Status(l.now).Text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	l.do(l.c.Start(l.now, nil, false))
	say("there is no carrier")
	l.do(l.c.Carrier(l.now, true))
	say("servers are asked for an address")
	l.pass(61 * time.Second)
	say("servers are asked for an address; no server has offered anything for 1m")
	l.answer(packet.Offer, server, "100.64.0.9")
	say("an offer is asked for; no server has offered anything for 1m")
	l.answer(packet.ACK, server, "100.64.0.9")
	say("100.64.0.9/24, cgnat from server 198.18.7.1; the lease holds for another 1h")
	l.pass(50 * time.Minute)
	say("100.64.0.9/24, cgnat from server 198.18.7.1; the lease holds for another 10m; no server has answered 4 requests in 20m 19s")
	l.do(l.c.Carrier(l.now, false))
	say("100.64.0.9/24, cgnat from server 198.18.7.1; the lease holds for another 10m; there is no carrier")
	l.pass(10 * time.Minute)
	say("there is no carrier; the lease of 100.64.0.9 has ended, and server 198.18.7.1 has not renewed it")
	l.do(l.c.Release(l.now))
	say("there is no address; it was released; it is asked for again when somebody says so")
}

// TestLateAnswer: of a renewal that was asked for twice, the first message is answered:
// the lease counts from it, not from the second.
func TestLateAnswer(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(30 * time.Minute)
	first, asked := l.sent[len(l.sent)-1], l.c.x.sent[0].at
	l.pass(15 * time.Minute)
	if len(l.sent) != 4 {
		t.Fatalf("%v", l.log)
	}
	l.answerTo(first, packet.ACK, server, "198.18.7.20")
	if l.event.Name != Renewed || l.event.Term.Start != asked || l.event.Term.End != asked+time.Hour {
		t.Errorf("asked at %s, %+v", asked, l.event)
	}
}

// TestFailures: a link that flaps does not shorten the wait after a refusal, and success
// ends it.
func TestFailures(t *testing.T) {
	l := newLab(t)
	l.start()
	for range 5 {
		l.pass(70 * time.Second)
		l.answer(packet.Offer, server, "198.18.7.20")
		l.pass(time.Second)
		l.answer(packet.NAK, server, "")
	}
	n := len(l.sent)
	for range 15 {
		l.pass(time.Second)
		l.do(l.c.Carrier(l.now, false))
		l.do(l.c.Carrier(l.now, true))
	}
	if len(l.sent) > n {
		t.Errorf("asked %d times in the 16 seconds after five refusals", len(l.sent)-n)
	}
	l.pass(10 * time.Second)
	l.answer(packet.Offer, server, "198.18.7.20")
	l.pass(time.Second)
	l.answer(packet.ACK, server, "198.18.7.20")
	l.pass(30 * time.Minute)
	l.log = nil
	l.answer(packet.NAK, server, "")
	l.pass(2 * time.Second)
	l.want("nak refused", "deconfig refused 198.18.7.20/24", "forget", "DISCOVER")
}

// TestOptions: what an ACK says with structure, and what is damaged.
func TestOptions(t *testing.T) {
	away := []byte("\x18\xcb\x00\x71\xc6\x12\x07\x03") // 203.0.113.0/24 via 198.18.7.3
	for _, tc := range []struct {
		name    string
		changes []change
		gateway string
		routes  int
		about   wan.About // of a remark; "": none
	}{
		{"121 without a default", []change{opt(121, away...)}, "invalid IP", 1, wan.AboutGateway},
		{"249 without a default", []change{opt(249, away...)}, server, 1, ""},
		{"121 before 249", []change{opt(249, 0, 198, 18, 7, 9), opt(121, append(away, 0, 198, 18, 7, 2)...)}, "198.18.7.2", 1, ""},
		{"121 damaged, 249 not", []change{opt(249, away...), opt(121, 33, 1)}, server, 1, wan.AboutRoute},
		{"119 damaged", []change{opt(119, 0xc0, 0)}, server, 0, wan.AboutDomain},
		{"no server identifier", []change{without(54)}, server, 0, wan.AboutServer},
		{"half an mtu, half an address", []change{opt(26, 5), opt(6, 9, 9)}, server, 0, ""},
	} {
		l := newLab(t)
		l.start()
		l.lease("198.18.7.20", tc.changes...)
		f := l.event.Facts
		if f.Gateway.String() != tc.gateway || len(f.Routes) != tc.routes || f.MTU != 0 || len(f.DNS) > 0 {
			t.Errorf("%s: %+v", tc.name, f)
		}
		if tc.about != "" {
			l.hasRemark(tc.about, "")
		} else if len(l.event.Remarks) > 0 {
			t.Errorf("%s: %+v", tc.name, l.event.Remarks)
		}
	}
}

// TestSaidTwice: servers that say things twice, as dnsmasq does where it is told to send option 54, and such
// as end with an option that is longer than the message. What comes first counts.
func TestSaidTwice(t *testing.T) {
	twice := func(p *packet.Packet) {
		for i := range p.Options {
			p.Options[i].Data = append(p.Options[i].Data, p.Options[i].Data...)
		}
	}
	l := newLab(t)
	l.start()
	l.lease("198.18.7.20", opt(26, 5, 120), twice)
	f, term := l.event.Facts, l.event.Term
	if f.Addrs[0].String() != "198.18.7.20/24" || f.Gateway.String() != server || f.MTU != 1400 || term.Server.String() != server ||
		term.End-term.Start != time.Hour || len(l.event.Remarks) > 0 {
		t.Errorf("%+v until %s, %+v", f, term.End, l.event.Remarks)
	}
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.20", func(p *packet.Packet) { p.Cut = 119 })
	l.hasRemark(wan.AboutServer, "option 119 of its message runs past the end")
}

// TestClockOfCaller: a moment that is before the last one is taken for that.
func TestClockOfCaller(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(10 * time.Second)
	before := l.now.Up
	l.do(l.c.Renew(Now{Up: before - 10*time.Second}))
	l.answer(packet.ACK, server, "198.18.7.20")
	if l.event.Name != Renewed || l.event.Term.Start != before {
		t.Errorf("%s, %+v", before, l.event)
	}
}
