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

// ends reads one side of a rule: zones by themselves, and addresses in the zones that they are in. It reports
// words that mean nothing. The second result is false if one did, or there are none.
func (c *firewallCheck) ends(key string, v toml.Many, box bool) ([]model.FirewallEnd, bool) {
	var zones, others model.FirewallEnd
	before := c.Count()
	for _, word := range v.Items {
		switch name := model.Canonical(word.Text, c.site.Domain); {
		case name == model.ZoneAny:
			zones.Zones = union(zones.Zones, c.zoneNames())
			if box {
				zones.Zones = union(zones.Zones, []string{model.ZoneBox})
			}
		case c.isZone(name), name == model.ZoneBox && box:
			c.unambiguous(key, word, name)
			zones.Zones = union(zones.Zones, []string{name})
		case name == model.ZoneWAN:
			if c.parsed {
				c.At(word.At, `%s: the site has no upstream link; expected [wan], or a zone that it has`, key)
			}
		case name == model.ZoneBox:
			c.At(word.At, `%s: "box" is the appliance itself, which may send anything; expected a zone or hosts`, key)
		case c.sets[name] != nil:
			others.Sets = union(others.Sets, []string{name})
			others.Zones = union(others.Zones, c.sets[name].zones)
		default:
			networks, in := c.members(word)
			others.Networks = append(others.Networks, networks...)
			others.Zones = union(others.Zones, in)
		}
	}
	if v.OK() && len(v.Items) == 0 {
		c.At(v.At, "%s is empty; expected a zone or hosts", key)
	}
	others.Networks = aggregated(others.Networks)
	var all []model.FirewallEnd
	for _, end := range []model.FirewallEnd{zones, others} {
		if len(end.Zones) > 0 {
			all = append(all, end)
		}
	}
	return all, c.Count() == before && len(all) > 0
}

func (c *firewallCheck) isZone(name string) bool { return slices.Contains(c.zoneNames(), name) }

// unambiguous reports a name that is both a zone's and a host's.
func (c *firewallCheck) unambiguous(key string, word toml.Str, name string) {
	if h, both := c.hosts.names[name]; both {
		c.Against(word.At, h.at, "%s: %q is a zone and a host; expected different names", key, word.Text)
	}
}

// members reads what is no name of a zone or set: an address, a network, a host's name or a pattern of such.
// It returns the networks and the zones that they are in.
func (c *firewallCheck) members(v toml.Str) ([]netip.Prefix, []string) {
	if strings.ContainsAny(v.Text, ":/") || isAddr(v.Text) {
		p, reason := readNetwork(v.Text)
		if reason != "" {
			c.At(v.At, "%q %s", v.Text, reason)
			return nil, nil
		}
		in := c.zonesOf(p)
		if len(in) == 0 && c.settled {
			c.At(v.At, "%s is on no network of the site, and there is no [wan]; expected an address of the site", v.Text)
		}
		return []netip.Prefix{p}, in
	}
	matched, err := c.hosts.match(model.Canonical(v.Text, c.site.Domain))
	if v.Text == "*" {
		matched = nil // the appliance is among them; for everybody there is a word
	}
	switch meant := meantEnd(v.Text); {
	case len(matched) == 0 && meant != "":
		c.At(v.At, "%q is no zone, group, list or host; expected %s", v.Text, meant)
	case err != nil:
		c.At(v.At, "%q %v", v.Text, err)
	case len(matched) == 0 && c.parsed: // else it may be in what was not read
		c.lacks(source.Hosts, v.Text, v.At, source.Span{}, "%q is no zone, group, list or host%s", v.Text,
			c.suggest(v.Text))
	}
	var networks []netip.Prefix
	var zones []string
	for _, h := range matched {
		own, in := c.hostNetworks(v, h)
		networks, zones = append(networks, own...), union(zones, in)
	}
	return networks, zones
}

// hostNetworks are the addresses of a host, which must have some.
func (c *firewallCheck) hostNetworks(v toml.Str, h *hostEntry) ([]netip.Prefix, []string) {
	switch {
	case h == c.self():
		c.At(v.At, `%q is the appliance itself; expected "box"`, v.Text)
		return nil, nil
	case len(h.Addrs) == 0:
		if !h.refused {
			c.lacks(source.Hosts, h.Name, v.At, h.at,
				"host %q has no address in hosts, and the one from the pool may change; expected a line in hosts", h.Name)
		}
		return nil, nil
	}
	var networks []netip.Prefix
	var zones []string
	for _, a := range h.Addrs {
		p := netip.PrefixFrom(a, a.BitLen())
		networks, zones = append(networks, p), union(zones, c.zonesOf(p))
	}
	if len(zones) == 0 && c.settled {
		c.Against(v.At, h.at, "host %q has no address on a network of the site, and there is no [wan]; expected another host", h.Name)
	}
	return networks, zones
}

// suggest returns a question that ends a message about an unknown word, "" if no known one is near.
func (c *firewallCheck) suggest(word string) string {
	names := append(c.zoneNames(), model.ZoneAny, model.ZoneBox)
	for name := range c.sets {
		names = append(names, name)
	}
	sort.Strings(names)
	if near := toml.Nearest(word, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	if host := c.hosts.suggest(word); host != "" {
		return host
	}
	return "; expected one of those, " + toml.OneOf(append(c.zoneNames(), model.ZoneAny, model.ZoneBox)) +
		", or an address or network"
}
