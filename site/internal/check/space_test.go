package check

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// network of 16 addresses, which random ones are within.
func randomNetwork(r *rand.Rand) netip.Prefix {
	bits := 28 + r.IntN(5)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(16))}), bits).Masked()
}

// TestNetworksByAddress compares what networks have together with what their addresses say one by one.
func TestNetworksByAddress(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	seen := map[bool]int{}
	for range 5000 {
		var some []netip.Prefix
		for range r.IntN(7) {
			some = append(some, randomNetwork(r))
		}
		p := randomNetwork(r)
		left, covered := without(p, some), true
		for i := range 16 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			has := func(n netip.Prefix) bool { return n.Contains(a) }
			in := slices.ContainsFunc(some, has)
			covered = covered && (in || !p.Contains(a))
			if got, want := slices.ContainsFunc(left, has), p.Contains(a) && !in; got != want {
				t.Fatalf("%s without %s is %s, which has %s: %t", p, some, left, a, got)
			}
		}
		if got := coversNetwork(aggregated(slices.Clone(some)), p); got != covered {
			t.Fatalf("%s cover %s: %t", some, p, got)
		}
		seen[covered]++
	}
	if seen[true] < 500 || seen[false] < 500 {
		t.Errorf("covered or not: %v", seen)
	}
}

// TestZonesByRoute: an address is in the zone that its packets are routed to, by the longest network.
func TestZonesByRoute(t *testing.T) {
	networks := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	c := &firewallCheck{loader: &loader{}, zones: []zone{
		{name: "a", lan: "a", networks: networks("192.168.32.0/24", "10.0.0.0/8", "2001:db8::/48")},
		{name: "b", lan: "b", networks: networks("10.1.0.0/16")},
		{name: "wan", networks: networks("10.1.2.0/24")},
		{name: "part", lan: "b", part: true, networks: networks("10.1.128.0/17")},
	}}
	c.places = newPlaces(c.zones)
	for text, want := range map[string]string{
		"192.168.32.7/32": "map[a:[192.168.32.7/32]]",
		"10.7.0.1/32":     "map[a:[10.7.0.1/32]]",
		"10.1.0.1/32":     "map[b:[10.1.0.1/32]]",
		"10.1.2.1/32":     "map[wan:[10.1.2.1/32]]",
		"10.1.200.1/32":   "map[part:[10.1.200.1/32]]",
		"8.8.8.8/32":      "map[wan:[8.8.8.8/32]]",
		"2001:db8:1::/48": "map[wan:[2001:db8:1::/48]]",
		"2001:db8::/47":   "map[a:[2001:db8::/48] wan:[2001:db8:1::/48]]",
		"10.1.2.0/23":     "map[b:[10.1.3.0/24] wan:[10.1.2.0/24]]",
		"10.1.192.0/18":   "map[part:[10.1.192.0/18]]",
		"10.0.0.0/15":     "map[a:[10.0.0.0/16] b:[10.1.0.0/23 10.1.3.0/24 10.1.4.0/22 10.1.8.0/21 10.1.16.0/20 10.1.32.0/19 10.1.64.0/18] part:[10.1.128.0/17] wan:[10.1.2.0/24]]",
	} {
		if got := fmt.Sprint(c.partsOf(netip.MustParsePrefix(text))); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
