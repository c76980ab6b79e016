package firewall

import (
	"net/netip"
	"slices"
)

// named checks the name and the origin of a rule or forward.
func (c *checker) named(name, origin string) {
	switch {
	case !validName(name, "-."):
		c.problem("name %q: expected letters, digits, '-' and '.', starting with a letter, at most %d", name,
			maxName)
	case slices.Contains(reserved(), name):
		c.problem("name %q is what the log calls something else", name)
	case c.names[name]:
		c.problem("the name is taken")
	}
	c.names[name] = true
	if !printable(origin) {
		c.problem("origin %q: expected printable text without quotes", origin)
	}
}

// reserved are the names by which the log calls what is always done.
func reserved() []string { return DropReasons() }

func (c *checker) checkRule(r Rule) {
	c.named(r.Name, r.Origin)
	if r.Action != Allow && r.Action != Deny {
		c.problem("action %q: expected %q or %q", r.Action, Allow, Deny)
	}
	c.endpoints("from", r.From)
	c.endpoints("to", r.To)
	toBox := slices.ContainsFunc(r.To, func(e Endpoint) bool { return slices.Contains(e.Zones, Box) })
	if toBox && len(r.Services) == 0 && r.Action == Allow {
		c.problem("to %s: name the services; everything would open every port of the appliance", Box)
	}
	if r.Action == Deny && r.Rate != (Rate{}) {
		c.problem("a rate is of what is allowed")
	}
	c.rate(r.Rate)
	for _, s := range r.Services {
		c.checkService(s)
	}
}

func (c *checker) endpoints(field string, ends []Endpoint) {
	if len(ends) == 0 {
		c.problem("%s: names nobody", field)
	}
	for _, e := range ends {
		zones := slices.DeleteFunc(slices.Clone(e.Zones), func(s string) bool { return s == Box && field == "to" })
		if len(zones) > 0 || len(e.Zones) == 0 {
			c.zonesOf(field, zones)
		}
		c.networks(field, e.Addresses)
		c.setsOf(field, e.Sets)
	}
}

func (c *checker) checkService(s Service) {
	if s.Name == "" || !printable(s.Name) {
		c.problem("service %q: expected a printable name without quotes", s.Name)
	}
	if s.Helper != "" && !HasHelper(s.Helper) {
		c.problem("service %s: helper %q: expected ftp, tftp, sip or pptp", s.Name, s.Helper)
	}
	if len(s.Flows) == 0 {
		c.problem("service %s: has no flows", s.Name)
	}
	for _, f := range s.Flows {
		switch {
		case f.Proto == ICMP || f.Proto == ICMPv6:
			if len(f.Types) == 0 || len(f.Ports) > 0 {
				c.problem("service %s: %s needs types and has no ports", s.Name, f.Proto)
			}
		case f.Proto.Number() == 0:
			c.problem("service %s: protocol %q: expected tcp, udp, sctp, icmp, icmpv6, ipv6, gre, esp or ah",
				s.Name, f.Proto)
		case len(f.Types) > 0:
			c.problem("service %s: %s has no types", s.Name, f.Proto)
		case len(f.Ports) > 0 && !f.Proto.hasPorts():
			c.problem("service %s: %s has no ports", s.Name, f.Proto)
		}
		c.checkPorts(s.Name, f.Ports)
	}
}

// checkPorts refuses ranges that overlap, because a set of the kernel does.
func (c *checker) checkPorts(service string, ports []PortRange) {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b PortRange) int {
		return int(a.First) - int(b.First)
	})
	for i, r := range sorted {
		if r.First > r.Last {
			c.problem("service %s: ports %s: the first is above the last", service, r)
		}
		if i > 0 && r.First <= sorted[i-1].Last {
			c.problem("service %s: ports %s and %s overlap", service, sorted[i-1], r)
		}
	}
}

func (c *checker) checkForwards() {
	taken := offers{}
	for i, f := range c.policy.Forwards {
		c.place = placeOf("forward", i, f.Name, f.Origin)
		c.named(f.Name, f.Origin)
		c.zonesOf("from", f.From)
		c.zonesOf("zone", []string{f.Zone})
		for _, name := range f.Hairpin {
			c.zonesOf("hairpin", []string{name})
		}
		switch {
		case len(f.Protos) == 0 || slices.ContainsFunc(f.Protos, func(p Proto) bool { return !p.hasPorts() }):
			c.problem("protocols %q: expected some that have ports", f.Protos)
		case f.Ports.First > f.Ports.Last || f.Ports.First == 0:
			c.problem("ports %s: expected a port from 1 to 65535, or a range with the lower first", f.Ports)
		case f.ToPort != 0 && !f.single():
			c.problem("to_port: a range keeps its ports")
		}
		c.checkTargets(f)
		c.rate(f.Rate)
		c.networks("sources", f.Sources.Addresses)
		c.setsOf("sources", f.Sources.Sets)
		if other := taken.add(f); other != "" {
			c.problem("ports %s are forwarded by %s already", f.Ports, other)
		}
	}
}

func (c *checker) checkTargets(f Forward) {
	v4 := 0
	for _, a := range f.To {
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
			c.problem("to %v: expected an address", a)
		}
		if a.Is4() {
			v4++
		}
	}
	if len(f.To) == 0 || v4 > 1 {
		c.problem("to: expected at least one address and at most one IPv4 address")
	}
}

// offers are the ports that are forwarded so far, by the zone where they are offered.
type offers map[offer][]Forward

type offer struct {
	zone    string
	hairpin bool
}

// add notes the ports of f and returns the name of a forward that offers one of them already at the same
// place. At the appliance's addresses outside and in a zone itself the same port may mean two hosts, but of
// two ranges the kernel's map of what is allowed can have only one.
func (o offers) add(f Forward) string {
	other := ""
	for _, hairpin := range []bool{false, true} {
		zones := f.From
		if hairpin {
			zones = f.Hairpin
		}
		for _, zone := range zones {
			for _, known := range o[offer{zone, hairpin}] {
				if known.overlaps(f) {
					other = known.Name
				}
			}
			for _, known := range o[offer{zone, !hairpin}] {
				if known.Name != f.Name && known.overlaps(f) && !known.single() && !f.single() {
					other = known.Name
				}
			}
			o[offer{zone, hairpin}] = append(o[offer{zone, hairpin}], f)
		}
	}
	return other
}

func (f Forward) overlaps(g Forward) bool {
	return f.Ports.First <= g.Ports.Last && g.Ports.First <= f.Ports.Last &&
		slices.ContainsFunc(f.Protos, func(p Proto) bool { return slices.Contains(g.Protos, p) })
}

func (c *checker) checkOneToOne() {
	outside, inside := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for i, o := range c.policy.OneToOne {
		c.place = placeOf("one_to_one", i, "", o.Origin)
		c.zonesOf("zone", []string{o.Zone})
		c.zonesOf("host", []string{o.Host})
		for _, name := range o.Hairpin {
			c.zonesOf("hairpin", []string{name})
		}
		if !o.Outside.Is4() || !o.Inside.Is4() {
			c.problem("%v to %v: expected IPv4 addresses", o.Outside, o.Inside)
		}
		if outside[o.Outside] || inside[o.Inside] {
			c.problem("%v to %v: expected each address once", o.Outside, o.Inside)
		}
		outside[o.Outside], inside[o.Inside] = true, true
	}
}
