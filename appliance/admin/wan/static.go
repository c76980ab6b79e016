package wan

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// bySite fills in what the site says of the way out. silent is why nobody else does.
func (r *Report) bySite(read func() (*site.Site, error), silent error) error {
	s, err := read()
	switch {
	case err != nil:
		return fmt.Errorf("%w, and the site is not readable: %w", silent, err)
	case s.WAN.Interface == "":
		return fmt.Errorf("the site has no [wan]: there is no way out")
	case !s.WAN.IPv4.IsValid():
		return fmt.Errorf("the site gives %s no IPv4 address, and nobody asks a provider for one: %w",
			s.WAN.Link(), silent)
	}
	static := staticOf(s)
	facts, term := static.Facts()
	r.Link, r.Source, r.Facts = s.WAN.Link(), term.Source.String(), &facts
	return nil
}

// staticOf is the way out as a site with an address of its own has it.
func staticOf(s *site.Site) *wan.Static {
	static := &wan.Static{Gateway: s.WAN.Gateway}
	static.Addrs = append(static.Addrs, s.WAN.IPv4)
	for _, way := range s.Routes {
		if way.Via.Is4() && s.WAN.IPv4.Contains(way.Via) {
			static.Routes = append(static.Routes, option.Route{To: way.To, Via: way.Via})
		}
	}
	return static
}
