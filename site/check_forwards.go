package site

import (
	"net/netip"
	"slices"
	"strings"
)

// checkedForward is a forward with the places that messages about it name.
type checkedForward struct {
	PortForward
	at, port span
}

func (c *firewallCheck) checkForwards() {
	for _, raw := range c.raw.Forwards {
		f := PortForward{Log: raw.Log.b, Rate: c.rate(raw.Rate), Place: raw.At.place()}
		var okFrom, okPort, okTo, okSources bool
		f.From, okFrom = c.forwardZones(raw)
		f.First, f.Last, okPort = c.forwardPorts(raw.Port)
		okTo = c.forwardTarget(raw.To, &f)
		okSources = c.forwardSources(raw.Sources, &f)
		f.Protos = c.protos(raw.Proto)
		f.Name = c.ruleName(raw.Name, c.hostLabel(f.Host)+"-"+strings.Join(f.Protos, "-")+"-"+raw.Port.s, raw.At)
		if okFrom && okPort && okTo && okSources && len(f.Protos) > 0 {
			c.addForward(checkedForward{f, raw.At, raw.Port.at})
		}
	}
}

// hostLabel is what a host is called in the name of a forward: its name, if it has one.
func (c *firewallCheck) hostLabel(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		if known, ok := c.hosts.addrs[a]; ok {
			return known.host.Name
		}
		return "host-" + host
	}
	return host
}

// addForward keeps a forward unless it contradicts another, a rule, or the appliance itself.
func (c *firewallCheck) addForward(f checkedForward) {
	for _, offered := range f.flows(f.First, f.Last) {
		for _, other := range c.offers {
			if slices.ContainsFunc(f.From, func(z string) bool { return slices.Contains(other.From, z) }) &&
				slices.ContainsFunc(other.flows(other.First, other.Last), offered.overlaps) {
				c.against(f.port, other.port, "%s is forwarded to %s already; expected other ports", offered, other.Host)
				return
			}
		}
		if c.isServed(f, offered) {
			return
		}
	}
	if c.isDenied(f) {
		return
	}
	c.offers = append(c.offers, f)
	c.out.Forwards = append(c.out.Forwards, f.PortForward)
}

// flows are some ports of each protocol of a forward.
func (f PortForward) flows(first, last uint16) []Flow {
	var flows []Flow
	for _, proto := range f.Protos {
		flows = append(flows, Flow{proto, first, last})
	}
	return flows
}

// isServed reports a port that the appliance itself serves where it would be forwarded.
func (c *firewallCheck) isServed(f checkedForward, offered Flow) bool {
	for _, from := range f.From {
		i := slices.IndexFunc(c.zones, func(z zone) bool { return z.name == from })
		for _, s := range c.site.BoxServices() {
			if c.zones[i].lan != "" && slices.ContainsFunc(s.Flows, offered.overlaps) {
				c.at(f.port, "%s is the appliance's own %s on %s; expected other ports", offered, s.Name, from)
				return true
			}
		}
		for _, r := range c.rules {
			for _, s := range r.Services {
				if !r.Deny && names(r.From, from) && names(r.To, ZoneBox) && slices.ContainsFunc(s.Flows, offered.overlaps) {
					c.against(f.port, r.at, "%s is the appliance's own, which %q allows from %s; expected other ports", offered, r.Name, from)
					return true
				}
			}
		}
	}
	return false
}

func names(ends []FirewallEnd, zone string) bool {
	return slices.ContainsFunc(ends, func(e FirewallEnd) bool { return slices.Contains(e.Zones, zone) })
}

// isDenied reports a forward that never applies because a rule denies all that it allows.
func (c *firewallCheck) isDenied(f checkedForward) bool {
	from := f.Sources
	from.Zones = f.From
	to := FirewallEnd{Zones: []string{f.Zone}}
	for _, a := range f.To {
		to.Networks = append(to.Networks, netip.PrefixFrom(a, a.BitLen()))
	}
	flows := f.flows(f.First, f.Last)
	if f.ToPort != 0 {
		flows = f.flows(f.ToPort, f.ToPort)
	}
	allowed := FirewallRule{From: []FirewallEnd{from}, To: []FirewallEnd{to}, Services: []Service{{"", flows}}}
	for _, r := range c.rules {
		if r.Deny && c.hides(r.FirewallRule, allowed) {
			c.against(f.at, r.at, "this forward never applies, because %q denies all that it allows; expected a forward that no rule denies", r.Name)
			return true
		}
	}
	return false
}

