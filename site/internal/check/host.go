package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkHost compares one host with the networks of the appliance.
func (l *loader) checkHost(h *hostEntry) {
	if h == l.self() {
		l.checkSelf(h)
		return
	}
	for i, a := range h.Addrs {
		l.checkAddr(h, a, h.addrAt[i])
		l.checkWhole6(h, a, h.addrAt[i])
	}
	if h.AsksDHCP() {
		l.checkReservations(h)
	}
}

// self returns the host that is the appliance, nil if hosts and ethers have none.
func (l *loader) self() *hostEntry { return l.hosts.names[l.site.Name].host }

// checkSelf allows the appliance's own name for its own addresses only.
func (l *loader) checkSelf(h *hostEntry) {
	for i, a := range h.Addrs {
		if l.settled && l.ownNetwork(a) == nil {
			l.At(h.addrAt[i], "%q is the appliance itself, and %s is not its address; expected one of %s",
				h.Name, model.Plain(a), l.ownAddresses())
		}
	}
	for i, m := range h.MACs {
		l.At(h.macAt[i], "%q is the appliance itself, which asks no DHCP server; expected no line for %s",
			h.Name, m)
	}
}

// ownNetwork returns the network on which an address is the appliance's own, nil if it is on none that the
// site itself knows.
func (l *loader) ownNetwork(a netip.Addr) *network {
	all := l.ownNetworks()
	if i := slices.IndexFunc(all, func(n network) bool { return n.own.Addr() == a }); i >= 0 {
		return &all[i]
	}
	return nil
}

// ownNetworks are those that the appliance has an address on, as far as the site itself knows them.
func (l *loader) ownNetworks() []network {
	isStandIn := func(n network) bool { return model.Plain(n.own.Addr()) != n.own.Addr() }
	all := slices.DeleteFunc(slices.Clone(l.networks), isStandIn)
	for i, lan := range l.site.LANs {
		name := l.raw.LANs[i].Name
		for _, own := range l.networks6(lan)[len(lan.IPv6):] {
			all = append(all, network{"lan " + strconv.Quote(name.Text), own, name.At})
		}
	}
	return all
}

// ownAddresses says which the appliance's addresses are.
func (l *loader) ownAddresses() string {
	var own []string
	for _, n := range l.ownNetworks() {
		own = append(own, n.own.Addr().String())
	}
	text := strings.Join(own, ", ")
	for _, from := range l.site.Sources6() {
		if _, known := l.site.Prefix6(from); !known {
			text += fmt.Sprintf("; its name has those of the prefix that is learned (%s) by itself", from)
		}
	}
	return text
}

// checkAddr refuses addresses that another host on a connected network cannot have.
func (l *loader) checkAddr(h *hostEntry, a netip.Addr, at source.Span) {
	n := l.networkOf(a)
	if n == nil {
		if n = l.servedNetwork(a); n != nil && model.NotForHost(a, n.own) != "" {
			l.Against(at, n.at, "address %s of %q %s; expected another", a, h.Name,
				model.NotForHost(a, n.own))
		}
		return
	}
	if a == n.own.Addr() {
		if l.site.Name == "" {
			return // it may be the appliance's own name, which is not known
		}
		l.Against(at, n.at, "address %s of %q is the appliance's own on %s; expected another", a, h.Name,
			n.what)
		return
	}
	if reason := model.NotForHost(a, n.own); reason != "" {
		l.Against(at, n.at, "address %s of %q %s; expected another", a, h.Name, reason)
	}
}

// checkReservations wants the IPv4 addresses of a host that asks for them on
// networks where DHCP can give them out, and at most one on each.
func (l *loader) checkReservations(h *hostEntry) {
	found := false
	taken := map[*network]source.Span{}
	for i, a := range h.Addrs {
		if !a.Is4() {
			continue
		}
		found = true
		n := l.servedNetwork(a)
		switch first, twice := taken[n]; {
		case n == nil && l.settled:
			l.strays = append(l.strays, stray{h, i})
		case n != nil && twice:
			l.Against(h.addrAt[i], first,
				"%s is a second address of %q on %s; expected one for DHCP to give out", a, h.Name, n.what)
		case n != nil:
			taken[n] = h.addrAt[i]
		}
	}
	if !found && !h.refused && l.settled && !l.anyPool() {
		l.At(h.clientAt(), "%q has no IPv4 address in hosts and no lan has a pool, so it would get none; expected one of the two", h.Name)
	}
}

// stray is an address of a client that no network has, by its number.
type stray struct {
	host *hostEntry
	addr int
}

// refuseStrays reports the addresses that no network has. Many of them are one mistake, a LAN that has
// another network now.
func (l *loader) refuseStrays() {
	const each = 3
	if n := len(l.strays); n > each {
		h, i, last := l.strays[0].host, l.strays[0].addr, l.strays[n-1]
		l.Against(h.addrAt[i], h.clientAt(),
			"address %s of %q lies outside every lan, but %s; so do those of %d more such hosts, up to %s; "+
				"expected addresses that DHCP can give out", h.Addrs[i], h.Name, h.whyDHCP(), n-1,
			last.host.addrAt[last.addr].Place())
		return
	}
	for _, s := range l.strays {
		h, i := s.host, s.addr
		l.Against(h.addrAt[i], h.clientAt(),
			"address %s of %q lies outside every lan, but %s; expected an address that DHCP can give out",
			h.Addrs[i], h.Name, h.whyDHCP())
	}
}

// clientAt returns the place that makes a host a DHCP client.
func (h *hostEntry) clientAt() source.Span {
	if len(h.macAt) > 0 {
		return h.macAt[0]
	}
	return h.portAt[0]
}

// whyDHCP says what makes a host a DHCP client.
func (h *hostEntry) whyDHCP() string {
	if len(h.macAt) > 0 {
		return "ethers gives the host a MAC"
	}
	return "a [[port]] is the host's"
}

func (l *loader) anyPool() bool {
	return slices.ContainsFunc(l.raw.LANs, func(raw toml.LAN) bool { return raw.Pool.OK() }) ||
		slices.ContainsFunc(l.raw.Relayed, func(raw toml.Relayed) bool { return raw.Pool.OK() })
}
