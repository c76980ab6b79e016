package wan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// bySite fills in what the site says of the way out. silent is why nobody else does; nil: somebody does of
// IPv6.
func (r *Report) bySite(read func() (*site.Site, error), silent error) error {
	s, err := read()
	switch {
	case err != nil && silent == nil:
		return fmt.Errorf("the site is not readable: %w", err)
	case err != nil:
		return fmt.Errorf("%w, and the site is not readable: %w", silent, err)
	case s.WAN.Interface == "":
		return fmt.Errorf("the site has no [wan]: there is no way out")
	case !s.WAN.IPv4.IsValid() && silent == nil:
		r.Link, r.Source = s.WAN.Link(), wan.FromSite.String()
		return nil
	case !s.WAN.IPv4.IsValid():
		return fmt.Errorf("the site gives %s no IPv4 address, and nobody asks a provider for one: %w",
			s.WAN.Link(), silent)
	}
	static := staticOf(s)
	facts, term := static.Facts()
	r.Link, r.Source, r.Facts = s.WAN.Link(), term.Source.String(), &facts
	r.MAC, r.Priority, r.Own6, r.Gateway6 = wan.MAC(s.WAN.MAC), s.WAN.Priority, s.WAN.IPv6, s.WAN.Gateway6
	return nil
}

// staticOf is the way out as a site with addresses of its own has it.
func staticOf(s *site.Site) *wan.Static {
	static := &wan.Static{Addrs: s.WAN.Static4(), Gateway: s.WAN.Gateway, MTU: s.WAN.MTU}
	for _, way := range s.Routes {
		if way.Via.Is4() && s.WAN.Has4(way.Via) {
			static.Routes = append(static.Routes, option.Route{To: way.To, Via: way.Via})
		}
	}
	return static
}

// besides fills in what the site has on the link whose address a provider gives.
func (r *Report) besides(read func() (*site.Site, error)) {
	s, err := read()
	switch {
	case err != nil:
		r.Problems = append(r.Problems, "the site is not readable: "+err.Error())
	case s.WAN.Link() == r.Link && s.WAN.DHCP != nil:
		r.Priority, r.Own6, r.Gateway6 = s.WAN.Priority, s.WAN.IPv6, s.WAN.Gateway6
		r.Beside = slices.DeleteFunc(slices.Clone(s.WAN.Static4()), func(p netip.Prefix) bool {
			return r.Facts != nil && slices.ContainsFunc(r.Facts.Addrs, func(a netip.Prefix) bool {
				return a.Addr() == p.Addr()
			})
		})
	}
}

// cardRows are what the site wants of the card, if that is not what a card is like by itself.
func (r *Report) cardRows() (rows [][]string) {
	if r.MAC != (wan.MAC{}) {
		rows = append(rows, []string{"sends as", r.MAC.String() + ", in place of the card's own"})
	}
	if r.Priority != 0 {
		rows = append(rows, []string{"priority", fmt.Sprintf("%d in the VLAN's tag (802.1p)", r.Priority)})
	}
	return rows
}
