package plan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site"
)

// own6 are the IPv6 addresses on the WAN: the site's own, or those that its provider has given.
func own6(s *site.Site, l Learned) []netip.Prefix {
	switch {
	case s.WAN.Auto6 && l.WAN6 != nil:
		return l.WAN6.Addrs
	case s.WAN.IPv6.IsValid():
		return []netip.Prefix{s.WAN.IPv6}
	}
	return nil
}

// gateway6 is the router upstream for IPv6; the zero Addr: there is none.
func gateway6(s *site.Site, l Learned) netip.Addr {
	if s.WAN.Auto6 && l.WAN6 != nil {
		return l.WAN6.Gateway
	}
	return s.WAN.Gateway6
}
