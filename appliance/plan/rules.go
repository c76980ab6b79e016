package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// defaultPrefix begins the names of what a router does unless the site says
// otherwise; names in a site have no dot.
const defaultPrefix = "default."

// sets are the groups and lists of the site. Lists can change while the rules stay.
func sets(s *site.Site) []firewall.AddressSet {
	var all []firewall.AddressSet
	for _, g := range s.Firewall.Groups {
		all = append(all, firewall.AddressSet{Name: g.Name, Networks: g.Networks})
	}
	for _, l := range s.Firewall.Lists {
		all = append(all, firewall.AddressSet{Name: l.Name, Networks: l.Networks, Live: true})
	}
	return all
}

// allow is one rule of the default.
func allow(name string, from []string, to string, services ...firewall.Service) firewall.Rule {
	return firewall.Rule{
		Name: defaultPrefix + name, Action: firewall.Allow, Services: services,
		From: []firewall.Endpoint{{Zones: from}}, To: []firewall.Endpoint{{Zones: []string{to}}},
	}
}

func rule(r site.FirewallRule) firewall.Rule {
	out := firewall.Rule{
		Name: r.Name, Action: firewall.Allow, From: endpoints(r.From), To: endpoints(r.To),
		Rate: rate(r.Rate), Log: r.Log, Origin: r.Place,
	}
	if r.Deny {
		out.Action = firewall.Deny
	}
	for _, s := range r.Services {
		out.Services = append(out.Services, serviceOf(s))
	}
	return out
}

func endpoints(ends []site.FirewallEnd) []firewall.Endpoint {
	var all []firewall.Endpoint
	for _, e := range ends {
		all = append(all, firewall.Endpoint{Zones: e.Zones, Addresses: e.Networks, Sets: e.Sets})
	}
	return all
}

// forward offers a port where the site says and, by the address there, to our own
// hosts too.
func forward(f site.PortForward, lans []string) firewall.Forward {
	out := firewall.Forward{
		Name: f.Name, From: f.From, Ports: firewall.PortRange{First: f.First, Last: f.Last}, To: f.To,
		ToPort: f.ToPort, Zone: f.Zone, Sources: firewall.Sources{Addresses: f.Sources.Networks,
			Sets: f.Sources.Sets},
		Rate: rate(f.Rate), Log: f.Log, Origin: f.Place,
	}
	for _, p := range f.Protos {
		out.Protos = append(out.Protos, firewall.Proto(p))
	}
	for _, zone := range f.From {
		if zone == site.ZoneWAN {
			out.Hairpin = lans
		}
	}
	return out
}

func rate(r site.Rate) firewall.Rate {
	return firewall.Rate{Count: r.Count, Per: firewall.Unit(r.Per), Burst: r.Burst}
}

func serviceOf(s site.Service) firewall.Service {
	out := firewall.Service{Name: s.Name}
	if firewall.HasHelper(s.Name) {
		out.Helper = s.Name
	}
	for _, f := range s.Flows {
		flow := firewall.Flow{Proto: firewall.Proto(f.Proto)}
		switch {
		case flow.Proto == firewall.ICMP || flow.Proto == firewall.ICMPv6:
			flow.Types = []uint8{uint8(f.First)}
		case f.First != 0:
			flow.Ports = []firewall.PortRange{{First: f.First, Last: f.Last}}
		}
		out.Flows = append(out.Flows, flow)
	}
	return out
}

// oneToOne are the addresses that hosts have upstream. One that a provider gave the box itself is the box's,
// for as long as it is: else nothing would come in for it.
func oneToOne(s *site.Site, facts wan.Facts) []site.OneToOne {
	own, _ := own4(s, facts)
	return slices.DeleteFunc(slices.Clone(s.Firewall.OneToOne), func(o site.OneToOne) bool {
		return slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Addr() == o.Outside })
	})
}

// oneToOneAddresses are those of them on the WAN's own networks: the box has to
// answer for them there. Others are routed to it.
func oneToOneAddresses(s *site.Site, facts wan.Facts) []netip.Prefix {
	var all []netip.Prefix
	own, _ := own4(s, facts)
	for _, o := range oneToOne(s, facts) {
		if slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Contains(o.Outside) }) {
			all = append(all, netip.PrefixFrom(o.Outside, o.Outside.BitLen()))
		}
	}
	return all
}
