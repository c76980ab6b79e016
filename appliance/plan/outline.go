package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site"
)

// An Outline is what of a site can be looked for in the kernel without reading all of it: ten thousand hosts
// take longer to read than who asks whether all is well can wait.
type Outline struct {
	Links    []OutlineLink `json:"links"`
	Gateways []Gateway     `json:"gateways"` // that the site says itself
	IPv6     *IPv6         `json:"ipv6,omitempty"`
	Cards    []string      `json:"cards"` // interfaces that the site uses, with those of VLANs
}

// An OutlineLink is one network of a site.
type OutlineLink struct {
	Name      string `json:"name"`      // of the site: "wan" or the LAN's
	Interface string `json:"interface"` // of the kernel
	// addresses that the site says, with the lengths of their networks
	Wanted []netip.Prefix `json:"wanted"`
}

// A Gateway is a default route.
type Gateway struct {
	Via  netip.Addr `json:"via"`
	Link string     `json:"link"`
}

// OutlineOf returns the outline of s on a box that has learned l.
func OutlineOf(s *site.Site, l Learned) Outline {
	o := Outline{Gateways: []Gateway{}}
	for _, via := range []netip.Addr{s.WAN.Gateway, s.WAN.Gateway6} {
		if via.IsValid() {
			o.Gateways = append(o.Gateways, Gateway{via, s.WAN.Link()})
		}
	}
	if s.WAN.Interface != "" {
		own := slices.DeleteFunc([]netip.Prefix{s.WAN.IPv4, s.WAN.IPv6}, func(p netip.Prefix) bool {
			return !p.IsValid()
		})
		o.Links = append(o.Links, OutlineLink{site.ZoneWAN, s.WAN.Link(), own})
		o.Cards = append(o.Cards, s.WAN.Interface, s.WAN.Link())
	}
	for _, lan := range s.LANs {
		o.Links = append(o.Links, OutlineLink{lan.Name, lan.Link(), lan.Own()})
		o.Cards = append(o.Cards, lan.Interface, lan.Link())
	}
	if slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		v := IPv6Of(s, l)
		o.IPv6 = &v
	}
	return o
}
