package check

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	exampleTunnel = "2001:db8:1f0a:1::2/64"
	exampleRouted = "2001:db8:1f0b:1::/64"

	maxRouted     = 8
	minRoutedBits = 16
	maxRoutedBits = 64

	maxTunnelMTU = maxWANMTU - 20 // what the outer header leaves (RFC 4213 3.2)
	maxTunnelID  = 64
	maxUser      = 64
	maxKey       = 128
	maxURL       = 255
)

// checkTunnel reads the tunnel by itself.
func (l *loader) checkTunnel() {
	raw := l.raw.Tunnel
	if !raw.At.OK() {
		return
	}
	t := &model.Tunnel{}
	l.site.Tunnel = t
	t.Server = l.tunnelServer(raw.Server)
	t.IPv6 = l.ownAddress("ipv6", raw.IPv6, netip.Addr.Is6, exampleTunnel)
	if bits := t.IPv6.Bits(); t.IPv6.IsValid() && bits > 126 {
		l.At(raw.IPv6.At, "ipv6 %s has the length %d; expected a network with both ends of the tunnel",
			t.IPv6, bits)
		t.IPv6 = netip.Prefix{}
	}
	t.Gateway = l.tunnelGateway(raw)
	l.tunnelRouted(raw.Routed)
	switch v := raw.MTU; {
	case !v.OK():
	case v.Value < minMTU6 || v.Value > maxTunnelMTU:
		l.At(v.At, "mtu %d is out of range; expected %d (RFC 8200 5) to %d", v.Value, minMTU6, maxTunnelMTU)
	default:
		t.MTU = uint16(v.Value)
	}
	if raw.Update.At.OK() {
		t.Update = l.endpoint(raw.Update)
	}
	l.connect(whatWAN, t.IPv6, raw.IPv6.At)
}

// tunnelServer reads the broker's end. A name is none: it would be looked up before there is a way out, and
// could be another's by the answer.
func (l *loader) tunnelServer(v toml.Str) netip.Addr {
	if !v.OK() {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil || !a.Is4():
		l.At(v.At, "server %q is no IPv4 address; expected the broker's, as its page about the tunnel has it",
			v.Text)
	case model.NotUnicast(a) != "":
		l.At(v.At, "server %s %s; expected the broker's IPv4 address", a, model.NotUnicast(a))
	default:
		return a
	}
	return netip.Addr{}
}

// tunnelGateway reads the broker's address in the tunnel.
func (l *loader) tunnelGateway(raw toml.Tunnel) netip.Addr {
	v, own := raw.Gateway6, l.site.Tunnel.IPv6
	switch {
	case !own.IsValid():
		return netip.Addr{}
	case v.OK():
		a, err := netip.ParseAddr(v.Text)
		switch {
		case err != nil || a.Zone() != "":
			l.At(v.At, "gateway6 %q is no address; expected the broker's address in the tunnel", v.Text)
		case !own.Contains(a):
			l.Against(v.At, raw.IPv6.At, "gateway6 %s lies outside the network %s of the tunnel", a,
				own.Masked())
		case a == own.Addr():
			l.Against(v.At, raw.IPv6.At, "gateway6 %s is the appliance itself; expected the broker's address",
				a)
		default:
			return a
		}
		return netip.Addr{}
	}
	first := own.Masked().Addr().Next()
	if first == own.Addr() {
		l.At(raw.IPv6.At, "ipv6 %s is the first address of its network, which the broker's end has; "+
			"expected another, or the key gateway6", own)
	}
	return first
}

// tunnelRouted reads what is routed to the appliance.
func (l *loader) tunnelRouted(v toml.Many) {
	t := l.site.Tunnel
	if v.OK() && len(v.Items) == 0 {
		l.At(v.At, "routed is empty; expected a network such as %q", exampleRouted)
	}
	var at []source.Span
	for i, item := range v.Items {
		p, err := netip.ParsePrefix(item.Text)
		switch {
		case i == maxRouted:
			l.At(item.At, "routed has %d networks; expected at most %d", len(v.Items), maxRouted)
			return
		case err != nil || !p.Addr().Is6() || p.Addr().Is4In6():
			l.At(item.At, "routed %q is no IPv6 network; expected one such as %q", item.Text, exampleRouted)
			continue
		case p != p.Masked():
			l.At(item.At, "routed %s is an address on the network %s; expected the network", p, p.Masked())
			continue
		case p.Bits() < minRoutedBits || p.Bits() > maxRoutedBits:
			l.At(item.At, "routed %s has the length %d; expected %d to %d", p, p.Bits(), minRoutedBits,
				maxRoutedBits)
			continue
		case model.NotUnicast(p.Addr()) != "" || p.Addr().IsLinkLocalUnicast():
			l.At(item.At, "routed %s is no network of hosts; expected one such as %q", p, exampleRouted)
			continue
		case t.IPv6.IsValid() && t.IPv6.Overlaps(p):
			l.Against(item.At, l.raw.Tunnel.IPv6.At, "routed %s overlaps the network of the tunnel itself, "+
				"%s; expected what the broker routes through it", p, t.IPv6.Masked())
			continue
		}
		for j, q := range t.Routed {
			if p.Overlaps(q) {
				l.Against(item.At, at[j], "routed %s overlaps %s; expected each network once", p, q)
			}
		}
		t.Routed, at = append(t.Routed, p), append(at, item.At)
	}
}

