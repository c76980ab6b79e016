package client_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// died has a server answer until a moment.
func died(s *ntptest.Server, when time.Duration) *ntptest.Server {
	s.Down = func(at time.Duration) bool { return at > when }
	return s
}

// since are the questions of a server after a moment.
func since(s *ntptest.Server, at time.Duration) []time.Duration {
	i := slices.IndexFunc(s.Asked, func(asked time.Duration) bool { return asked > at })
	if i < 0 {
		return nil
	}
	return s.Asked[i:]
}

// long is when servers are asked each 1024 s.
const long = 24 * time.Hour

// atLongPoll fails the test unless a server is asked that rarely.
func atLongPoll(t *testing.T, w *ntptest.World, a netip.Addr) {
	t.Helper()
	for _, s := range w.Client.Status(w.Now().Free).Servers {
		if s.Addr == a && s.Poll >= 1024*time.Second {
			return
		}
	}
	t.Fatalf("%v is not asked each 1024 s, the test is of no use: %+v", a, w.Client.Status(w.Now().Free).Servers)
}

// One that dies is asked each minute until all bits of its reach say so, and then less and less; never more
// than once a minute. One that is back goes on as before.
func TestSilentServer(t *testing.T) {
	s, back := at("192.0.2.1"), long+4*time.Hour
	s.Down = func(at time.Duration) bool { return at > long && at < back }
	w := world(t, ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{s.Addr}}}}, nil, s)
	w.Run(long)
	atLongPoll(t, w, s.Addr)
	w.Run(back)
	asked := since(s, long)
	if len(asked) < 12 {
		t.Fatalf("asked %d times in 4 hours", len(asked))
	}
	for i, want := range []int{64, 64, 64, 64, 64, 64, 64, 64, 128, 256, 512, 1024} {
		gap, least := asked[i+1]-asked[i], time.Duration(want)*time.Second-time.Second
		if gap < least || gap > least*104/100+2*time.Second {
			t.Errorf("%d questions without an answer, and then one after %v, want %d s", i+1, gap, want)
		}
	}
	if n := len(since(s, back-time.Hour)); n > 5 {
		t.Errorf("%d questions in the last of 4 hours without an answer", n)
	}
	w.Run(back + 2*time.Hour)
	atLongPoll(t, w, s.Addr)
	if n := len(since(s, back)); n > 8 {
		t.Errorf("%d questions in two hours after it was back", n)
	}
}

// One that complained is asked no sooner because it is silent.
func TestSilentAfterRate(t *testing.T) {
	s := at("192.0.2.1")
	s.Kiss = wire.KissRate
	s.Down = func(at time.Duration) bool { return at > time.Hour }
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}},
		map[string][]netip.Addr{"ntp.example": {s.Addr}}, s)
	w.Run(12 * time.Hour)
	asked := since(s, time.Hour)
	for i := range asked[1:] {
		if gap := asked[i+1] - asked[i]; gap < 1000*time.Second {
			t.Errorf("%v after the question before", gap)
		}
	}
}

// At long polls too, a name whose server dies has another address within half an hour of the first question
// without an answer; it is not resolved more than once in 8 minutes.
func TestSilentNameResolved(t *testing.T) {
	for _, pool := range []bool{false, true} {
		for _, others := range []int{0, 2} {
			old, renewed := died(at("192.0.2.1"), long), at("192.0.2.2")
			all := []*ntptest.Server{old, renewed}
			conf := ntp.Config{Sources: []ntp.Source{{Name: "ntp.example", Pool: pool}}}
			for i := range others {
				s := at(fmt.Sprintf("192.0.2.%d", 10+i))
				all = append(all, s)
				conf.Sources = append(conf.Sources, ntp.Source{Addrs: []netip.Addr{s.Addr}})
			}
			w := world(t, conf, map[string][]netip.Addr{"ntp.example": {old.Addr}}, all...)
			w.Run(long)
			atLongPoll(t, w, old.Addr)
			w.Names["ntp.example"] = []netip.Addr{old.Addr, renewed.Addr}
			if pool {
				w.Names["ntp.example"] = []netip.Addr{renewed.Addr} // a pool names others each time
			}
			w.Run(long + 1050*time.Second + 30*time.Minute)
			got := servers(w)
			if !slices.Contains(got, "192.0.2.2") || !pool && slices.Contains(got, "192.0.2.1") {
				t.Errorf("pool %v, with %d others: %v", pool, others, got)
			}
			if st := w.Client.Status(w.Now().Free).State; st != client.Known {
				t.Errorf("pool %v, with %d others: %v", pool, others, st)
			}
		}
	}
}

