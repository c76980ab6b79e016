package plan

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/site"
)

// ntpConfig is whom the appliance follows, and where it is followed.
func ntpConfig(s *site.Site, l Learned) ntp.Config {
	c := ntp.Config{LocalStratum: s.NTP.LocalStratum, StepLimit: s.NTP.StepLimit}
	if c.StepLimit == 0 {
		c.StepLimit = math.MaxInt64 * time.Nanosecond // never, but at the start
	}
	for _, lan := range s.LANs {
		c.Links = append(c.Links, lan.Link())
	}
	for _, server := range s.NTP.Servers {
		if server.Name != "" {
			c.Sources = append(c.Sources, ntp.Source{Name: server.Name, Pool: server.Pool})
			continue
		}
		c.Sources = append(c.Sources, ntp.Source{Addrs: []netip.Addr{server.Addr}})
	}
	if !s.NTP.WAN {
		return c
	}
	for _, source := range provided(s, l) {
		known := slices.ContainsFunc(c.Sources, func(have ntp.Source) bool {
			return have.String() == source.String()
		})
		if !known && len(c.Sources) < ntp.MaxSources {
			c.Sources = append(c.Sources, source)
		}
	}
	return c
}

// provided are the sources that the provider tells of, over IPv4 and IPv6.
func provided(s *site.Site, l Learned) (all []ntp.Source) {
	six := wayOut6(s, l)
	for _, a := range slices.Concat(wayOut(s, l).NTP, six.NTP) {
		all = append(all, ntp.Source{Addrs: []netip.Addr{a}})
	}
	for _, name := range six.NTPNames {
		all = append(all, ntp.Source{Name: name})
	}
	return all
}
