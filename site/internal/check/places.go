package check

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// places finds the zone of an address without looking at all networks of all zones.
type places struct {
	zones []zone
	wan   int // of zones; -1: there is no upstream
	// networks of zones that the site made of parts of LANs, which do not overlap
	made    map[netip.Prefix]int
	whole   map[netip.Prefix]int // networks of all others; of several zones with one, the first has it
	lengths [2][129]bool         // of both, IPv4 first

	parts map[netip.Prefix]map[string][]netip.Prefix // what partsOf has found
}

func newPlaces(zones []zone) *places {
	p := &places{zones: zones, wan: -1, made: map[netip.Prefix]int{}, whole: map[netip.Prefix]int{},
		parts: map[netip.Prefix]map[string][]netip.Prefix{}}
	for i, z := range zones {
		if z.name == model.ZoneWAN {
			p.wan = i
		}
		all := p.whole
		if z.part {
			all = p.made
		}
		for _, n := range z.networks {
			p.lengths[family(n.Addr())][n.Bits()] = true
			if _, taken := all[n.Masked()]; !taken {
				all[n.Masked()] = i
			}
		}
	}
	return p
}

// of returns the zone of an address; false if it is in none.
func (p *places) of(a netip.Addr) (zone, bool) {
	for _, all := range []map[netip.Prefix]int{p.made, p.whole} {
		for length := a.BitLen(); length >= 0; length-- {
			if !p.lengths[family(a)][length] {
				continue
			}
			if i, ok := all[netip.PrefixFrom(a, length).Masked()]; ok {
				return p.zones[i], true
			}
		}
	}
	if p.wan < 0 {
		return zone{}, false
	}
	return p.zones[p.wan], true
}
