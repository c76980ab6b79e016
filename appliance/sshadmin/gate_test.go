package sshadmin

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

func TestSourceOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth1": "fe80::/64",
	} {
		if got := sourceOf(netip.MustParseAddr(addr), ethernet.MAC{}); got.String() != want {
			t.Errorf("%s counts as %v, want %s", addr, got, want)
		}
	}
	one, other := ethernet.MAC{2, 0, 0, 0, 0, 1}, ethernet.MAC{2, 0, 0, 0, 0, 2}
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	if sourceOf(a, one) != sourceOf(b, one) || sourceOf(a, one) == sourceOf(a, other) || sourceOf(a, one).network != sourceOf(b, other).network {
		t.Error("on a link hosts of a /64 are told apart by their cards, and are one network")
	}
	a, b = netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	if sourceOf(a, one) != sourceOf(b, one) || sourceOf(a, one).network == sourceOf(a, other).network {
		t.Error("on a link hosts are told apart by their cards, whatever IPv4 addresses they have")
	}
	if got := sourceOf(a, one).String(); got != "the card 02:00:00:00:00:01" {
		t.Errorf("%s", got)
	}
}

// TestNeighboursAtTheDoor: who floods by any number of addresses of the LAN's /64 drives out nobody but
// himself.
func TestNeighboursAtTheDoor(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	g := &gate{max: 12, perSource: 6}
	flooding, honest := ethernet.MAC{2, 0, 0, 0, 0, 1}, []ethernet.MAC{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 3}}
	addr := func() netip.Addr { return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(random.IntN(256))}) }
	flood := func(n int) {
		for range n {
			g.enter(addr(), flooding, func() {})
		}
	}
	out := 0
	flood(100)
	for _, card := range honest {
		g.enter(addr(), card, func() { out++ })
		flood(100)
	}
	g.enter(netip.MustParseAddr("192.0.2.7"), ethernet.MAC{}, func() { out++ })
	flood(100)
	networks := map[network]int{}
	for _, p := range g.pending {
		networks[p.network]++
	}
	if out > 0 || networks[sourceOf(addr(), flooding).network] != 6 || len(g.pending) != 7 {
		t.Errorf("%d of three honest ones were driven out; there are %v", out, g.pending)
	}
}

// crowd is the slow, obvious gate: the sources that are inside, oldest first. Those of whom somebody has
// logged in before they came end in .9 or more.
type crowd []netip.Addr

func known(source netip.Addr) bool { return source.As4()[3] >= 9 }

func (c crowd) count(source netip.Addr) (n int) {
	for _, s := range c {
		if s == source {
			n++
		}
	}
	return n
}

// victim returns the place that source's newcomer takes, -1 for a free one.
func (c crowd) victim(source netip.Addr, most, mostPerSource int) int {
	if c.count(source) == mostPerSource {
		return slices.Index(c, source)
	}
	if len(c) < most {
		return -1
	}
	var strangers crowd
	for _, s := range c {
		if !known(s) {
			strangers = append(strangers, s)
		}
	}
	if len(strangers) == 0 {
		strangers = c
	}
	crowded := strangers[0]
	if slices.Contains(strangers, source) {
		crowded = source
	}
	for _, s := range strangers {
		if strangers.count(s) > strangers.count(crowded) {
			crowded = s
		}
	}
	return slices.Index(c, crowded)
}

// TestGate compares the gate with the crowd on random arrivals and departures.
func TestGate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	g := &gate{max: 12, perSource: 5}
	for last := range byte(2) {
		g.welcome(netip.AddrFrom4([4]byte{192, 0, 2, 9 + last}))
	}
	var want crowd
	var tickets []*ticket // of want
	for step := range 20000 {
		if len(want) > 0 && random.IntN(5) == 0 {
			i := random.IntN(len(want))
			g.leave(tickets[i])
			want, tickets = slices.Delete(want, i, i+1), slices.Delete(tickets, i, i+1)
			continue
		}
		source := netip.AddrFrom4([4]byte{192, 0, 2, byte(max(0, random.IntN(14)-3))}) // .0 floods
		out := want.victim(source, g.max, g.perSource)
		evicted := false
		if out >= 0 {
			tickets[out].evict = func() { evicted = true }
			want, tickets = slices.Delete(want, out, out+1), slices.Delete(tickets, out, out+1)
		}
		want = append(want, source)
		tickets = append(tickets, g.enter(source, ethernet.MAC{}, func() { t.Errorf("step %d: evicted too soon", step) }))
		if !slices.Equal(g.pending, tickets) || evicted != (out >= 0) {
			t.Fatalf("step %d: %v comes in, wanted inside: %v; evicted: %v", step, source, want, evicted)
		}
	}
	g.leave(&ticket{}) // a stranger changes nothing
	for _, tk := range tickets {
		tk.evict = func() {}
	}
	if g.evictAll(); len(g.pending) != 0 {
		t.Errorf("%d left after evictAll", len(g.pending))
	}
}

// TestBounds: with lower bounds those go who would have been driven out under them.
func TestBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		wide, narrow := &gate{max: 20, perSource: 10}, &gate{max: 7, perSource: 3}
		out := map[netip.Addr]int{}
		for range 30 {
			source := netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(6))})
			wide.enter(source, ethernet.MAC{}, func() { out[source]++ })
		}
		before := len(out)
		for _, tk := range wide.pending {
			narrow.enter(tk.prefix.Addr(), ethernet.MAC{}, func() {})
		}
		wide.bound(7, 3)
		sources := func(g *gate) (all []source) {
			for _, tk := range g.pending {
				all = append(all, tk.source)
			}
			return all
		}
		if !slices.Equal(sources(wide), sources(narrow)) || len(out) < before {
			t.Fatalf("inside %v, want %v", sources(wide), sources(narrow))
		}
		evicted := 0
		for _, n := range out {
			evicted += n
		}
		if evicted+len(wide.pending) != 30 {
			t.Fatalf("%d evicted, %d inside, of 30", evicted, len(wide.pending))
		}
	}
}

// TestFamiliar: the last few addresses are remembered, each once.
func TestFamiliar(t *testing.T) {
	g := &gate{max: 1, perSource: 1}
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	for i := range maxFamiliar + 3 {
		g.welcome(addr(i))
		g.welcome(addr(0))
	}
	for i := range maxFamiliar + 3 {
		ticket := g.enter(addr(i), ethernet.MAC{}, func() {})
		if want := i == 0 || i > 3; ticket.familiar != want {
			t.Errorf("%v is familiar: %v, want %v", addr(i), ticket.familiar, want)
		}
	}
}
