package client_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

var crystal = ntptest.Crystal{Frequency: 31e-6, Wander: 1e-19}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// at is a good server.
func at(a string) *ntptest.Server {
	return &ntptest.Server{Addr: addr(a), Out: 5 * time.Millisecond, Back: 5 * time.Millisecond,
		Queue: ntptest.Exponential(time.Millisecond)}
}

// world is one with names.
func world(t *testing.T, conf ntp.Config, names map[string][]netip.Addr, servers ...*ntptest.Server) *ntptest.World {
	w := ntptest.New(t, 1, conf, crystal, 0, discipline.Kept{}, servers...)
	for n, a := range names {
		w.Names[n] = a
	}
	return w
}

// asked are the addresses that a server has in a Status, in their order.
func servers(w *ntptest.World) (addrs []string) {
	for _, s := range w.Client.Status(w.Now().Free).Servers {
		addrs = append(addrs, s.Addr.String())
	}
	return addrs
}

// busiest is how many questions came within any minute, and hour.
func busiest(s *ntptest.Server, window time.Duration) (most int) {
	for i := range s.Asked {
		n := 0
		for _, at := range s.Asked[i:] {
			if at < s.Asked[i]+window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// A dual-stack name whose IPv6 does not answer falls back to IPv4, at once.
func TestOtherFamily(t *testing.T) {
	six, four := at("2001:db8::1"), at("192.0.2.1")
	six.Down = func(time.Duration) bool { return true }
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}},
		map[string][]netip.Addr{"ntp.example": {six.Addr, four.Addr}}, six, four)
	w.Run(5 * time.Second)
	if got := servers(w); !slices.Equal(got, []string{"192.0.2.1"}) || !w.Discipline.Report(w.Now()).Synchronised {
		t.Errorf("%v, %+v", got, w.Client.Status(w.Now().Free))
	}
}

// A pool has up to four servers, and another for one that is dead or that contradicts the others.
func TestPool(t *testing.T) {
	var all []*ntptest.Server
	var addrs []netip.Addr
	for i := range 7 {
		all = append(all, at(fmt.Sprintf("192.0.2.%d", i+1)))
		addrs = append(addrs, all[i].Addr)
	}
	all[1].Down = func(time.Duration) bool { return true }
	all[2].Offset = func(time.Duration) time.Duration { return time.Minute }
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "pool.example", Pool: true}}},
		map[string][]netip.Addr{"pool.example": addrs}, all...)
	w.Run(2 * time.Hour)
	got := servers(w)
	if slices.Sort(got); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.4", "192.0.2.5", "192.0.2.6"}) {
		t.Errorf("%v", got)
	}
}

// One that answers, and never gives the time, does not keep the place of another address; without another it
// is asked as before, and its name is resolved once an hour.
func TestOfNoUse(t *testing.T) {
	unsynced := func(s *ntptest.Server) { s.Unsynced = true }
	wrong := func(s *ntptest.Server) { s.Offset = func(time.Duration) time.Duration { return time.Minute } }
	impossible := func(s *ntptest.Server) {
		s.Offset = func(time.Duration) time.Duration { return -40 * 365 * 24 * time.Hour }
	}
	for what, spoil := range map[string]func(*ntptest.Server){"unsynchronised": unsynced, "impossible": impossible, "wrong": wrong} {
		for _, src := range []ntp.Source{
			{Name: "ntp.example"}, {Name: "ntp.example", Pool: true},
			{Name: "ntp.example", Addrs: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}},
		} {
			bad, good, c, d := at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3"), at("192.0.2.4")
			spoil(bad)
			w := world(t, ntp.Config{Sources: []ntp.Source{src, {Name: "c.example"}, {Name: "d.example"}}}, map[string][]netip.Addr{
				"ntp.example": {bad.Addr, good.Addr}, "c.example": {c.Addr}, "d.example": {d.Addr}}, bad, good, c, d)
			w.Run(2 * time.Hour)
			if got := servers(w); !slices.Contains(got, "192.0.2.2") || !src.Pool && len(got) != 3 {
				t.Errorf("%s, %+v: %v", what, src, got)
			}
		}
	}
	// Alone, and then its name has another address.
	bad, good := at("192.0.2.1"), at("192.0.2.2")
	unsynced(bad)
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}}, map[string][]netip.Addr{"ntp.example": {bad.Addr}}, bad, good)
	w.Run(6 * time.Hour)
	if got, n := w.Client.Status(w.Now().Free).State, busiest(bad, time.Hour); got != client.NoAnswers || n > 64 || n < 50 {
		t.Errorf("alone: %v, %d questions in an hour", got, n)
	}
	w.Names["ntp.example"] = []netip.Addr{good.Addr}
	w.Run(w.At() + 62*time.Minute)
	if got := servers(w); !slices.Equal(got, []string{"192.0.2.2"}) || w.Client.Status(w.Now().Free).State != client.Known {
		t.Errorf("another address: %v", got)
	}
}

