package check

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkGateways reads the routers upstream, once it is known what is behind the appliance.
func (l *loader) checkGateways() {
	raw, wan := l.raw.WAN, &l.site.WAN
	wan.Gateway = l.gateway4(raw.Gateway)
	wan.Gateway6 = l.gateway6(raw.Gateway6, raw.IPv6, wan.IPv6)
}

// gateway4 reads the router upstream for IPv4. It is on a network of ours there; where we have none, but
// addresses alone, it is anywhere on the link, for the provider routes the addresses to us.
func (l *loader) gateway4(v toml.Str) netip.Addr {
	if !v.OK() {
		return netip.Addr{}
	}
	own, at := l.site.WAN.Static4(), l.raw.WAN.IPv4.At
	a, err := netip.ParseAddr(v.Text)
	i := slices.IndexFunc(own, func(p netip.Prefix) bool { return p.Contains(a) })
	switch {
	case err != nil || a.Zone() != "":
		l.At(v.At, "gateway %q is no address; expected the address of the router upstream", v.Text)
	case l.site.WAN.DHCP != nil:
		l.Against(v.At, at, "gateway %s: with DHCP the provider names the router; "+
			"expected no such line, or a fixed ipv4", a)
	case !at.OK():
		if l.parsed {
			l.At(v.At, "gateway needs the appliance's own address on the same network; "+
				"expected the key ipv4 too")
		}
	case len(own) == 0:
	case i >= 0 && slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr() == a }):
		l.Against(v.At, at, "gateway %s is the appliance itself; expected the router upstream", a)
	case i >= 0 && model.NotForHost(a, own[i]) != "":
		l.Against(v.At, at, "gateway %s %s; expected the router upstream", a, model.NotForHost(a, own[i]))
	case i < 0 && !slices.ContainsFunc(own, func(p netip.Prefix) bool { return !p.IsSingleIP() }):
		return l.gatewayAlone(v, a)
	case i < 0:
		l.Against(v.At, at, "gateway %s lies outside the network %s of WAN", a, networksText(own))
	default:
		return a
	}
	return netip.Addr{}
}

// gatewayAlone is one that is a neighbour by no network of ours.
func (l *loader) gatewayAlone(v toml.Str, a netip.Addr) netip.Addr {
	n := l.networkOf(a)
	switch {
	case !a.Is4() || model.NotUnicast(a) != "":
		l.At(v.At, "gateway %s is the IPv4 address of no station; expected the router upstream", a)
	case n != nil:
		l.Against(v.At, n.at, "gateway %s is on %s; expected the router upstream", a, n.what)
	default:
		return a
	}
	return netip.Addr{}
}

func networksText(own []netip.Prefix) string {
	var texts []string
	for _, p := range own {
		texts = append(texts, p.Masked().String())
	}
	return strings.Join(texts, ", ")
}

// gateway6 reads the router upstream for IPv6, which must be on the network of own.
func (l *loader) gateway6(v toml.Str, rawOwn toml.Str, own netip.Prefix) netip.Addr {
	const key, ownKey = "gateway6", "ipv6"
	if !v.OK() {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(v.Text)
	switch {
	case err != nil || a.Zone() != "":
		l.At(v.At, "%s %q is no address; expected the address of the router upstream", key, v.Text)
	case !rawOwn.OK():
		if l.parsed {
			l.At(v.At, "%s needs the appliance's own address on the same network; "+
				"expected the key %s too", key, ownKey)
		}
	case !own.IsValid():
	case a.Is6() && own.Addr().Is6() && a.IsLinkLocalUnicast():
		return a
	case !own.Contains(a):
		l.Against(v.At, rawOwn.At, "%s %s lies outside the network %s of WAN", key, a, own.Masked())
	case a == own.Addr():
		l.Against(v.At, rawOwn.At, "%s %s is the appliance itself; expected the router upstream", key, a)
	case model.NotForHost(a, own) != "":
		l.Against(v.At, rawOwn.At, "%s %s %s; expected the router upstream", key, a, model.NotForHost(a, own))
	default:
		return a
	}
	return netip.Addr{}
}
