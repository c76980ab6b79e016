package check

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxSources = 16
	maxPools   = 4

	exampleSource = "192.0.2.123"
)

// checkTime reads whom the appliance follows.
func (l *loader) checkTime() {
	raw, out := l.raw.NTP, &l.site.NTP
	var wan source.Span
	for _, v := range raw.Servers.Items {
		switch {
		case v.Text != model.ZoneWAN:
			l.timeSource("servers", v, false)
		case wan.OK():
			l.Against(v.At, wan, `servers "wan" is here a second time; expected it once`)
		default:
			wan = v.At
			out.WAN = l.hasProvider("servers", v)
		}
	}
	for i, v := range raw.Pools.Items {
		if i == maxPools {
			l.At(v.At, "pools has %d names; expected at most %d", len(raw.Pools.Items), maxPools)
			break
		}
		l.timeSource("pools", v, true)
	}
	if n := len(raw.Servers.Items); n > maxSources {
		l.At(raw.Servers.Items[maxSources].At, "servers has %d servers; expected at most %d", n, maxSources)
	}
	switch v := raw.LocalStratum; {
	case !v.OK():
	case v.Value < 1 || v.Value > 15:
		l.At(v.At, "local-stratum %d is out of range; expected 1 to 15 (RFC 5905 7.3)", v.Value)
	default:
		out.LocalStratum = uint8(v.Value)
	}
	if raw.StepLimit.Text == toml.Off {
		return
	}
	out.StepLimit = l.duration(stepLimitKey(), raw.StepLimit, toml.DefaultStepLimit)
}

// timeSource reads one that is followed.
func (l *loader) timeSource(key string, v toml.Str, pool bool) {
	s := model.TimeSource{Pool: pool}
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err == nil && pool:
		l.At(v.At, "%s %q is an address, which stands for one server; expected a name, or the key servers",
			key, v.Text)
		return
	case err == nil && (a.Zone() != "" || a.IsLinkLocalUnicast()):
		l.At(v.At, "%s %s is an address on one link only; expected one such as %q", key, a, exampleSource)
		return
	case err == nil && model.NotUnicast(a.Unmap()) != "":
		l.At(v.At, "%s %s %s; expected the address of a server", key, a, model.NotUnicast(a.Unmap()))
		return
	case err == nil:
		s.Addr = a.Unmap()
		if n := l.networkOf(s.Addr); n != nil && n.own.Addr() == s.Addr {
			l.Against(v.At, n.at, "%s %s is the appliance itself on %s; expected another server", key, a,
				n.what)
			return
		}
	case model.NotName(v.Text) != "":
		l.At(v.At, "%s %q is no server; expected an address such as %q, or a name", key, v.Text,
			exampleSource)
		return
	default:
		s.Name = model.Canonical(v.Text, l.site.Domain)
		if model.IsLabel(s.Name) {
			s.Name += "." + l.site.Domain
		}
	}
	if slices.Contains(l.site.NTP.Servers, s) {
		l.At(v.At, "%s %q is here a second time; expected it once", key, v.Text)
		return
	}
	l.site.NTP.Servers = append(l.site.NTP.Servers, s)
}

// server reads the IPv4 address of a server, the only form that DHCPv4 can give
// to clients.
func (l *loader) server(key string, v toml.Str, example string) netip.Addr {
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil && model.NotName(v.Text) == "":
		l.At(v.At, "%s %q: names of servers are not supported yet; expected an IPv4 address such as %q", key,
			v.Text, example)
	case err != nil:
		l.At(v.At, "%s %q is no address; expected an IPv4 address such as %q", key, v.Text, example)
	case !a.Is4():
		l.At(v.At, "%s %s: IPv6 servers are not supported yet; expected an IPv4 address such as %q", key, a,
			example)
	case model.NotUnicast(a) != "":
		l.At(v.At, "%s %s %s; expected the address of a server", key, a, model.NotUnicast(a))
	default:
		return a
	}
	return netip.Addr{}
}