// resolved are the Resolve actions of a list.
func resolved(actions []client.Action) (found []client.Resolve) {
	for _, a := range actions {
		if r, ok := a.(client.Resolve); ok {
			found = append(found, r)
		}
	}
	return found
}

// A name is resolved at once and early; again, rarer and rarer, while it cannot be; and when all its
// addresses are dead. How often, over a day.
func TestResolving(t *testing.T) {
	conf := ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}}
	c, err := client.New(&conf, ntptest.Built, filter.Unknown, func() uint64 { return 5 })
	if err != nil {
		t.Fatal(err)
	}
	n, first := 0, time.Duration(-1)
	for now := time.Duration(0); now < 24*time.Hour; now = max(now+1, c.Next()) {
		for _, r := range resolved(c.Tick(now)) {
			if !r.Early || r.Name != "ntp.example" {
				t.Fatalf("%+v", r)
			}
			if n++; first < 0 {
				first = now
			}
			c.Resolved(now, r.Name, nil, "SERVFAIL")
		}
	}
	if first != 0 || n < 80 || n > 100 {
		t.Errorf("asked %d times, first after %v", n, first)
	}
	if p := c.Status(24 * time.Hour).Problems; !slices.Equal(p, []string{"ntp.example: SERVFAIL"}) {
		t.Errorf("%q", p)
	}
}

// When its servers are dead, a name is resolved again, and what it says now is used.
func TestResolvedAgain(t *testing.T) {
	old, renewed := at("192.0.2.1"), at("192.0.2.2")
	old.Down = func(at time.Duration) bool { return at > 2*time.Hour }
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}},
		map[string][]netip.Addr{"ntp.example": {old.Addr}}, old, renewed)
	w.Run(3 * time.Hour / 2)
	w.Names["ntp.example"] = []netip.Addr{renewed.Addr}
	w.Run(9 * time.Hour)
	if got := servers(w); !slices.Equal(got, []string{"192.0.2.2"}) || w.Client.Status(w.Now().Free).State != client.Known {
		t.Errorf("%v, %+v", got, w.Client.Status(w.Now().Free))
	}
}

// RATE slows, for good; DENY ends, for a day.
func TestKisses(t *testing.T) {
	rate, deny := at("192.0.2.1"), at("192.0.2.2")
	rate.Kiss, deny.Kiss = wire.KissRate, wire.KissDeny
	w := world(t, ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{rate.Addr}}, {Addrs: []netip.Addr{deny.Addr}}}}, nil, rate, deny)
	w.Run(23 * time.Hour)
	if n := len(deny.Asked); n != 1 {
		t.Errorf("asked %d times after DENY", n)
	}
	if n := busiest(rate, 110*time.Second); n != 1 || len(rate.Asked) > 100 {
		t.Errorf("asked %d times after RATE, %d within 110 s", len(rate.Asked), n)
	}
	w.Run(26 * time.Hour)
	if n := len(deny.Asked); n != 2 {
		t.Errorf("asked %d times in 26 hours after DENY", n)
	}
}

// Whatever happens, no server gets more than its tokens allow.
func TestNoStorm(t *testing.T) {
	for name, change := range map[string]func(*ntptest.Server){
		"good":     func(*ntptest.Server) {},
		"dead":     func(s *ntptest.Server) { s.Down = func(time.Duration) bool { return true } },
		"unsynced": func(s *ntptest.Server) { s.Unsynced = true },
		"random": func(s *ntptest.Server) {
			s.Offset = func(at time.Duration) time.Duration { return at * 12345 % time.Hour }
		},
	} {
		for _, named := range []bool{false, true} {
			s := at("192.0.2.1")
			change(s)
			conf := ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{s.Addr}}}}
			if named {
				conf.Sources[0] = ntp.Source{Name: "ntp.example"}
			}
			w := world(t, conf, map[string][]netip.Addr{"ntp.example": {s.Addr}}, s)
			w.Watch = func(at time.Duration) {
				if at > time.Hour {
					return
				}
				for _, a := range w.Client.Jumped(w.Now().Free) { // each second
					w.Act(a)
				}
				for _, a := range w.Client.Online(w.Now().Free) {
					w.Act(a)
				}
			}
			w.Run(3 * time.Hour)
			minute, hour := busiest(s, time.Minute), busiest(s, time.Hour)
			if minute > 12 || hour > 8+3600/16 {
				t.Errorf("%s, named %v: %d questions within a minute, %d within an hour", name, named, minute, hour)
			}
		}
	}
}