// forwardZones reads where a port is offered.
func (c *firewallCheck) forwardZones(raw rawForward) ([]string, bool) {
	if !raw.From.ok() {
		if !c.isZone(ZoneWAN) && c.parsed {
			c.at(raw.At, `this forward is from "wan", which the site does not have; expected from = … with a zone that it has`)
		}
		return []string{ZoneWAN}, c.isZone(ZoneWAN)
	}
	var zones []string
	before := len(c.list)
	for _, word := range raw.From.items {
		name := strings.ToLower(word.s)
		i := slices.IndexFunc(c.zones, func(z zone) bool { return z.name == name })
		switch {
		case i < 0:
			c.at(word.at, `from: there is no zone %q; expected %s`, word.s, oneOf(c.zoneNames()))
		case c.zones[i].part:
			c.at(word.at, "from: zone %q has no address of the appliance of its own; expected the zone of a whole network", word.s)
		default:
			zones = union(zones, []string{name})
		}
	}
	if len(raw.From.items) == 0 {
		c.at(raw.From.at, "from is empty; expected a zone")
	}
	return zones, len(c.list) == before
}

func (c *firewallCheck) forwardPorts(v port) (first, last uint16, ok bool) {
	if !v.ok() {
		return 0, 0, false
	}
	first, last, ok = readPorts(v.s)
	if !ok {
		c.at(v.at, `port %s is none; expected a port from 1 to 65535, or a range such as "5000-5999"`, v.s)
	}
	return first, last, ok
}

func (c *firewallCheck) protos(v many) []string {
	if !v.ok() {
		return []string{defaultProto}
	}
	var protos []string
	for _, word := range v.items {
		if !slices.Contains([]string{"tcp", "udp", "sctp"}, word.s) {
			c.at(word.at, "proto %q has no ports; expected tcp, udp or sctp", word.s)
			continue
		}
		protos = union(protos, []string{word.s})
	}
	if len(v.items) == 0 {
		c.at(v.at, "proto is empty; expected tcp, udp or sctp")
	}
	return protos
}

// forwardTarget reads the host that a forward leads to.
func (c *firewallCheck) forwardTarget(v str, f *PortForward) bool {
	if !v.ok() {
		return false
	}
	host, portText, hasPort := splitPort(v.s)
	f.Host = host
	if hasPort {
		p, last, ok := readPorts(portText)
		switch {
		case !ok || p != last:
			c.at(v.at, "to %q: %q is no port; expected one from 1 to 65535", v.s, portText)
			return false
		case f.First != f.Last:
			c.at(v.at, "to %q: a range keeps its ports; expected the host alone, or a single port", v.s)
			return false
		case p != f.First:
			f.ToPort = p
		}
	}
	addrs, ok := c.targetAddrs(v, host)
	if !ok {
		return false
	}
	return c.targetZone(v, addrs, f)
}

// splitPort splits "host:port"; an IPv6 address with a port has brackets.
func splitPort(s string) (host, port string, ok bool) {
	if rest, bracketed := strings.CutPrefix(s, "["); bracketed {
		host, port, _ = strings.Cut(rest, "]")
		port, ok = strings.CutPrefix(port, ":")
		return host, port, ok
	}
	if strings.Count(s, ":") == 1 {
		host, port, ok = strings.Cut(s, ":")
		return host, port, ok
	}
	return s, "", false
}

// targetAddrs are the addresses of the host of a forward or a one-to-one translation.
func (c *firewallCheck) targetAddrs(v str, host string) ([]netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		return []netip.Addr{a.Unmap()}, true
	}
	known, ok := c.hosts.names[canonical(host, c.site.Domain)]
	switch {
	case !ok:
		c.at(v.at, "there is no host %q; expected a name in hosts, or an address%s", host, c.hosts.suggest(host))
		return nil, false
	case known.host == c.self():
		c.at(v.at, "%q is the appliance itself; expected a host behind it", host)
		return nil, false
	case len(known.host.Addrs) == 0:
		if !known.host.refused {
			c.against(v.at, known.at, "host %q has no address in hosts, and the one from the pool may change; expected a line in hosts", host)
		}
		return nil, false
	}
	return known.host.Addrs, true
}

