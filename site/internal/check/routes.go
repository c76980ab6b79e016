package check

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// whatWAN is what the network upstream is called.
const whatWAN = "WAN"

// network is what the appliance is connected to by one of its own addresses.
type network struct {
	what string       // "WAN" or `lan "guests"`
	own  netip.Prefix // the appliance's address with the length of the network
	at   source.Span
}

func (l *loader) connect(what string, own netip.Prefix, at source.Span) {
	if own.IsValid() {
		l.networks = append(l.networks, network{what, own, at})
	}
}

// networkOf returns the connected network that has a, nil if none has it. Of several, upstream, it is the one
// where a is the appliance's own.
func (l *loader) networkOf(a netip.Addr) (in *network) {
	for i := range l.networks {
		switch n := &l.networks[i]; {
		case n.own.Addr() == a:
			return n
		case in == nil && n.own.Contains(a):
			in = n
		}
	}
	return in
}

// checkOverlaps compares every network with those before it in the file. Upstream the appliance may have
// several addresses on one.
func (l *loader) checkOverlaps() {
	for i, a := range l.networks {
		for _, b := range l.networks[:i] {
			if !a.own.Overlaps(b.own) || a.what == whatWAN && b.what == whatWAN {
				continue
			}
			if a.at.Off > b.at.Off {
				l.Against(a.at, b.at, "%s of %s overlaps %s of %s", a.own.Masked(), a.what, b.own.Masked(),
					b.what)
			} else {
				l.Against(b.at, a.at, "%s of %s overlaps %s of %s", b.own.Masked(), b.what, a.own.Masked(),
					a.what)
			}
		}
	}
}

func (l *loader) checkRoutes() {
	seen := map[netip.Prefix]source.Span{}
	if l.site.WAN.Gateway.IsValid() {
		seen[netip.PrefixFrom(netip.IPv4Unspecified(), 0)] = l.raw.WAN.Gateway.At
	}
	if l.site.WAN.Gateway6.IsValid() {
		seen[netip.PrefixFrom(netip.IPv6Unspecified(), 0)] = l.raw.WAN.Gateway6.At
	}
	if l.site.Tunnel != nil {
		seen[netip.PrefixFrom(netip.IPv6Unspecified(), 0)] = l.raw.Tunnel.At
	}
	for _, raw := range l.raw.Routes {
		to := l.routeTo(raw.To)
		via := l.routeVia(raw.Via)
		if !to.IsValid() {
			continue
		}
		if first, taken := seen[to]; taken {
			l.Against(raw.To.At, first, "a route to %s is here a second time; expected one", to)
			continue
		}
		seen[to] = raw.To.At
		if via.IsValid() && via.Is4() != to.Addr().Is4() {
			l.Against(raw.Via.At, raw.To.At, "via %s and to %s are of different families; expected the same",
				via, to)
		}
		l.site.Routes = append(l.site.Routes, model.Route{To: to, Via: via})
	}
}

// routeTo reads the network of a route, which must not be one that is connected,
// or a part of one.
func (l *loader) routeTo(v toml.Str) netip.Prefix {
	if !v.OK() {
		return netip.Prefix{}
	}
	to, err := netip.ParsePrefix(v.Text)
	switch {
	case isAddr(v.Text):
		a, _ := netip.ParseAddr(v.Text)
		l.At(v.At, "to %q lacks the length of its network; expected it after a slash, as in \"10.8.0.0/16\"; %q is that address alone", v.Text,
			netip.PrefixFrom(a.WithZone(""), a.BitLen()))
	case err != nil || to.Addr().Is4In6():
		l.At(v.At, "to %q is no network; %s", v.Text,
			orWithLength(v.Text, `expected an address with a length such as "10.8.0.0/16"`))
	case to != to.Masked():
		l.At(v.At, "to %s is an address on the network %s; expected the network", to, to.Masked())
	case to.Bits() > 0 && model.NotUnicast(to.Addr()) != "":
		l.At(v.At, "to %s %s; expected a network of hosts", to, model.NotUnicast(to.Addr()))
	default:
		if n := l.networkOf(to.Addr()); n != nil && n.own.Bits() <= to.Bits() {
			l.Against(v.At, n.at, "%s is on %s, which is connected; expected a network that is reached through a router", to, n.what)
			return netip.Prefix{}
		}
		return to
	}
	return netip.Prefix{}
}

// routeVia reads the router of a route, which must be on a connected network.
func (l *loader) routeVia(v toml.Str) netip.Addr {
	if !v.OK() {
		return netip.Addr{}
	}
	via, err := netip.ParseAddr(v.Text)
	if err != nil || via.Zone() != "" {
		l.At(v.At, "via %q is no address; expected the address of a router", v.Text)
		return netip.Addr{}
	}
	n := l.networkOf(via)
	switch {
	case n == nil && l.settled:
		l.At(v.At, "via %s is on no connected network; expected a router on one of %s", via, l.networkNames())
	case n == nil:
	case via == n.own.Addr():
		l.Against(v.At, n.at, "via %s is the appliance itself; expected another router", via)
	case l.site.Tunnel.Has(via):
		l.Against(v.At, n.at, "via %s is at the other end of the tunnel, where the default route leads; "+
			"expected another router", via)
	case model.NotForHost(via, n.own) != "":
		l.Against(v.At, n.at, "via %s %s; expected the address of a router", via,
			model.NotForHost(via, n.own))
	default:
		return via
	}
	return netip.Addr{}
}

func (l *loader) networkNames() string {
	var names []string
	for _, n := range l.networks {
		names = append(names, n.own.Masked().String())
	}
	return strings.Join(names, ", ")
}

// servedNetwork returns the LAN or relayed network that an IPv4 address is on.
func (l *loader) servedNetwork(a netip.Addr) *network {
	for _, all := range [][]network{l.networks, l.relayed} {
		for i := range all {
			if all[i].own.Contains(a) && all[i].what != whatWAN {
				return &all[i]
			}
		}
	}
	return nil
}

// servedNames lists the networks whose DHCP clients are served.
func (l *loader) servedNames() string {
	var names []string
	for _, n := range slices.Concat(l.networks, l.relayed) {
		if n.own.Addr().Is4() && n.what != whatWAN {
			names = append(names, n.own.Masked().String())
		}
	}
	return strings.Join(names, ", ")
}