// A name whose only address is dead is resolved no more than once in 8 minutes, and its server is neither
// forgotten nor asked more than once in a minute, for a day; and that it does not answer is said.
func TestSilentNameStays(t *testing.T) {
	s := died(at("192.0.2.1"), long)
	conf := ntp.Config{Sources: []ntp.Source{{Name: "ntp.example"}}}
	w := world(t, conf, map[string][]netip.Addr{"ntp.example": {s.Addr}}, s)
	w.Run(long)
	atLongPoll(t, w, s.Addr)
	var resolvedAt []time.Duration
	w.Resolving = func(string) { resolvedAt = append(resolvedAt, w.At()) }
	w.Run(2 * long)
	if len(resolvedAt) < 24 {
		t.Errorf("resolved %d times in a day", len(resolvedAt))
	}
	for i := range resolvedAt[1:] {
		if gap := resolvedAt[i+1] - resolvedAt[i]; gap < 8*time.Minute {
			t.Errorf("resolved again after %v", gap)
		}
	}
	if hour, minute := busiest(s, time.Hour), busiest(s, time.Minute); len(since(s, long)) > 100 {
		t.Errorf("%d questions in a day, up to %d in an hour, %d in a minute", len(since(s, long)), hour, minute)
	}
	st := w.Client.Status(w.Now().Free)
	if got := servers(w); !slices.Equal(got, []string{"192.0.2.1"}) || st.Servers[0].Samples == 0 {
		t.Errorf("%v, %+v", got, st.Servers)
	}
	if want := []string{"ntp.example: no address of it answers"}; !slices.Equal(st.Problems, want) {
		t.Errorf("%q, want %q", st.Problems, want)
	}
}

// A network that is gone for a quarter of an hour costs nobody his place.
func TestSilentNetwork(t *testing.T) {
	var all []*ntptest.Server
	var addrs []netip.Addr
	for i := range 7 {
		s := at(fmt.Sprintf("192.0.2.%d", i+1))
		s.Down = func(at time.Duration) bool { return at > long && at < long+15*time.Minute }
		all, addrs = append(all, s), append(addrs, s.Addr)
	}
	w := world(t, ntp.Config{Sources: []ntp.Source{{Name: "pool.example", Pool: true}}},
		map[string][]netip.Addr{"pool.example": addrs}, all...)
	w.Run(long)
	before := servers(w)
	if len(before) != ntp.PoolServers {
		t.Fatalf("%v", before)
	}
	w.Run(long + 2*time.Hour)
	if got := servers(w); !slices.Equal(got, before) {
		t.Errorf("%v, before: %v", got, before)
	}
}

// Two names of one address are one server, with one vote; when one name gets another address, two.
func TestSameAddress(t *testing.T) {
	liar, good := at("192.0.2.1"), at("192.0.2.9")
	liar.Offset = func(time.Duration) time.Duration { return time.Second }
	mapped := netip.AddrFrom16(liar.Addr.As16()) // ::ffff:192.0.2.1
	conf := ntp.Config{Sources: []ntp.Source{{Name: "a.example"}, {Name: "b.example"}, {Name: "p.example", Pool: true},
		{Addrs: []netip.Addr{good.Addr}}}}
	w := world(t, conf, map[string][]netip.Addr{"a.example": {liar.Addr}, "b.example": {mapped},
		"p.example": {liar.Addr, mapped}}, liar, good)
	w.Run(2 * time.Hour)
	if got := servers(w); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.9"}) {
		t.Errorf("%v", got)
	}
	if st := w.Client.Status(w.Now().Free).State; st != client.NoMajority {
		t.Errorf("one against one: %v", st)
	}
	if n := busiest(liar, time.Minute); n > 12 {
		t.Errorf("asked %d times in a minute", n)
	}
}
