package site

import (
	"net/netip"
	"strings"
)

// checkServers reads the resolvers and time servers that clients are given.
func (l *loader) checkServers() {
	for _, v := range l.raw.DNS.Upstream.items {
		if strings.Contains(v.s, "://") {
			l.at(v.at, `upstream %q: encrypted DNS is not supported yet; expected an IPv4 address such as "192.0.2.53"`, v.s)
			continue
		}
		if a := l.server("upstream", v, "192.0.2.53"); a.IsValid() {
			l.site.DNS.Upstream = append(l.site.DNS.Upstream, a)
		}
	}
	if v := l.raw.DNS.Upstream.items; len(v) > maxServers {
		l.at(v[maxServers].at, "upstream has %d servers; expected at most %d", len(v), maxServers)
	}
	if servers := l.servers("servers", l.raw.NTP.Servers, "192.0.2.123"); len(servers) > 0 {
		l.site.NTP.Servers = servers
	}
}

// server reads the IPv4 address of a server, the only form that DHCPv4 can give
// to clients.
func (l *loader) server(key string, v str, example string) netip.Addr {
	a, err := netip.ParseAddr(v.s)
	switch {
	case err != nil && notName(v.s) == "":
		l.at(v.at, "%s %q: names of servers are not supported yet; expected an IPv4 address such as %q", key, v.s, example)
	case err != nil:
		l.at(v.at, "%s %q is no address; expected an IPv4 address such as %q", key, v.s, example)
	case !a.Is4():
		l.at(v.at, "%s %s: IPv6 servers are not supported yet; expected an IPv4 address such as %q", key, a, example)
	case notUnicast(a) != "":
		l.at(v.at, "%s %s %s; expected the address of a server", key, a, notUnicast(a))
	default:
		return a
	}
	return netip.Addr{}
}