// targetZone keeps the addresses that are behind the appliance, all in one zone.
func (c *firewallCheck) targetZone(v str, addrs []netip.Addr, f *PortForward) bool {
	v4 := 0
	for _, a := range addrs {
		z, ok := c.zoneOf(a)
		if !ok || f.Zone != "" && f.Zone != z.name {
			continue
		}
		if slices.ContainsFunc(c.networks, func(n network) bool { return n.own.Addr() == a }) {
			c.at(v.at, "%s is the appliance's own address; expected that of a host behind it", a)
			return false
		}
		if f.Zone = z.name; a.Is4() {
			v4++
		}
		f.To = append(f.To, a)
	}
	switch {
	case len(f.To) == 0:
		if c.settled {
			c.at(v.at, "%s of %q lies outside every lan and what is behind one; expected a host behind the appliance", addrs[0], f.Host)
		}
		return false
	case v4 > 1:
		c.at(v.at, "%q has %d IPv4 addresses on %s; expected one of them", f.Host, v4, f.Zone)
		return false
	}
	return true
}

func (c *firewallCheck) forwardSources(v many, f *PortForward) bool {
	before := len(c.list)
	for _, word := range v.items {
		switch name := canonical(word.s, c.site.Domain); {
		case c.isZone(name) || name == zoneAny || name == ZoneBox:
			c.at(word.at, "sources: %q is a zone; expected hosts, groups, lists, addresses or networks, and zones in from", word.s)
		case c.sets[name] != nil:
			f.Sources.Sets = union(f.Sources.Sets, []string{name})
		default:
			networks, _ := c.members(word)
			f.Sources.Networks = append(f.Sources.Networks, networks...)
		}
	}
	if v.ok() && len(v.items) == 0 {
		c.at(v.at, "sources is empty, so nobody could use the forward; expected who may, or no such line for everybody")
	}
	f.Sources.Networks = aggregated(f.Sources.Networks)
	return len(c.list) == before
}

func (c *firewallCheck) checkOneToOne() {
	outside, inside := map[netip.Addr]span{}, map[netip.Addr]span{}
	for _, raw := range c.raw.OneToOne {
		address, okAddress := c.outsideAddr(raw)
		if !raw.Host.ok() {
			continue
		}
		addrs, okHost := c.targetAddrs(raw.Host, raw.Host.s)
		if !okHost || !okAddress {
			continue
		}
		f := PortForward{Host: raw.Host.s}
		if !c.targetZone(raw.Host, slices.DeleteFunc(slices.Clone(addrs), netip.Addr.Is6), &f) {
			continue
		}
		if first, twice := outside[address]; twice {
			c.against(raw.Address.at, first, "address %s is given to a host already; expected another", address)
		}
		if first, twice := inside[f.To[0]]; twice {
			c.against(raw.Host.at, first, "host %q has an address upstream already; expected one", raw.Host.s)
		}
		outside[address], inside[f.To[0]] = raw.Address.at, raw.Host.at
		c.out.OneToOne = append(c.out.OneToOne, OneToOne{address, f.To[0], raw.Host.s, f.Zone, raw.At.place()})
	}
}

// outsideAddr reads the address that a host gets upstream.
func (c *firewallCheck) outsideAddr(raw rawOneToOne) (netip.Addr, bool) {
	if !raw.Address.ok() {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(raw.Address.s)
	n := c.networkOf(a)
	switch {
	case err != nil || !a.Is4():
		c.at(raw.Address.at, `address %q is no IPv4 address; expected one such as "192.0.2.20"`, raw.Address.s)
	case notUnicast(a) != "":
		c.at(raw.Address.at, "address %s %s; expected one for a host", a, notUnicast(a))
	case !c.site.WAN.IPv4.IsValid():
		if c.parsed {
			c.at(raw.Address.at, "address %s: the site has no IPv4 upstream; expected [wan] with ipv4", a)
		}
	case n != nil && n.own.Addr() == a:
		c.against(raw.Address.at, n.at, "address %s is the appliance's own; expected another", a)
	case n != nil && n.what != "WAN":
		c.against(raw.Address.at, n.at, "address %s is on %s; expected one upstream", a, n.what)
	case n != nil && notForHost(a, n.own) != "":
		c.against(raw.Address.at, n.at, "address %s %s; expected one for a host", a, notForHost(a, n.own))
	case a == c.site.WAN.Gateway:
		c.at(raw.Address.at, "address %s is the router upstream; expected another", a)
	default:
		return a, true
	}
	return netip.Addr{}, false
}
