package check

import (
	"net/netip"
	"strconv"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkRelayed reads the networks whose clients ask through a relay agent. A route
// must lead there, or no answer would.
func (l *loader) checkRelayed() {
	names := map[string]source.Span{}
	for i, lan := range l.site.LANs {
		names[lan.Name] = l.raw.LANs[i].Name.At
	}
	for _, raw := range l.raw.Relayed {
		r := model.Relayed{Name: l.networkName("relayed network", raw.Name),
			Network: l.relayedNetwork(raw.Network)}
		if first, taken := names[r.Name]; taken && r.Name != "" {
			l.Against(raw.Name.At, first, "network %q is here a second time; expected another name", r.Name)
		} else {
			names[r.Name] = raw.Name.At
		}
		r.Clients = l.clients(raw.Clients,
			clientNetwork{kind: "network", ipv4: r.Network, at: raw.Network.At})
		if r.Network.IsValid() {
			l.checkApart(raw, r.Network)
			l.checkReached(raw, r.Network)
			l.relayed = append(l.relayed, network{"relayed " + strconv.Quote(raw.Name.Text), r.Network,
				raw.Network.At})
		} else {
			l.settled = false
		}
		l.site.Relayed = append(l.site.Relayed, r)
	}
}

func (l *loader) relayedNetwork(v toml.Str) netip.Prefix {
	if !v.OK() {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.Text)
	switch {
	case err != nil || !p.Addr().Is4():
		l.At(v.At, "network %q is no IPv4 network; %s", v.Text,
			orWithLength(v.Text, `expected an address with a length such as "10.8.40.0/24"`))
	case p != p.Masked():
		l.At(v.At, "network %s is an address on the network %s; expected the network", p, p.Masked())
	case model.NotUnicast(p.Addr()) != "":
		l.At(v.At, "network %s %s; expected a network of hosts", p, model.NotUnicast(p.Addr()))
	case p.Bits() < minLANBits || p.Bits() > maxLANBits:
		l.At(v.At, "network %s has the length %d; expected a network with room for clients, /%d to /%d", p,
			p.Bits(), minLANBits, maxLANBits)
	default:
		return p
	}
	return netip.Prefix{}
}

// checkApart wants a relayed network to overlap no other.
func (l *loader) checkApart(raw toml.Relayed, p netip.Prefix) {
	for _, others := range [][]network{l.networks, l.relayed} {
		for _, n := range others {
			if n.own.Overlaps(p) {
				l.Against(raw.Network.At, n.at, "network %s overlaps %s of %s", p, n.own.Masked(), n.what)
			}
		}
	}
}

// checkReached wants the route that leads to a relayed network, the one with the
// longest prefix, to go through a LAN: clients are not served through WAN.
func (l *loader) checkReached(raw toml.Relayed, p netip.Prefix) {
	best := l.routeFor(p)
	if !l.settled || len(l.site.Routes) < len(l.raw.Routes) {
		return // the route may be one that was refused
	}
	switch n := l.networkOf(best.Via); {
	case !best.Via.IsValid():
		l.At(raw.Network.At, `no route leads to %s; expected a [[route]] with to = "%s" and via = the router on a LAN that is also the way to its relay agent`, p, p)
	case n != nil && n.what == whatWAN:
		l.Against(raw.Network.At, n.at, "the route to %s goes through WAN, and DHCP is served to LANs only; expected a router on a LAN", p)
	}
}

// routeFor returns the route that leads to a network of IPv4, the zero Route if there is none.
func (l *loader) routeFor(p netip.Prefix) model.Route {
	var best model.Route
	for _, r := range l.site.Routes {
		if p.IsValid() && r.Via.IsValid() && r.To.Addr().Is4() && r.To.Bits() <= p.Bits() &&
			r.To.Contains(p.Addr()) &&
			(!best.Via.IsValid() || r.To.Bits() > best.To.Bits()) {
			best = r
		}
	}
	return best
}
