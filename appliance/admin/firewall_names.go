package admin

import (
	"context"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// A directory knows what people call addresses, interfaces and rules.
type directory struct {
	hosts   map[netip.Addr]string
	cards   map[string]string // by MAC, as net.HardwareAddr writes it
	rules   map[string]namedRule
	zones   []firewall.Zone
	network explain.Network
}

// A namedRule is a rule or forward of the policy, or a default.
type namedRule struct {
	action firewall.Action
	origin string
}

// directory asks the site, the policy that is loaded, and the DHCP server, which need not answer.
func (e Env) directory(ctx context.Context) (directory, error) {
	s, err := e.Site()
	if err != nil {
		return directory{}, err
	}
	loaded, err := shown.ReadRules(e.RunDir)
	if err != nil {
		return directory{}, err
	}
	p, err := e.plan(s)
	if err != nil {
		return directory{}, err
	}
	d := directory{hosts: map[netip.Addr]string{}, cards: map[string]string{}, rules: map[string]namedRule{},
		zones: loaded.Policy.Zones, network: networkOf(p)}
	var leases []dhcp.LeaseInfo
	if e.ask(ctx, roster.DHCP, "leases", nil, &leases) == nil {
		d.addLeases(leases)
	}
	d.addSite(s)
	for _, r := range slices.Concat(loaded.Policy.Rules, loaded.Policy.Defaults) {
		d.rules[r.Name] = namedRule{r.Action, r.Origin}
	}
	for _, f := range loaded.Policy.Forwards {
		d.rules[f.Name] = namedRule{firewall.Allow, f.Origin}
	}
	return d, nil
}

// addLeases takes the names that clients of the pool gave themselves.
func (d directory) addLeases(leases []dhcp.LeaseInfo) {
	for _, l := range leases {
		if l.State == "bound" && l.Name != "" {
			d.hosts[l.Addr], d.cards[l.MAC.String()] = l.Name, l.Name
		}
	}
}

// addSite takes the names of the site, which go before those that clients say.
func (d directory) addSite(s *site.Site) {
	for _, h := range s.Hosts {
		for _, a := range h.Addrs {
			d.hosts[a] = h.Name
		}
		for _, m := range h.MACs {
			d.cards[m.String()] = h.Name
		}
	}
	for _, a := range d.network.Addresses {
		d.hosts[a.Prefix.Addr()] = firewall.Box
	}
}

// endpoint writes an address with its host's name, and its port unless it is 0.
func (d directory) endpoint(a netip.AddrPort) string {
	name := d.hosts[a.Addr()]
	if name == "" {
		return endpointText(a)
	}
	text := name + "(" + a.Addr().String() + ")"
	if a.Port() != 0 {
		text += netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port()).String()[len("0.0.0.0"):]
	}
	return text
}

// zone is that of an address behind an interface, or nil.
func (d directory) zone(link string, a netip.Addr) *firewall.Zone {
	var whole *firewall.Zone
	for i, z := range d.zones {
		switch {
		case !slices.Contains(z.Interfaces, link):
		case len(z.Networks) == 0:
			whole = &d.zones[i]
		case slices.ContainsFunc(z.Networks, func(p netip.Prefix) bool { return p.Contains(a) }):
			return &d.zones[i]
		}
	}
	return whole
}

// home is the zone that the routes lead to for an address, or nil: for one of the appliance's own, and where
// there is no route.
func (d directory) home(a netip.Addr) *firewall.Zone {
	if d.hosts[a] == firewall.Box {
		return nil
	}
	return d.zone(d.network.LinkTo(a), a)
}
