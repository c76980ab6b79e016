package site

import (
	"net/netip"
	"slices"
	"strings"
)

// checkHost compares one host with the networks of the appliance.
func (l *loader) checkHost(h *hostEntry) {
	if h == l.self() {
		l.checkSelf(h)
		return
	}
	for i, a := range h.Addrs {
		l.checkAddr(h, a, h.addrAt[i])
	}
	if len(h.MACs) > 0 {
		l.checkReservations(h)
	}
}

// self returns the host that is the appliance, nil if hosts and ethers have none.
func (l *loader) self() *hostEntry { return l.hosts.names[l.site.Name].host }

// checkSelf allows the appliance's own name for its own addresses only.
func (l *loader) checkSelf(h *hostEntry) {
	for i, a := range h.Addrs {
		if l.settled && !slices.ContainsFunc(l.networks, func(n network) bool { return n.own.Addr() == a }) {
			l.at(h.addrAt[i], "%q is the appliance itself, and %s is not its address; expected one of %s", h.Name, a, l.ownAddresses())
		}
	}
	for i, m := range h.MACs {
		l.at(h.macAt[i], "%q is the appliance itself, which asks no DHCP server; expected no line for %s", h.Name, m)
	}
}

func (l *loader) ownAddresses() string {
	var own []string
	for _, n := range l.networks {
		own = append(own, n.own.Addr().String())
	}
	return strings.Join(own, ", ")
}

// checkAddr refuses addresses that another host on a connected network cannot have.
func (l *loader) checkAddr(h *hostEntry, a netip.Addr, at span) {
	n := l.networkOf(a)
	if n == nil {
		return
	}
	if a == n.own.Addr() {
		if l.site.Name == "" {
			return // it may be the appliance's own name, which is not known
		}
		l.against(at, n.at, "address %s of %q is the appliance's own on %s; expected another", a, h.Name, n.what)
		return
	}
	if reason := notForHost(a, n.own); reason != "" {
		l.against(at, n.at, "address %s of %q %s; expected another", a, h.Name, reason)
	}
}

// checkReservations wants the IPv4 addresses of a host with cards on LANs, where
// DHCP can give them out, and at most one on each.
func (l *loader) checkReservations(h *hostEntry) {
	found := false
	taken := map[netip.Addr]span{} // by the appliance's address on the LAN
	for i, a := range h.Addrs {
		if !a.Is4() {
			continue
		}
		found = true
		lan, ok := l.lanOf(a)
		switch first, twice := taken[lan.IPv4.Addr()]; {
		case !ok && l.settled:
			l.against(h.addrAt[i], h.macAt[0], "address %s of %q lies outside every lan, but ethers gives the host a MAC; expected an address that DHCP can give out", a, h.Name)
		case ok && twice:
			l.against(h.addrAt[i], first, "%s is a second address of %q on lan %q; expected one for DHCP to give out", a, h.Name, lan.Name)
		case ok:
			taken[lan.IPv4.Addr()] = h.addrAt[i]
		}
	}
	anyPool := slices.ContainsFunc(l.raw.LANs, func(raw rawLAN) bool { return raw.Pool.ok() })
	if !found && !h.refused && l.settled && !anyPool {
		l.at(h.macAt[0], "%q has no IPv4 address in hosts and no lan has a pool, so it would get none; expected one of the two", h.Name)
	}
}

// lanOf returns the LAN that an IPv4 address is on.
func (l *loader) lanOf(a netip.Addr) (LAN, bool) {
	for _, lan := range l.site.LANs {
		if lan.IPv4.Contains(a) {
			return lan, true
		}
	}
	return LAN{}, false
}
