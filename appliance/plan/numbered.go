package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	if from == site.FromWAN && s.WAN.Delegation != 0 {
		return wayOut6(s, l).Delegated
	}
	p, known := s.Prefix6(from)
	if from == site.FromULA && s.IPv6.MakeULA {
		p, known = l.ULA, l.ULA.IsValid()
	}
	if !known {
		return nil
	}
	return []wan.Delegation{{Prefix: p, Preferred: wan.Never, Valid: wan.Never}}
}

// lacking6 says which LANs have no network in a prefix, since it is too small.
func lacking6(s *site.Site, l Learned) []string {
	var all []string
	for _, from := range s.Sources6() {
		for _, d := range prefixes6(s, l, from) {
			var names []string
			for _, lan := range s.LANs {
				if _, ok := site.Subnet6(d.Prefix, lan.Subnet); !ok && slices.Contains(lan.From6, from) {
					names = append(names, fmt.Sprintf("%s (subnet %d)", lan.Name, lan.Subnet))
				}
			}
			if len(names) > 0 {
				all = append(all, fmt.Sprintf("%s (%s) has subnets 0 to %d only: none for %s", d.Prefix, from,
					1<<(site.Network6-d.Prefix.Bits())-1, strings.Join(names, ", ")))
			}
		}
	}
	return all
}
