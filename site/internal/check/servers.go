package check

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkServers reads the time servers that clients are given.
func (l *loader) checkServers() {
	if servers := l.servers("servers", l.raw.NTP.Servers, "192.0.2.123"); len(servers) > 0 {
		l.site.NTP.Servers = servers
	}
}

// server reads the IPv4 address of a server, the only form that DHCPv4 can give
// to clients.
func (l *loader) server(key string, v toml.Str, example string) netip.Addr {
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil && model.NotName(v.Text) == "":
		l.At(v.At, "%s %q: names of servers are not supported yet; expected an IPv4 address such as %q", key, v.Text, example)
	case err != nil:
		l.At(v.At, "%s %q is no address; expected an IPv4 address such as %q", key, v.Text, example)
	case !a.Is4():
		l.At(v.At, "%s %s: IPv6 servers are not supported yet; expected an IPv4 address such as %q", key, a, example)
	case model.NotUnicast(a) != "":
		l.At(v.At, "%s %s %s; expected the address of a server", key, a, model.NotUnicast(a))
	default:
		return a
	}
	return netip.Addr{}
}
