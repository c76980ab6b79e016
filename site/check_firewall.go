package site

import (
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRuleName = 32
	maxRate     = 1_000_000
)

// firewallCheck reads [firewall] once hosts and networks are known.
type firewallCheck struct {
	*loader
	raw      rawFirewall
	out      *Firewall
	zones    []zone
	sets     map[string]*addressSet
	services map[string]Service
	taken    map[string]span // names of rules and forwards
	rules    []checkedRule
	offers   []checkedForward
}

// zone is one that rules can name.
type zone struct {
	name     string
	lan      string         // name of the LAN that it is or is a part of, "" for WAN
	networks []netip.Prefix // on it and behind it
	part     bool           // made by [[firewall.zone]]
	at       span
}

// addressSet is a group or list with what checks need.
type addressSet struct {
	AddressSet
	zones []string // that its members are in
	at    span
}

func (l *loader) checkFirewall(fsys fs.FS) {
	c := &firewallCheck{loader: l, raw: l.raw.Firewall, out: &l.site.Firewall,
		sets: map[string]*addressSet{}, services: map[string]Service{}, taken: map[string]span{}}
	c.baseZones()
	c.userZones()
	c.checkMasquerade()
	c.userServices()
	c.groups()
	c.lists(fsys)
	c.checkRules()
	c.checkForwards()
	c.checkOneToOne()
}

// baseZones are the LANs, with what is behind their routers, and WAN.
func (c *firewallCheck) baseZones() {
	for i, lan := range c.site.LANs {
		if lan.Name == "" {
			continue
		}
		z := zone{name: lan.Name, lan: lan.Name, at: c.loader.raw.LANs[i].Name.at}
		for _, p := range []netip.Prefix{lan.IPv4, lan.IPv6} {
			if p.IsValid() {
				z.networks = append(z.networks, p.Masked())
			}
		}
		for _, r := range c.site.Routes {
			if lan.IPv4.Contains(r.Via) || lan.IPv6.IsValid() && lan.IPv6.Contains(r.Via) {
				z.networks = append(z.networks, r.To)
			}
		}
		c.zones = append(c.zones, z)
	}
	if c.site.WAN.Interface != "" {
		c.zones = append(c.zones, zone{name: ZoneWAN, at: c.loader.raw.WAN.At})
	}
}

func (c *firewallCheck) userZones() {
	for _, raw := range c.raw.Zones {
		z := zone{name: c.newName("zone", raw.Name), part: true, at: raw.Name.at}
		for _, v := range raw.Networks.items {
			if p, lan := c.zoneNetwork(v); lan != "" {
				if z.lan != "" && z.lan != lan {
					c.at(v.at, "%s is on lan %q, but the networks before it are on lan %q; expected the networks of one lan", p, lan, z.lan)
					continue
				}
				z.lan = lan
				z.networks = append(z.networks, p)
			}
		}
		if raw.Networks.ok() && len(raw.Networks.items) == 0 {
			c.at(raw.Networks.at, "networks is empty; expected the networks of the zone")
		}
		if z.name != "" && z.lan != "" {
			c.zones = append(c.zones, z)
			c.out.Zones = append(c.out.Zones, FirewallZone{z.name, z.lan, z.networks})
		}
	}
}

// zoneNetwork reads a network of a zone and finds the LAN that it is on or behind.
func (c *firewallCheck) zoneNetwork(v str) (netip.Prefix, string) {
	p, reason := readNetwork(v.s)
	if reason != "" {
		c.at(v.at, "networks: %q %s", v.s, reason)
		return p, ""
	}
	for _, z := range c.zones {
		if z.part && slices.ContainsFunc(z.networks, p.Overlaps) {
			c.against(v.at, z.at, "%s overlaps the networks of zone %q", p, z.name)
			return p, ""
		}
	}
	for _, z := range c.zones {
		if !z.part && slices.ContainsFunc(z.networks, func(n netip.Prefix) bool { return contains(n, p) }) {
			return p, z.lan
		}
	}
	if c.settled {
		c.at(v.at, "%s lies outside every lan and what is behind one by [[route]]; expected a part of these", p)
	}
	return p, ""
}

// newName reads the name of a zone, group or list: a label that starts with a letter and that rules cannot mistake for
// something else. It returns "" for others.
func (c *firewallCheck) newName(what string, v str) string {
	if !v.ok() {
		return ""
	}
	name := strings.ToLower(v.s)
	reason := notLabel(name)
	if reason == "" && (name[0] < 'a' || len(name) > maxRuleName) {
		reason = "does not start with a letter or has more than " + strconv.Itoa(maxRuleName) + " characters; expected another name"
	}
	if reason != "" {
		c.at(v.at, "%s name %q %s", what, v.s, reason)
		return ""
	}
	if other, at := c.meaning(name); other != "" {
		c.against(v.at, at, "%s %q: that is the name of %s; expected another", what, name, other)
		return ""
	}
	return name
}

