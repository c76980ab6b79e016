package check

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxServers = 16 // of one kind that clients are told; nobody uses more
	maxSearch  = 16
	maxRoutes  = 64
	maxPortal  = 255 // one DHCP option

	minMTU  = 576  // every IPv4 host takes that much (RFC 791)
	minMTU6 = 1280 // RFC 8200 5
	maxMTU  = 1500 // Ethernet, which the appliance's own links are

)

// clients reads what the DHCP clients of a network get. Resolvers and time servers
// that are not there are filled in later, by fillServers.
func (l *loader) clients(raw toml.Clients, n clientNetwork) model.Clients {
	c := model.Clients{
		LeaseTime:    l.duration(leaseTimeKey(), raw.LeaseTime, toml.DefaultLeaseTime),
		Probe:        l.probe(raw),
		RapidCommit:  raw.RapidCommit.Value,
		Router:       l.router(raw.Router, n),
		DNS:          l.servers("dns", raw.DNS, "192.0.2.53"),
		NTP:          l.servers("ntp", raw.NTP, "192.0.2.123"),
		Search:       l.search(raw.Search),
		MTU:          l.mtu(raw.MTU, n),
		IPv6OnlyWait: l.duration(ipv6OnlyKey(), raw.IPv6OnlyWait, 0),
	}
	c.Pool = l.pools(raw, n, c.Router)
	c.Exclude = l.excludes(raw, c)
	c.Routes = l.clientRoutes(raw.Routes, n)
	c.CaptivePortal = l.captivePortal(raw.CaptivePortal)
	c.Options = l.options(raw.Options, raw.Always, networkKeys())
	if n.kind == "lan" && n.ipv4.IsValid() && !n.ipv6 && raw.IPv6OnlyWait.OK() && l.parsed {
		l.Against(raw.IPv6OnlyWait.At, n.at,
			"ipv6-only-wait has clients do without IPv4, but their lan has no IPv6; expected the key ipv6 too")
	}
	return c
}

func (l *loader) probe(raw toml.Clients) (wait time.Duration) {
	if raw.Probe.OK() && !raw.Pool.OK() && l.parsed {
		l.At(raw.Probe.At, "probe without a pool; expected the key pool too, or no such line: other addresses are not looked for")
	}
	if raw.Probe.Text == toml.Off {
		return 0
	}
	return l.duration(probeKey(), raw.Probe, toml.DefaultProbe)
}

// router reads the way out of a network, or of hosts on it. An absent one is the
// appliance.
func (l *loader) router(v toml.Str, n clientNetwork) netip.Addr {
	if !v.OK() {
		return n.own()
	}
	if v.Text == toml.Off {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil || !a.Is4():
		l.At(v.At, `router %q is no address; expected the IPv4 address of a router, or "off"`, v.Text)
	case !n.ipv4.IsValid():
	case !n.ipv4.Contains(a):
		l.Against(v.At, n.at, "router %s lies outside %s %s", a, n.kind, n.ipv4.Masked())
	case model.NotForHost(a, n.ipv4) != "":
		l.Against(v.At, n.at, "router %s %s; expected the address of a router", a,
			model.NotForHost(a, n.ipv4))
	default:
		return a
	}
	return netip.Addr{}
}

