package firewall

import (
	"cmp"
	"net/netip"
	"slices"
)

// Martians are the networks of either family that are nobody's: no packet of a stranger has such a source,
// wherever the appliance stands (RFC 6890: "Source: False"; RFC 1122, 3.2.1.3; RFC 4291, 2.7).
func Martians() []netip.Prefix {
	return prefixesOf("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
		"::/127", "::ffff:0.0.0.0/96", "ff00::/8")
}

// SpecialPurpose are [Martians] and the networks that are private, shared, for documentation or benchmarks:
// they have no place on the global Internet (RFC 6890 and IANA's registries of special-purpose addresses),
// but strangers have them when the appliance stands behind another router.
func SpecialPurpose() []netip.Prefix {
	return append(Martians(), append(privateNetworks(), prefixesOf(
		"192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10")...)...)
}

// privateNetworks mean nothing outside: RFC 1918, RFC 6598 (shared), RFC 3927 (link-local) and RFC 4193
// (ULA).
func privateNetworks() []netip.Prefix {
	return prefixesOf("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"fc00::/7")
}

func prefixesOf(texts ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		ps[i] = netip.MustParsePrefix(t)
	}
	return ps
}

// A family is one version of IP and the fields of its addresses.
type family struct {
	number   uint32
	src, dst Field
}

func families() []family {
	return []family{{NFProtoIPv4, IPSaddr, IPDaddr}, {NFProtoIPv6, IP6Saddr, IP6Daddr}}
}

// suffix tells the two sets of one name apart.
func (f family) suffix() string {
	if f.number == NFProtoIPv4 {
		return "4"
	}
	return "6"
}

func (f family) has(a netip.Addr) bool { return a.Is4() == (f.number == NFProtoIPv4) }

// of returns the networks of f, sorted, each once and none within another.
func (f family) of(networks []netip.Prefix) []netip.Prefix {
	var own []netip.Prefix
	for _, p := range networks {
		if f.has(p.Addr()) {
			own = append(own, p.Masked())
		}
	}
	slices.SortFunc(own, compareNetworks)
	disjoint := own[:0]
	for _, p := range own {
		if n := len(disjoint); n == 0 || !disjoint[n-1].Contains(p.Addr()) {
			disjoint = append(disjoint, p)
		}
	}
	return disjoint
}

// within matches addresses in any of some networks of one family.
func within(f Field, networks []netip.Prefix) Match {
	m := Match{Fields: []Field{f}}
	for _, p := range networks {
		m.Values = append(m.Values, Value{Prefix: p})
	}
	return m
}

func address(a netip.Addr) Value { return Value{Prefix: netip.PrefixFrom(a, a.BitLen())} }

func addresses(as []netip.Addr) []netip.Prefix {
	ps := make([]netip.Prefix, len(as))
	for i, a := range as {
		ps[i] = address(a).Prefix
	}
	return ps
}

// elementsOf makes an element of each network.
func elementsOf(networks []netip.Prefix) []Element {
	elements := make([]Element, len(networks))
	for i, p := range networks {
		elements[i].Key = []Value{{Prefix: p}}
	}
	return elements
}

// addressSets declares the policy's sets.
func (c *compiler) addressSets() {
	for _, s := range c.policy.Sets {
		c.table.Sets = append(c.table.Sets, s.Sets()...)
	}
}

// setName is what the tree calls the set of one family: "net_servers4". The prefix keeps names and words of
// nft apart.
func setName(name string, f family) string { return "net_" + name + f.suffix() }

// Sets are the tree's sets of s: one of each family that has networks; of a live one both, for networks may
// come.
func (s AddressSet) Sets() []Set {
	var sets []Set
	for _, f := range families() {
		if own := f.of(s.Networks); len(own) > 0 || s.Live {
			sets = append(sets, Set{Name: setName(s.Name, f), Key: []Field{f.src}, Interval: true,
				Elements: elementsOf(own)})
		}
	}
	return sets
}

// Exchanged returns what of the sorted elements of an interval set is gone, and what is new.
func Exchanged(before, after []Element) (gone, added []Element) {
	for len(before) > 0 && len(after) > 0 {
		a, b := before[0].Key[0].Prefix, after[0].Key[0].Prefix
		switch order := compareNetworks(a, b); {
		case order < 0:
			gone, before = append(gone, before[0]), before[1:]
		case order > 0:
			added, after = append(added, after[0]), after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return append(gone, before...), append(added, after...)
}

// compareNetworks orders networks as nft(8) lists them.
func compareNetworks(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
}