// endpoint reads how the broker is told of our IPv4 address.
func (l *loader) endpoint(raw toml.Update) *model.Endpoint {
	e := &model.Endpoint{User: raw.User.Text, Tunnel: raw.Tunnel.Text, File: raw.KeyFile.Text,
		URL: toml.UpdateURL}
	if v := raw.User; v.OK() && (v.Text == "" || len(v.Text) > maxUser || !isPrintable(v.Text) ||
		strings.Contains(v.Text, ":")) {
		l.At(v.At, `user %q cannot be one; expected 1 to %d characters of ASCII without ":" (RFC 7617)`,
			v.Text, maxUser)
	}
	if v := raw.Tunnel; v.OK() && !isTunnelID(v.Text) {
		l.At(v.At, "tunnel %q is no id of a tunnel; expected 1 to %d letters, digits, dots and hyphens",
			v.Text, maxTunnelID)
	}
	if v := raw.KeyFile; v.OK() {
		e.Key = l.secret(v.At, v.Text, secretForm{"key-file", "the tunnel's update key", "tunnel.key", 1,
			maxKey})
	}
	if v := raw.URL; v.OK() {
		u, err := url.Parse(v.Text)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" ||
			u.Fragment != "" || len(v.Text) > maxURL || !isPrintable(v.Text) {
			l.At(v.At, "url %q cannot be used; expected one such as %q, without user and query", v.Text,
				toml.UpdateURL)
		}
		e.URL = v.Text
	}
	return e
}

func isTunnelID(s string) bool {
	return s != "" && len(s) <= maxTunnelID && strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-'
	}) < 0
}

// checkTunnelBeside compares the tunnel with WAN and the LANs.
func (l *loader) checkTunnelBeside() {
	raw, t := l.raw.Tunnel, l.site.Tunnel
	if t == nil || !l.parsed {
		return
	}
	wan := l.raw.WAN
	switch {
	case !wan.At.OK():
		l.At(raw.At, "the tunnel needs IPv4 to its broker; expected [wan] with ipv4 too")
	case !wan.IPv4.OK():
		l.Against(raw.At, wan.At, "the tunnel needs IPv4 to its broker; expected the key ipv4 in [wan] too")
	}
	if v := wan.Gateway6; v.OK() {
		l.Against(v.At, raw.At, "gateway6 beside a tunnel, which is the IPv6 default route; "+
			"expected one of the two")
	}
	if own := l.site.WAN.IPv6; own.IsValid() && t.IPv6.IsValid() && own.Overlaps(t.IPv6) {
		l.Against(raw.IPv6.At, wan.IPv6.At, "%s of the tunnel overlaps %s of WAN", t.IPv6.Masked(),
			own.Masked())
	}
	if n := l.networkOf(t.Server); n != nil && (n.what != whatWAN || n.own.Addr() == t.Server) {
		l.Against(raw.Server.At, n.at, "server %s is on %s; expected the broker's address", t.Server, n.what)
	}
	l.tunnelLANs()
}

// tunnelLANs: whose addresses the broker does not route here cannot be answered, so hosts are better off
// without. ULA (RFC 4193) never leave.
func (l *loader) tunnelLANs() {
	t := l.site.Tunnel
	for i, lan := range l.site.LANs {
		if lan.Link() == model.TunnelLink {
			l.At(l.raw.LANs[i].Interface.At, "interface %s is what the tunnel is called; expected another",
				lan.Link())
		}
		for _, p := range lan.IPv6 {
			if p.Addr().IsPrivate() || len(t.Routed) == 0 || l.site.WAN.Auto6 {
				continue
			}
			if _, ok := t.RoutedTo(p.Masked()); !ok {
				l.Against(l.raw.LANs[i].IPv6.At, l.raw.Tunnel.Routed.At,
					"ipv6 %s is in none of the networks that are routed to the appliance; "+
						"expected an address such as %s, one of fc00::/7, or \"tunnel\"", p,
					exampleIn(t.Routed[0]))
			}
		}
	}
	if l.site.WAN.Link() == model.TunnelLink {
		l.At(l.raw.WAN.Interface.At, "interface %s is what the tunnel is called; expected another",
			model.TunnelLink)
	}
}

// exampleIn is an address for a LAN in a network.
func exampleIn(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr().Next(), maxRoutedBits) }
