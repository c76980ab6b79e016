package site

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/option"
)

const (
	maxServers = 16 // of one kind that clients are told; nobody uses more
	maxSearch  = 16
	maxRoutes  = 64
	maxPortal  = 255 // one DHCP option

	minMTU  = 576  // every IPv4 host takes that much (RFC 791)
	minMTU6 = 1280 // RFC 8200 5
	maxMTU  = 1500 // Ethernet, which the appliance's own links are

	noPortal = "urn:ietf:params:capport:unrestricted" // RFC 8910 2
)

// clients reads what the DHCP clients of a network get. Resolvers and time servers
// that are not there are filled in later, by fillServers.
func (l *loader) clients(raw rawClients, n clientNetwork) Clients {
	c := Clients{
		LeaseTime:    l.duration(leaseTimeKey(), raw.LeaseTime, defaultLeaseTime),
		Probe:        l.probe(raw),
		RapidCommit:  raw.RapidCommit.b,
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
	if n.kind == "lan" && n.ipv4.IsValid() && !n.ipv6.IsValid() && raw.IPv6OnlyWait.ok() && l.parsed {
		l.against(raw.IPv6OnlyWait.at, n.at, "ipv6-only-wait has clients do without IPv4, but their lan has no IPv6; expected the key ipv6 too")
	}
	return c
}

func (l *loader) probe(raw rawClients) (wait time.Duration) {
	if raw.Probe.ok() && !raw.Pool.ok() && l.parsed {
		l.at(raw.Probe.at, "probe without a pool; expected the key pool too, or no such line: other addresses are not looked for")
	}
	if raw.Probe.s == off {
		return 0
	}
	return l.duration(probeKey(), raw.Probe, defaultProbe)
}

// router reads the way out of a network, or of hosts on it. An absent one is the
// appliance.
func (l *loader) router(v str, n clientNetwork) netip.Addr {
	if !v.ok() {
		return n.own()
	}
	if v.s == off {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(v.s)
	switch {
	case err != nil || !a.Is4():
		l.at(v.at, `router %q is no address; expected the IPv4 address of a router, or "off"`, v.s)
	case !n.ipv4.IsValid():
	case !n.ipv4.Contains(a):
		l.against(v.at, n.at, "router %s lies outside %s %s", a, n.kind, n.ipv4.Masked())
	case notForHost(a, n.ipv4) != "":
		l.against(v.at, n.at, "router %s %s; expected the address of a router", a, notForHost(a, n.ipv4))
	default:
		return a
	}
	return netip.Addr{}
}

// servers reads the addresses of servers that clients are told.
func (l *loader) servers(key string, v list, example string) []netip.Addr {
	var all []netip.Addr
	if v.ok() {
		all = []netip.Addr{} // none, and not the usual ones
	}
	for i, item := range v.items {
		if i == maxServers {
			l.at(item.at, "%s has %d servers; expected at most %d", key, len(v.items), maxServers)
			break
		}
		if a := l.server(key, item, example); a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// fillServers gives the networks that have no resolvers or time servers of their own
// those of the site.
func (l *loader) fillServers() {
	fill := func(c *Clients) {
		if c.DNS == nil {
			c.DNS = l.site.DNS.Upstream
		}
		if c.NTP == nil {
			c.NTP = l.site.NTP.Servers
		}
	}
	for i := range l.site.LANs {
		fill(&l.site.LANs[i].Clients)
	}
	for i := range l.site.Relayed {
		fill(&l.site.Relayed[i].Clients)
	}
}

func (l *loader) search(v list) []string {
	var all []string
	for i, item := range v.items {
		name := strings.ToLower(item.s)
		switch reason := notName(item.s); {
		case i == maxSearch:
			l.at(item.at, "search has %d domains; expected at most %d", len(v.items), maxSearch)
			return all
		case reason != "":
			l.at(item.at, "search domain %q %s", item.s, reason)
		case slices.Contains(all, name):
			l.at(item.at, "search domain %q is here a second time; expected it once", item.s)
		default:
			all = append(all, name)
		}
	}
	return all
}

func (l *loader) mtu(v num, n clientNetwork) uint16 {
	switch {
	case !v.ok():
	case v.n < minMTU || v.n > maxMTU:
		l.at(v.at, "mtu %d is out of range; expected %d to %d", v.n, minMTU, maxMTU)
	case v.n < minMTU6 && n.ipv6.IsValid():
		l.against(v.at, n.at, "mtu %d is too small for the IPv6 of this lan; expected at least %d (RFC 8200 5)", v.n, minMTU6)
	default:
		return uint16(v.n)
	}
	return 0
}

// clientRoutes reads routes that clients are told.
func (l *loader) clientRoutes(v list, n clientNetwork) []option.Route {
	var all []option.Route
	seen := map[netip.Prefix]span{}
	for i, item := range v.items {
		if i == maxRoutes {
			l.at(item.at, "routes has %d routes; expected at most %d", len(v.items), maxRoutes)
			break
		}
		r, ok := option.ParseRoute(item.s)
		if !ok {
			l.at(item.at, `route %q is not understood; expected a network and a router, as in "10.8.0.0/16 via 192.168.32.2"`, item.s)
			continue
		}
		if first, twice := seen[r.To]; twice {
			l.against(item.at, first, "a route to %s is here a second time; expected one", r.To)
			continue
		}
		seen[r.To] = item.at
		if l.checkClientRoute(item, r, n) {
			all = append(all, r)
		}
	}
	return all
}

func (l *loader) checkClientRoute(v str, r option.Route, n clientNetwork) bool {
	switch {
	case r.To.Bits() == 0:
		l.at(v.at, `route %q is the way out; expected the key router for that`, v.s)
	case notUnicast(r.To.Addr()) != "":
		l.at(v.at, "route to %s, which %s; expected a network of hosts", r.To, notUnicast(r.To.Addr()))
	case !r.Via.IsValid():
		l.at(v.at, `route %q has no router; expected one, as in "%s via 192.168.32.2"`, v.s, r.To)
	case !n.ipv4.IsValid():
	case n.ipv4.Bits() <= r.To.Bits() && n.ipv4.Contains(r.To.Addr()):
		l.against(v.at, n.at, "route to %s is within the network %s itself; expected another network", r.To, n.ipv4.Masked())
	case !n.ipv4.Contains(r.Via):
		l.against(v.at, n.at, "route to %s: its router %s lies outside %s %s", r.To, r.Via, n.kind, n.ipv4.Masked())
	case notForHost(r.Via, n.ipv4) != "":
		l.against(v.at, n.at, "route to %s: its router %s %s", r.To, r.Via, notForHost(r.Via, n.ipv4))
	default:
		return true
	}
	return false
}

func (l *loader) captivePortal(v str) string {
	if !v.ok() || v.s == noPortal {
		return v.s
	}
	u, err := url.Parse(v.s)
	switch {
	case err != nil || !isGraphic(v.s) || u.Scheme != "https" || u.Host == "":
		l.at(v.at, `captive-portal %q is no https URL, as that of a portal must be (RFC 8908 4); expected one such as "https://portal.home.example/api", or %q`, v.s, noPortal)
	case u.User != nil:
		l.at(v.at, "captive-portal has a user name or password, which everyone on the network could ask for; expected none")
	case len(v.s) > maxPortal:
		l.at(v.at, "captive-portal has %d bytes; expected at most %d, the length of one DHCP option", len(v.s), maxPortal)
	case isAddr(strings.Trim(u.Hostname(), "[]")):
		l.at(v.at, "captive-portal has the address %s as its server; expected a name, for which there are certificates (RFC 8910 2)", u.Hostname())
	default:
		return v.s
	}
	return ""
}