// exchange begins one with a single server.
func exchange(t *testing.T) (*client.Client, client.Ask) {
	conf := ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{addr("192.0.2.1")}}}}
	r := uint64(77)
	c, err := client.New(&conf, ntptest.Built, filter.Unknown, func() uint64 { r = r*6364136223846793005 + 1; return r })
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Tick(0) {
		if ask, ok := a.(client.Ask); ok {
			return c, ask
		}
	}
	t.Fatal("nothing is asked")
	return nil, client.Ask{}
}

// A question says nothing about who asks: all but its first byte and its cookie is zero.
func TestMinimisation(t *testing.T) {
	_, ask := exchange(t)
	want := make([]byte, 40)
	want[0] = 0x23
	if !slices.Equal(ask.Packet[:40], want) || slices.Equal(ask.Packet[40:], want[32:]) {
		t.Errorf("%x", ask.Packet)
	}
}

// What is heard as an answer, and as what.
func TestChecks(t *testing.T) {
	_, ask := exchange(t)
	q, _, _ := wire.Read(ask.Packet[:])
	good := wire.Header{Version: 4, Mode: 4, Stratum: 1, Precision: -20, Origin: q.Transmit,
		Receive: wire.FromUnix(ntptest.Start), Transmit: wire.FromUnix(ntptest.Start + 1000)}
	for _, c := range []struct {
		name   string
		change func(*wire.Header)
		want   client.Counts
	}{
		{"good", func(*wire.Header) {}, client.Counts{Good: 1}},
		{"version 3", func(h *wire.Header) { h.Version = 3 }, client.Counts{Good: 1}},
		{"version 2", func(h *wire.Header) { h.Version = 2 }, client.Counts{Foreign: 1}},
		{"another cookie", func(h *wire.Header) { h.Origin++ }, client.Counts{Foreign: 1}},
		{"broadcast", func(h *wire.Header) { h.Mode = wire.ModeBroadcast }, client.Counts{Foreign: 1}},
		{"a question", func(h *wire.Header) { h.Mode = wire.ModeClient }, client.Counts{Foreign: 1}},
		{"stratum 16", func(h *wire.Header) { h.Stratum = 16 }, client.Counts{Unsynced: 1}},
		{"leap 3", func(h *wire.Header) { h.Leap = 3 }, client.Counts{Unsynced: 1}},
		{"no transmit time", func(h *wire.Header) { h.Transmit = 0 }, client.Counts{Bad: 1}},
		{"no receive time", func(h *wire.Header) { h.Receive = 0 }, client.Counts{Bad: 1}},
		{"sent before it came", func(h *wire.Header) { h.Transmit -= 1 << 32 }, client.Counts{Bad: 1}},
		{"held longer than the trip", func(h *wire.Header) { h.Transmit += 1 << 32 }, client.Counts{Bad: 1}},
		{"far from its reference", func(h *wire.Header) { h.RootDelay = 3 << 16 }, client.Counts{Bad: 1}},
		{"dispersed", func(h *wire.Header) { h.RootDispersion = 3 << 15 }, client.Counts{Bad: 1}},
		{"another kiss", func(h *wire.Header) { h.Stratum, h.RefID = 0, wire.RefID{'I', 'N', 'I', 'T'} }, client.Counts{Kisses: 1}},
	} {
		eng, ask := exchange(t)
		h := good
		c.change(&h)
		eng.Receive(20*time.Millisecond, client.Answer{Exchange: ask.Exchange, Packet: h.Append(nil), Received: 20 * time.Millisecond})
		got := eng.Status(0).Servers[0].Counts
		if c.want.Sent = 1; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		eng.Receive(30*time.Millisecond, client.Answer{Exchange: ask.Exchange, Packet: good.Append(nil), Received: 30 * time.Millisecond})
		if got := eng.Status(0).Servers[0].Counts; c.want.Foreign == 0 && got != c.want {
			t.Errorf("%s: another answer was heard: %+v", c.name, got)
		} else if c.want.Foreign == 1 && got.Good != 1 {
			t.Errorf("%s: the answer that followed was not heard: %+v", c.name, got)
		}
	}
}
