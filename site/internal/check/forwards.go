package check

import (
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkedForward is a forward with the places that messages about it name.
type checkedForward struct {
	model.PortForward
	at, port source.Span
}

func (c *firewallCheck) checkForwards() {
	for _, raw := range c.raw.Forwards {
		f := model.PortForward{Log: raw.Log.Value, Rate: c.rate(raw.Rate), Place: raw.At.Place()}
		var okFrom, okPort, okTo, okSources bool
		f.From, okFrom = c.forwardZones(raw)
		f.First, f.Last, okPort = c.forwardPorts(raw.Port)
		okTo = c.forwardTarget(raw.To, &f)
		okSources = c.forwardSources(raw.Sources, &f)
		f.Protos = c.protos(raw.Proto)
		f.Name = c.ruleName(raw.Name, c.hostLabel(f.Host)+"-"+strings.Join(f.Protos, "-")+"-"+raw.Port.Text,
			raw.At)
		if okFrom && okPort && okTo && okSources && len(f.Protos) > 0 {
			c.addForward(checkedForward{f, raw.At, raw.Port.At})
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
	flows := f.Flows(f.First, f.Last)
	for _, offered := range flows {
		if other, taken := c.offered(f.From, offered); taken {
			c.Against(f.port, other.port, "%s is forwarded to %s already; expected other ports", offered,
				other.host)
			return
		}
		if c.isServed(f, offered) {
			return
		}
	}
	if c.isDenied(f) {
		return
	}
	for _, zone := range f.From {
		for _, offered := range flows {
			key := offering{zone, offered.Proto}
			at := c.firstFrom(key, offered.First)
			c.offers[key] = slices.Insert(c.offers[key], at, offer{f.First, f.Last, f.port, f.Host})
		}
	}
	c.out.Forwards = append(c.out.Forwards, f.PortForward)
}

// offering is where forwards offer ports, and offer is what one of them offers there.
type offering struct{ zone, proto string }

type offer struct {
	first, last uint16
	port        source.Span
	host        string
}

// offered returns what of some ports is offered in some of the zones already.
func (c *firewallCheck) offered(zones []string, flow model.Flow) (offer, bool) {
	for _, zone := range zones {
		key := offering{zone, flow.Proto}
		if at := c.firstFrom(key, flow.First); at < len(c.offers[key]) &&
			c.offers[key][at].first <= flow.Last {
			return c.offers[key][at], true
		}
	}
	return offer{}, false
}

// firstFrom returns the index of the first offer that ends at a port or behind it.
func (c *firewallCheck) firstFrom(key offering, port uint16) int {
	return sort.Search(len(c.offers[key]), func(i int) bool {
		c.steps++
		return c.offers[key][i].last >= port
	})
}

// openBox remembers a rule that allows something on the appliance itself.
func (c *firewallCheck) openBox(r checkedRule) {
	if r.Deny || !names(r.To, model.ZoneBox) {
		return
	}
	for zone := range r.from {
		c.boxRules[zone] = append(c.boxRules[zone], r)
	}
}

// isServed reports a port that the appliance itself serves where it would be forwarded.
func (c *firewallCheck) isServed(f checkedForward, offered model.Flow) bool {
	for _, from := range f.From {
		i := slices.IndexFunc(c.zones, func(z zone) bool { return z.name == from })
		for _, s := range c.site.BoxServices() {
			if c.zones[i].lan != "" && slices.ContainsFunc(s.Flows, offered.Overlaps) {
				c.At(f.port, "%s is the appliance's own %s on %s; expected other ports", offered, s.Name,
					from)
				return true
			}
		}
		for _, r := range c.boxRules[from] {
			for _, s := range r.Services {
				if slices.ContainsFunc(s.Flows, offered.Overlaps) {
					c.Against(f.port, r.at,
						"%s is the appliance's own, which %q allows from %s; expected other ports", offered,
						r.Name, from)
					return true
				}
			}
		}
	}
	return false
}

func names(ends []model.FirewallEnd, zone string) bool {
	return slices.ContainsFunc(ends, func(e model.FirewallEnd) bool { return slices.Contains(e.Zones, zone) })
}

// isDenied reports a forward that never applies because a rule denies all that it allows.
func (c *firewallCheck) isDenied(f checkedForward) bool {
	from := f.Sources
	from.Zones = f.From
	to := model.FirewallEnd{Zones: []string{f.Zone}}
	for _, a := range f.To {
		to.Networks = append(to.Networks, netip.PrefixFrom(a, a.BitLen()))
	}
	flows := f.Flows(f.First, f.Last)
	if f.ToPort != 0 {
		flows = f.Flows(f.ToPort, f.ToPort)
	}
	allowed := checkedRule{from: c.reach([]model.FirewallEnd{from}), to: c.reach([]model.FirewallEnd{to})}
	allowed.Services = []model.Service{{Flows: flows}}
	r, denied := c.index.first(allowed, &c.steps, func(r checkedRule) bool {
		return r.Deny && hides(r, allowed)
	})
	if denied {
		c.Against(f.at, r.at, "this forward never applies, because %q denies all that it allows; expected a forward that no rule denies", r.Name)
	}
	return denied
}

// forwardZones reads where a port is offered.
func (c *firewallCheck) forwardZones(raw toml.Forward) ([]string, bool) {
	if !raw.From.OK() {
		if !c.isZone(model.ZoneWAN) && c.parsed {
			c.At(raw.At, `this forward is from "wan", which the site does not have; expected from = … with a zone that it has`)
		}
		return []string{model.ZoneWAN}, c.isZone(model.ZoneWAN)
	}
	var zones []string
	before := c.Count()
	for _, word := range raw.From.Items {
		name := strings.ToLower(word.Text)
		i := slices.IndexFunc(c.zones, func(z zone) bool { return z.name == name })
		switch {
		case i < 0:
			c.At(word.At, `from: there is no zone %q; expected %s`, word.Text, toml.OneOf(c.zoneNames()))
		case c.zones[i].part:
			c.At(word.At, "from: zone %q has no address of the appliance of its own; expected the zone of a whole network", word.Text)
		default:
			zones = union(zones, []string{name})
		}
	}
	if len(raw.From.Items) == 0 {
		c.At(raw.From.At, "from is empty; expected a zone")
	}
	return zones, c.Count() == before
}

func (c *firewallCheck) forwardPorts(v toml.PortRange) (first, last uint16, ok bool) {
	if !v.OK() {
		return 0, 0, false
	}
	first, last, ok = model.ReadPorts(v.Text)
	if !ok {
		c.At(v.At, "port %s is none; %s", v.Text,
			portAlone(v.Text, `expected a port from 1 to 65535, or a range such as "5000-5999"`))
	}
	return first, last, ok
}

func (c *firewallCheck) protos(v toml.Many) []string {
	if !v.OK() {
		return []string{toml.DefaultProto}
	}
	var protos []string
	for _, word := range v.Items {
		if !slices.Contains([]string{"tcp", "udp", "sctp"}, word.Text) {
			c.At(word.At, "proto %q has no ports; expected tcp, udp or sctp", word.Text)
			continue
		}
		protos = union(protos, []string{word.Text})
	}
	if len(v.Items) == 0 {
		c.At(v.At, "proto is empty; expected tcp, udp or sctp")
	}
	return protos
}

// forwardTarget reads the host that a forward leads to.
func (c *firewallCheck) forwardTarget(v toml.Str, f *model.PortForward) bool {
	if !v.OK() {
		return false
	}
	host, portText, hasPort := splitPort(v.Text)
	f.Host = host
	if hasPort {
		p, last, ok := model.ReadPorts(portText)
		switch {
		case !ok || p != last:
			c.At(v.At, "to %q: %q is no port; expected one from 1 to 65535", v.Text, portText)
			return false
		case f.First != f.Last:
			c.At(v.At, "to %q: a range keeps its ports; expected the host alone, or a single port", v.Text)
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
func (c *firewallCheck) targetAddrs(v toml.Str, host string) ([]netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		return []netip.Addr{a.Unmap()}, true
	}
	known, ok := c.hosts.names[model.Canonical(host, c.site.Domain)]
	switch {
	case !ok:
		c.lacks(source.Hosts, host, v.At, source.Span{},
			"there is no host %q; expected a name in hosts, or an address%s", host, c.hosts.suggest(host))
		return nil, false
	case known.host == c.self():
		c.At(v.At, "%q is the appliance itself; expected a host behind it", host)
		return nil, false
	case len(known.host.Addrs) == 0:
		if !known.host.refused {
			c.lacks(source.Hosts, host, v.At, known.at,
				"host %q has no address in hosts, and the one from the pool may change; expected a line in hosts", host)
		}
		return nil, false
	}
	return known.host.Addrs, true
}

// targetZone keeps the addresses that are behind the appliance, all in one zone.
func (c *firewallCheck) targetZone(v toml.Str, addrs []netip.Addr, f *model.PortForward) bool {
	v4 := 0
	for _, a := range addrs {
		z, ok := c.zoneOf(a)
		if !ok || f.Zone != "" && f.Zone != z.name {
			continue
		}
		if c.ownNetwork(a) != nil {
			c.At(v.At, "%s is the appliance's own address; expected that of a host behind it", a)
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
			c.At(v.At, "%s of %q lies outside every lan and what is behind one; expected a host behind the appliance", addrs[0], f.Host)
		}
		return false
	case v4 > 1:
		c.At(v.At, "%q has %d IPv4 addresses on %s; expected one of them", f.Host, v4, f.Zone)
		return false
	}
	return true
}

func (c *firewallCheck) forwardSources(v toml.Many, f *model.PortForward) bool {
	before := c.Count()
	for _, word := range v.Items {
		switch name := model.Canonical(word.Text, c.site.Domain); {
		case c.isZone(name) || name == model.ZoneAny || name == model.ZoneBox:
			c.At(word.At, "sources: %q is a zone; expected hosts, groups, lists, addresses or networks, and zones in from", word.Text)
		case c.sets[name] != nil:
			f.Sources.Sets = union(f.Sources.Sets, []string{name})
		default:
			networks, _ := c.members(word)
			f.Sources.Networks = append(f.Sources.Networks, networks...)
		}
	}
	if v.OK() && len(v.Items) == 0 {
		c.At(v.At, "sources is empty, so nobody could use the forward; expected who may, or no such line for everybody")
	}
	f.Sources.Networks = aggregated(f.Sources.Networks)
	return c.Count() == before
}

func (c *firewallCheck) checkOneToOne() {
	outside, inside := map[netip.Addr]source.Span{}, map[netip.Addr]source.Span{}
	for _, raw := range c.raw.OneToOne {
		address, okAddress := c.outsideAddr(raw)
		if !raw.Host.OK() {
			continue
		}
		addrs, okHost := c.targetAddrs(raw.Host, raw.Host.Text)
		if !okHost || !okAddress {
			continue
		}
		addrs = slices.DeleteFunc(slices.Clone(addrs), netip.Addr.Is6)
		if len(addrs) == 0 {
			c.At(raw.Host.At, "%q has no IPv4 address; expected a host with one", raw.Host.Text)
			continue
		}
		f := model.PortForward{Host: raw.Host.Text}
		if !c.targetZone(raw.Host, addrs, &f) {
			continue
		}
		if first, twice := outside[address]; twice {
			c.Against(raw.Address.At, first, "address %s is given to a host already; expected another",
				address)
		}
		if first, twice := inside[f.To[0]]; twice {
			c.Against(raw.Host.At, first, "host %q has an address upstream already; expected one",
				raw.Host.Text)
		}
		outside[address], inside[f.To[0]] = raw.Address.At, raw.Host.At
		c.out.OneToOne = append(c.out.OneToOne,
			model.OneToOne{Outside: address, Inside: f.To[0], Host: raw.Host.Text, Zone: f.Zone,
				Place: raw.At.Place()})
	}
}

// outsideAddr reads the address that a host gets upstream.
func (c *firewallCheck) outsideAddr(raw toml.OneToOne) (netip.Addr, bool) {
	if !raw.Address.OK() {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(raw.Address.Text)
	n := c.networkOf(a)
	switch {
	case err != nil || !a.Is4():
		c.At(raw.Address.At, `address %q is no IPv4 address; expected one such as "192.0.2.20"`,
			raw.Address.Text)
	case model.NotUnicast(a) != "":
		c.At(raw.Address.At, "address %s %s; expected one for a host", a, model.NotUnicast(a))
	case !c.site.WAN.HasIPv4():
		if c.parsed {
			c.At(raw.Address.At, "address %s: the site has no IPv4 upstream; expected [wan] with ipv4", a)
		}
	case n != nil && n.own.Addr() == a:
		c.Against(raw.Address.At, n.at, "address %s is the appliance's own; expected another", a)
	case n != nil && n.what != "WAN":
		c.Against(raw.Address.At, n.at, "address %s is on %s; expected one upstream", a, n.what)
	case n != nil && model.NotForHost(a, n.own) != "":
		c.Against(raw.Address.At, n.at, "address %s %s; expected one for a host", a,
			model.NotForHost(a, n.own))
	case a == c.site.WAN.Gateway:
		c.At(raw.Address.At, "address %s is the router upstream; expected another", a)
	default:
		return a, true
	}
	return netip.Addr{}, false
}
