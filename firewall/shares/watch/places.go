package watch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/shares"
)

// placesOf asks the kernel for the appliance's addresses, and for the cards of hosts on LANs.
func placesOf(policy firewall.Policy) (shares.Places, error) {
	p := shares.Places{Own: map[netip.Addr]bool{}, Card: map[netip.Addr]shares.Card{}}
	links, err := net.Interfaces()
	if err != nil {
		return p, fmt.Errorf("links: %w", err)
	}
	strange := outside(policy)
	inside := map[int]bool{}
	for _, l := range links {
		inside[l.Index] = !slices.Contains(strange, l.Name)
		own, err := l.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range own {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			p.Own[prefix.Addr()] = true
			if inside[l.Index] && prefix.Addr().Is6() {
				p.LANs = append(p.LANs, prefix.Masked())
			}
		}
	}
	neighbours, err := netlink.NeighList(0, netlink.FAMILY_V6)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return p, fmt.Errorf("neighbours: %w", err)
	}
	for _, n := range neighbours {
		a, ok := netip.AddrFromSlice(n.IP)
		if ok && inside[n.LinkIndex] && len(n.HardwareAddr) == len(shares.Card{}) {
			p.Card[a] = shares.Card(n.HardwareAddr)
		}
	}
	return p, nil
}

// outside are the interfaces to strangers.
func outside(p firewall.Policy) (links []string) {
	for _, z := range p.Zones {
		if z.Outside {
			links = append(links, z.Interfaces...)
		}
	}
	return links
}
