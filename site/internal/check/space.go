package check

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// zonesOf are the zones that some of a network is in, in their order.
func (c *firewallCheck) zonesOf(p netip.Prefix) []string {
	parts := c.partsOf(p)
	return slices.DeleteFunc(c.zoneNames(), func(zone string) bool { return len(parts[zone]) == 0 })
}

// partsOf returns which parts of a network are in which zones.
func (c *firewallCheck) partsOf(p netip.Prefix) map[string][]netip.Prefix {
	if p.IsSingleIP() {
		if z, ok := c.zoneOfAddr(p.Addr()); ok {
			return map[string][]netip.Prefix{z.name: {p}}
		}
		return nil
	}
	if known, ok := c.places.parts[p]; ok {
		return known
	}
	parts := map[string][]netip.Prefix{}
	for _, z := range c.zones {
		c.steps++
		if own := c.within(z, p); len(own) > 0 {
			parts[z.name] = own
		}
	}
	c.places.parts[p] = parts
	return parts
}

// zoneOf is the zone on or behind a LAN that an address is in, false if it is in none.
func (c *firewallCheck) zoneOf(a netip.Addr) (zone, bool) {
	z, ok := c.zoneOfAddr(a)
	return z, ok && z.lan != ""
}

// zoneOfAddr is the zone that an address is in: a part of a LAN before all of it, and else as packets are
// routed, by the longest network. What is nowhere else is upstream, if there is an upstream.
func (c *firewallCheck) zoneOfAddr(a netip.Addr) (zone, bool) {
	return c.places.of(a)
}

// within returns what of a network is in a zone.
func (c *firewallCheck) within(z zone, p netip.Prefix) []netip.Prefix {
	var own []netip.Prefix
	for _, n := range z.networks {
		if p.Overlaps(n) {
			own = append(own, without(smaller(p, n), c.moreSpecific(z, n))...)
		}
	}
	if z.name == model.ZoneWAN {
		own = append(own, without(p, c.moreSpecific(z, netip.PrefixFrom(p.Addr(), 0).Masked()))...)
	}
	return own
}

// moreSpecific are the networks of other zones that packets to some addresses of n, a network of z, go to.
func (c *firewallCheck) moreSpecific(z zone, n netip.Prefix) []netip.Prefix {
	if z.part {
		return nil // networks of parts do not overlap
	}
	var all []netip.Prefix
	for _, other := range c.zones {
		for _, m := range other.networks {
			if other.name != z.name && contains(n, m) && (other.part || m.Bits() > n.Bits()) {
				all = append(all, m)
			}
		}
	}
	return all
}

// smaller is what two overlapping networks have in common.
func smaller(p, q netip.Prefix) netip.Prefix {
	if p.Bits() > q.Bits() {
		return p
	}
	return q
}

// without returns the networks that are left of p when others are taken out of it.
func without(p netip.Prefix, others []netip.Prefix) []netip.Prefix {
	switch {
	case slices.ContainsFunc(others, func(o netip.Prefix) bool { return contains(o, p) }):
		return nil
	case !slices.ContainsFunc(others, p.Overlaps):
		return []netip.Prefix{p}
	}
	low, high := halves(p)
	return append(without(low, others), without(high, others)...)
}

// halves are the two networks that make up p, which has more than one address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	middle, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(middle, p.Bits()+1)
}
