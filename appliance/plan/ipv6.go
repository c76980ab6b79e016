package plan

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/site"
)

// IPv6 is what the LANs have over IPv6, and how it leads out, as Make has it: for people.
type IPv6 struct {
	Ways     []Way6    `json:"ways"`     // the one that conversations begin by first
	Prefixes []Prefix6 `json:"prefixes"` // that LANs have their networks of
	LANs     []LAN6    `json:"lans"`     // those that have IPv6, or will have it
	Lacking  []string  `json:"lacking,omitempty"`
}

// A Way6 is a way out over IPv6.
type Way6 struct {
	Name    string         `json:"name"` // "wan" or "tunnel", as in [ipv6] default
	Link    string         `json:"link"`
	Via     netip.Addr     `json:"via"`
	Up      bool           `json:"up"`                // nothing is known that speaks against it
	Sources []netip.Prefix `json:"sources,omitempty"` // whose packets leave by it, if there are several ways
}

// A Prefix6 is one that LANs have their networks of, or one of these.
type Prefix6 struct {
	Prefix netip.Prefix `json:"prefix"`
	// From is where it comes from; "": the site has it as it is.
	From site.Source6 `json:"from,omitempty"`
	// Preferred and Valid are its own ends, on CLOCK_BOOTTIME; wan.Never: none.
	Preferred time.Duration `json:"preferred_ns"`
	Valid     time.Duration `json:"valid_ns"`
	// Way is the name of the way that packets of a network leave by; "": none, or no network.
	Way string `json:"way,omitempty"`
}

// A LAN6 is a LAN with IPv6.
type LAN6 struct {
	Name     string         `json:"name"`
	Link     string         `json:"link"`
	From     []site.Source6 `json:"from,omitempty"` // what gives it networks, beside the site itself
	Subnet   uint16         `json:"subnet"`         // its number in what these give
	Networks []Prefix6      `json:"networks"`
}

// IPv6Of returns what the LANs of s have over IPv6 on a box that has learned l.
func IPv6Of(s *site.Site, l Learned) IPv6 {
	ways := ways6(s, l)
	v := IPv6{Ways: []Way6{}, Prefixes: []Prefix6{}, LANs: []LAN6{}, Lacking: lacking6(s, l)}
	for _, w := range ways {
		v.Ways = append(v.Ways, Way6{w.name(), w.link, w.via, w.up, w.sources})
	}
	for _, from := range s.Sources6() {
		for _, d := range prefixes6(s, l, from) {
			v.Prefixes = append(v.Prefixes, Prefix6{Prefix: d.Prefix, From: from, Preferred: d.Preferred,
				Valid: d.Valid})
		}
	}
	for _, lan := range s.LANs {
		if !lan.HasIPv6() {
			continue
		}
		six := LAN6{Name: lan.Name, Link: lan.Link(), From: lan.From6, Subnet: lan.Subnet,
			Networks: []Prefix6{}}
		for _, n := range networks6(s, l, lan) {
			p := Prefix6{Prefix: n.own.Masked(), From: n.from, Preferred: n.preferred, Valid: n.valid}
			if w, ok := wayOf(ways, n); ok {
				p.Way = w.name()
			}
			six.Networks = append(six.Networks, p)
		}
		v.LANs = append(v.LANs, six)
	}
	return v
}

// name is the way's word in site.toml.
func (w way6) name() string {
	if w.link == site.TunnelLink {
		return string(site.FromTunnel)
	}
	return site.ZoneWAN
}
