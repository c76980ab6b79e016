package firewall

import (
	"net/netip"
	"slices"
	"testing"
)

func TestExchanged(t *testing.T) {
	elements := func(networks ...string) []Element {
		var ps []netip.Prefix
		for _, n := range networks {
			ps = append(ps, netip.MustParsePrefix(n))
		}
		return elementsOf(ps)
	}
	for _, c := range []struct{ before, after, gone, added []Element }{
		{},
		{before: elements("10.0.0.0/8"), after: elements("10.0.0.0/8")},
		{after: elements("10.0.0.0/8"), added: elements("10.0.0.0/8")},
		{before: elements("10.0.0.0/8"), gone: elements("10.0.0.0/8")},
		{
			elements("10.0.0.0/9", "10.128.0.0/9", "192.0.2.0/24"), elements("10.0.0.0/8", "11.0.0.0/8", "192.0.2.0/24"),
			elements("10.0.0.0/9", "10.128.0.0/9"), elements("10.0.0.0/8", "11.0.0.0/8"),
		},
	} {
		gone, added := Exchanged(c.before, c.after)
		same := func(a, b []Element) bool {
			return slices.EqualFunc(a, b, func(a, b Element) bool { return a.Key[0].Prefix == b.Key[0].Prefix })
		}
		if !same(gone, c.gone) || !same(added, c.added) {
			t.Errorf("%v to %v: gone %v, added %v", c.before, c.after, gone, added)
		}
	}
}