// meaning says what a name means in rules already, "" if nothing.
func (c *firewallCheck) meaning(name string) (string, span) {
	if name == zoneAny || name == ZoneBox || name == ZoneWAN {
		return "a zone that is always there", span{}
	}
	for _, z := range c.zones {
		if z.name == name {
			return "a zone", z.at
		}
	}
	if s, ok := c.sets[name]; ok {
		return "a group or list", s.at
	}
	if h, ok := c.hosts.names[name]; ok {
		return "a host", h.at
	}
	return "", span{}
}

func (c *firewallCheck) checkMasquerade() {
	isLAN := func(name string) bool {
		return slices.ContainsFunc(c.site.LANs, func(l LAN) bool { return l.Name == name && name != "" })
	}
	if !c.raw.Masquerade.ok() {
		for _, lan := range c.site.LANs {
			c.out.Masquerade = append(c.out.Masquerade, lan.Name)
		}
		return
	}
	for _, v := range c.raw.Masquerade.items {
		switch name := strings.ToLower(v.s); {
		case !isLAN(name):
			c.at(v.at, "masquerade: there is no lan %q; expected the names of lans, or [] for none", v.s)
		case slices.Contains(c.out.Masquerade, name):
			c.at(v.at, "masquerade: %q is here a second time; expected it once", v.s)
		default:
			c.out.Masquerade = append(c.out.Masquerade, name)
		}
	}
}

func (c *firewallCheck) userServices() {
	for _, s := range Services() {
		c.services[s.Name] = s
	}
	own := map[string]span{}
	for _, d := range c.raw.Services.entries {
		name := strings.ToLower(d.name.s)
		if reason := notLabel(name); reason != "" {
			c.at(d.name.at, "service name %q %s", d.name.s, reason)
			continue
		}
		if _, known := c.services[name]; known {
			c.against(d.name.at, own[name], "service %q is known already, as %s; expected another name", name, flowsText(c.services[name]))
			continue
		}
		s := Service{Name: name}
		for _, v := range d.value.items {
			f, reason := readFlow(v.s)
			if reason != "" {
				c.at(v.at, "service %q: %q %s", name, v.s, reason)
				continue
			}
			s.Flows = append(s.Flows, f)
		}
		if d.value.ok() && len(d.value.items) == 0 {
			c.at(d.value.at, "service %q is empty; expected a protocol and a port", name)
		}
		c.services[name], own[name] = s, d.name.at
		c.out.Services = append(c.out.Services, s)
	}
}

func flowsText(s Service) string {
	var texts []string
	for _, f := range s.Flows {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, " ")
}

func (c *firewallCheck) groups() {
	for _, d := range c.raw.Groups.entries {
		name := c.newName("group", d.name)
		set := &addressSet{AddressSet: AddressSet{Name: name}, at: d.name.at}
		for _, v := range d.value.items {
			networks, zones := c.members(v)
			set.Networks = append(set.Networks, networks...)
			set.zones = union(set.zones, zones)
		}
		if d.value.ok() && len(d.value.items) == 0 {
			c.at(d.value.at, "group %q is empty; expected at least one host", d.name.s)
		}
		if set.Networks = aggregated(set.Networks); name != "" {
			c.sets[name] = set
			c.out.Groups = append(c.out.Groups, set.AddressSet)
		}
	}
}

func (c *firewallCheck) lists(fsys fs.FS) {
	for i, d := range c.raw.Lists.entries {
		name := c.newName("list", d.name)
		switch {
		case len(d.value.items) != 1:
			if d.value.ok() {
				c.at(d.value.at, "list %q has %d files; expected one", d.name.s, len(d.value.items))
			}
		case i >= maxLists:
			c.at(d.name.at, "list %q is one too many; expected at most %d", d.name.s, maxLists)
		default:
			set := &addressSet{AddressSet{name, d.value.items[0].s, c.readList(fsys, d.name, d.value.items[0])}, c.zoneNames(), d.name.at}
			if name != "" {
				c.sets[name] = set
				c.out.Lists = append(c.out.Lists, set.AddressSet)
			}
		}
	}
}

func (c *firewallCheck) zoneNames() []string {
	var names []string
	for _, z := range c.zones {
		names = append(names, z.name)
	}
	return names
}

// union returns the words of a and those of b that a does not have.
func union(a, b []string) []string {
	for _, word := range b {
		if !slices.Contains(a, word) {
			a = append(a, word)
		}
	}
	return a
}
