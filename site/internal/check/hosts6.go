package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// networks6 are those IPv6 networks of a LAN that the site itself knows, with the appliance's address in
// each: fixed ones, and subnets of prefixes that do not come from a provider.
func (l *loader) networks6(lan model.LAN) []netip.Prefix {
	all := slices.Clone(lan.IPv6)
	for _, from := range lan.From6 {
		if p, known := l.site.Prefix6(from); known {
			if n, ok := model.Subnet6(p, lan.Subnet); ok {
				all = append(all, netip.PrefixFrom(n.Addr().Next(), n.Bits()))
			}
		}
	}
	return all
}

// checkWhole6 compares a whole IPv6 address of a host with the networks that its LAN's hosts are told of: one
// that these contradict is reached by nobody. Others' networks, which a route leads to, are no concern of it.
func (l *loader) checkWhole6(h *hostEntry, a netip.Addr, at source.Span) {
	if !l.settled || !a.Is6() || model.Plain(a) != a || l.isRouted(a) && l.ownNetwork(a) == nil {
		return
	}
	for i, lan := range l.site.LANs {
		for _, n := range l.networks6(lan) {
			if n.Contains(a) {
				l.checkPlace6(h, i, n, a, at)
				return
			}
		}
	}
	for _, from := range l.site.Sources6() {
		if p, known := l.site.Prefix6(from); known && p.Contains(a) {
			l.At(at, "address %s of %q is in %s (%s), but in no network that a lan has of it; expected %s", a,
				h.Name, p, from, l.expected6(h, a))
			return
		}
	}
	if on := l.byIPv4(h); len(on) > 0 && l.site.LANs[on[0]].HasIPv6() && l.networkOf(a) == nil {
		lan := l.site.LANs[on[0]]
		l.Against(at, l.raw.LANs[on[0]].Name.At,
			"address %s of %q is in no IPv6 network of lan %q, where its IPv4 "+
				"address is; expected %s", a, h.Name, lan.Name, l.expected6(h, a))
	}
}

// checkPlace6 looks whether a host that has an address on a network of a LAN is there by IPv4 too.
func (l *loader) checkPlace6(h *hostEntry, lan int, n netip.Prefix, a netip.Addr, at source.Span) {
	name := l.site.LANs[lan].Name
	switch on := l.byIPv4(h); {
	// with fixed ones all addresses are compared
	case a == n.Addr() && !slices.Contains(l.site.LANs[lan].IPv6, n):
		l.Against(at, l.raw.LANs[lan].Name.At,
			"address %s of %q is the appliance's own on lan %q; expected another", a, h.Name, name)
	case len(on) > 0 && !slices.Contains(on, lan):
		l.Against(at, l.raw.LANs[lan].Name.At,
			"address %s of %q is on lan %q, but its IPv4 address on lan %q; expected %s", a, h.Name, name,
			l.site.LANs[on[0]].Name, l.expected6(h, a))
	}
}

// byIPv4 are the LANs, by their indexes, on which a host has an IPv4 address.
func (l *loader) byIPv4(h *hostEntry) (all []int) {
	for i, lan := range l.site.LANs {
		if slices.ContainsFunc(h.Addrs, lan.IPv4.Contains) {
			all = append(all, i)
		}
	}
	return all
}

// isRouted reports whether the site has a route of its own to an address.
func (l *loader) isRouted(a netip.Addr) bool {
	return slices.ContainsFunc(l.site.Routes, func(r model.Route) bool {
		return r.To.Bits() > 0 && r.To.Contains(a)
	})
}

// expected6 says what address a host could have in place of one: with the same end where its IPv4 address is.
func (l *loader) expected6(h *hostEntry, a netip.Addr) string {
	var all []string
	for _, i := range l.byIPv4(h) {
		if lan := l.site.LANs[i]; lan.HasIPv6() {
			for _, n := range l.networks6(lan) {
				all = append(all, model.Within(n, a).String())
			}
			if s := model.Suffix(a); model.IsSuffix(s) {
				all = append(all, "the suffix "+strconv.Quote(s.String())+" for whatever network lan "+
					lan.Name+" has")
			}
		}
	}
	if len(all) == 0 {
		return "another, or a lan with that network"
	}
	return strings.Join(all, ", or ")
}
