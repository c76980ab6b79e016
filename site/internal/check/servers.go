package check

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkServers reads the time servers that clients are given.
func (l *loader) checkServers() {
	list := toml.List{At: l.raw.NTP.Servers.At}
	var wan source.Span
	for _, v := range l.raw.NTP.Servers.Items {
		switch {
		case v.Text != model.ZoneWAN:
			list.Items = append(list.Items, v)
		case wan.OK():
			l.Against(v.At, wan, `servers "wan" is here a second time; expected it once`)
		default:
			wan = v.At
			l.site.NTP.WAN = l.hasProvider("servers", v)
		}
	}
	if servers := l.servers("servers", list, "192.0.2.123"); len(servers) > 0 {
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