// servers reads the addresses of servers that clients are told.
func (l *loader) servers(key string, v toml.List, example string) []netip.Addr {
	var all []netip.Addr
	if v.OK() {
		all = []netip.Addr{} // none, and not the usual ones
	}
	for i, item := range v.Items {
		if i == maxServers {
			l.At(item.At, "%s has %d servers; expected at most %d", key, len(v.Items), maxServers)
			break
		}
		if a := l.server(key, item, example); a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// fillServers gives the networks that have no resolvers or time servers of their own the appliance, by its
// address there.
func (l *loader) fillServers() {
	fill := func(c *model.Clients, own netip.Prefix) {
		if c.DNS == nil && own.IsValid() {
			c.DNS = []netip.Addr{own.Addr()}
		}
		if c.NTP == nil && l.site.NTP.On() && own.IsValid() {
			c.NTP = []netip.Addr{own.Addr()}
		}
	}
	for i := range l.site.LANs {
		fill(&l.site.LANs[i].Clients, l.site.LANs[i].IPv4)
	}
	for i := range l.site.Relayed {
		var own netip.Prefix // on the network that their router is on
		if n := l.networkOf(l.routeFor(l.site.Relayed[i].Network).Via); n != nil {
			own = n.own
		}
		fill(&l.site.Relayed[i].Clients, own)
	}
}

func (l *loader) search(v toml.List) []string {
	var all []string
	for i, item := range v.Items {
		name := strings.ToLower(item.Text)
		switch reason := model.NotName(item.Text); {
		case i == maxSearch:
			l.At(item.At, "search has %d domains; expected at most %d", len(v.Items), maxSearch)
			return all
		case reason != "":
			l.At(item.At, "search domain %q %s", item.Text, reason)
		case slices.Contains(all, name):
			l.At(item.At, "search domain %q is here a second time; expected it once", item.Text)
		default:
			all = append(all, name)
		}
	}
	return all
}

func (l *loader) mtu(v toml.Int, n clientNetwork) uint16 {
	switch {
	case !v.OK():
	case v.Value < minMTU || v.Value > maxMTU:
		l.At(v.At, "mtu %d is out of range; expected %d to %d", v.Value, minMTU, maxMTU)
	case v.Value < minMTU6 && n.ipv6:
		l.Against(v.At, n.at, "mtu %d is too small for the IPv6 of this lan; expected at least %d (RFC 8200 5)", v.Value, minMTU6)
	default:
		return uint16(v.Value)
	}
	return 0
}

// clientRoutes reads routes that clients are told.
func (l *loader) clientRoutes(v toml.List, n clientNetwork) []option.Route {
	var all []option.Route
	seen := map[netip.Prefix]source.Span{}
	for i, item := range v.Items {
		if i == maxRoutes {
			l.At(item.At, "routes has %d routes; expected at most %d", len(v.Items), maxRoutes)
			break
		}
		r, ok := option.ParseRoute(item.Text)
		if !ok {
			l.At(item.At, `route %q is not understood; expected a network and a router, as in "10.8.0.0/16 via 192.168.32.2"`, item.Text)
			continue
		}
		if first, twice := seen[r.To]; twice {
			l.Against(item.At, first, "a route to %s is here a second time; expected one", r.To)
			continue
		}
		seen[r.To] = item.At
		if l.checkClientRoute(item, r, n) {
			all = append(all, r)
		}
	}
	return all
}

func (l *loader) checkClientRoute(v toml.Str, r option.Route, n clientNetwork) bool {
	switch {
	case r.To.Bits() == 0:
		l.At(v.At, `route %q is the way out; expected the key router for that`, v.Text)
	case model.NotUnicast(r.To.Addr()) != "":
		l.At(v.At, "route to %s, which %s; expected a network of hosts", r.To, model.NotUnicast(r.To.Addr()))
	case !r.Via.IsValid():
		l.At(v.At, `route %q has no router; expected one, as in "%s via 192.168.32.2"`, v.Text, r.To)
	case !n.ipv4.IsValid():
	case n.ipv4.Bits() <= r.To.Bits() && n.ipv4.Contains(r.To.Addr()):
		l.Against(v.At, n.at, "route to %s is within the network %s itself; expected another network", r.To,
			n.ipv4.Masked())
	case !n.ipv4.Contains(r.Via):
		l.Against(v.At, n.at, "route to %s: its router %s lies outside %s %s", r.To, r.Via, n.kind,
			n.ipv4.Masked())
	case model.NotForHost(r.Via, n.ipv4) != "":
		l.Against(v.At, n.at, "route to %s: its router %s %s", r.To, r.Via, model.NotForHost(r.Via, n.ipv4))
	default:
		return true
	}
	return false
}

func (l *loader) captivePortal(v toml.Str) string {
	if !v.OK() || v.Text == toml.NoPortal {
		return v.Text
	}
	u, err := url.Parse(v.Text)
	switch {
	case err != nil || !isGraphic(v.Text) || u.Scheme != "https" || u.Host == "":
		l.At(v.At, `captive-portal %q is no https URL, as that of a portal must be (RFC 8908 4); expected one such as "https://portal.home.example/api", or %q`, v.Text, toml.NoPortal)
	case u.User != nil:
		l.At(v.At, "captive-portal has a user name or password, which everyone on the network could ask for; expected none")
	case len(v.Text) > maxPortal:
		l.At(v.At, "captive-portal has %d bytes; expected at most %d, the length of one DHCP option",
			len(v.Text), maxPortal)
	case isAddr(strings.Trim(u.Hostname(), "[]")):
		l.At(v.At, "captive-portal has the address %s as its server; expected a name, for which there are certificates (RFC 8910 2)", u.Hostname())
	default:
		return v.Text
	}
	return ""
}
