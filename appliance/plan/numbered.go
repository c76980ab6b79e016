package plan

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// A network6 is one that a LAN has over IPv6.
type network6 struct {
	own  netip.Prefix // the appliance's address in it, with its length
	from site.Source6 // "": the site says it itself
	// preferred and valid are the ends of what it is a part of (wan.Delegation); wan.Never: none.
	preferred, valid time.Duration
}

// Numbered returns the site with the IPv6 networks that its LANs have today, and with the addresses that its
// hosts have in them. Of a site that is numbered it changes nothing.
func Numbered(s *site.Site, l Learned) *site.Site {
	var all [][]netip.Prefix
	for _, lan := range s.LANs {
		var own []netip.Prefix
		for _, n := range networks6(s, l, lan) {
			own = append(own, n.own)
		}
		all = append(all, own)
	}
	return s.Numbered(all)
}

// networks6 are the networks of a LAN: the fixed ones, and those that its sources give it, each once.
func networks6(s *site.Site, l Learned, lan site.LAN) []network6 {
	var all []network6
	for _, p := range lan.IPv6 {
		all = append(all, network6{own: p, preferred: wan.Never, valid: wan.Never})
	}
	for _, from := range lan.From6 {
		for _, d := range prefixes6(s, l, from) {
			n, ok := site.Subnet6(d.Prefix, lan.Subnet)
			if !ok || slices.ContainsFunc(all, func(have network6) bool { return have.own.Overlaps(n) }) {
				continue
			}
			own := netip.PrefixFrom(n.Addr().Next(), n.Bits())
			all = append(all, network6{own, from, d.Preferred, d.Valid})
		}
	}
	return all
}

// prefixes6 are those that a source gives the LANs today.
func prefixes6(s *site.Site, l Learned, from site.Source6) []wan.Delegation {
	switch from {
	case site.FromTunnel:
		if s.Tunnel != nil && len(s.Tunnel.Routed) > 0 {
			// The shortest: it has room for all, and hosts with an address in each would choose between them.
			largest := slices.MinFunc(s.Tunnel.Routed, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
			return []wan.Delegation{{Prefix: largest, Preferred: wan.Never, Valid: wan.Never}}
		}
	case site.FromULA:
		ula := s.IPv6.ULA
		if s.IPv6.MakeULA {
			ula = l.ULA
		}
		if ula.IsValid() {
			return []wan.Delegation{{Prefix: ula, Preferred: wan.Never, Valid: wan.Never}}
		}
	case site.FromWAN:
		if s.WAN.Delegation != 0 {
			return wayOut6(s, l).Delegated
		}
	}
	return nil
}

// unnumbered are the LANs that a prefix of a source has no network for.
func unnumbered(s *site.Site, p netip.Prefix, from site.Source6) []string {
	var names []string
	for _, lan := range s.LANs {
		if _, ok := site.Subnet6(p, lan.Subnet); !ok && slices.Contains(lan.From6, from) {
			names = append(names, lan.Name)
		}
	}
	return names
}
