package check

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxRuleName = 32
	maxRate     = 1_000_000
)

// firewallCheck reads [firewall] once hosts and networks are known.
type firewallCheck struct {
	*loader
	raw      toml.Firewall
	out      *model.Firewall
	zones    []zone
	sets     map[string]*addressSet
	services map[string]model.Service
	taken    map[string]source.Span // names of rules and forwards
	numbered map[string]int         // by a name that was made, how many times it was made again
	index    *ruleIndex
	local    []checkedRule            // that are about hosts of one network
	boxRules map[string][]checkedRule // that allow something on the appliance itself, by the zone from where
	offers   map[offering][]offer     // sorted by ports, none of which overlap
	places   *places
	reached  map[string]map[string][]netip.Prefix // of groups, by name, what is in which zone
}

// zone is one that rules can name.
type zone struct {
	name     string
	lan      string         // name of the LAN that it is or is a part of, "" for WAN
	networks []netip.Prefix // on it and behind it; of WAN those with a route of their own
	part     bool           // made by [[firewall.zone]]
	at       source.Span
}

// addressSet is a group or list with what checks need.
type addressSet struct {
	model.AddressSet
	zones []string // that its members are in
	at    source.Span
}

func (l *loader) checkFirewall() {
	c := &firewallCheck{loader: l, raw: l.raw.Firewall, out: &l.site.Firewall,
		sets: map[string]*addressSet{}, services: map[string]model.Service{}, taken: map[string]source.Span{},
		numbered: map[string]int{}, index: newRuleIndex(), boxRules: map[string][]checkedRule{},
		offers: map[offering][]offer{}, reached: map[string]map[string][]netip.Prefix{}}
	c.baseZones()
	c.userZones()
	c.places = newPlaces(c.zones)
	c.checkMasquerade()
	c.checkShare()
	c.userServices()
	c.groups()
	c.lists()
	c.checkRules()
	c.checkForwards()
	c.checkOneToOne()
	c.checkLocal()
}

// baseZones are the LANs, with what is behind their routers, and WAN.
func (c *firewallCheck) baseZones() {
	for i, lan := range c.site.LANs {
		if lan.Name == "" {
			continue
		}
		z := zone{name: lan.Name, lan: lan.Name, at: c.loader.raw.LANs[i].Name.At}
		for _, p := range lan.Own() {
			z.networks = append(z.networks, p.Masked())
		}
		if lan.HasIPv6() {
			z.networks = append(z.networks, model.StandIn(i).Masked())
		}
		for _, r := range c.site.Routes {
			if lan.IPv4.Contains(r.Via) || lan.Has6(r.Via) {
				z.networks = append(z.networks, r.To)
			}
		}
		c.zones = append(c.zones, z)
	}
	if c.site.WAN.Interface != "" {
		z := zone{name: model.ZoneWAN, at: c.loader.raw.WAN.At}
		for _, r := range c.site.Routes {
			if c.site.WAN.Has4(r.Via) || c.site.WAN.IPv6.Contains(r.Via) {
				z.networks = append(z.networks, r.To)
			}
		}
		c.zones = append(c.zones, z)
	}
}

func (c *firewallCheck) userZones() {
	for _, raw := range c.raw.Zones {
		z := zone{name: c.newName("zone", raw.Name), part: true, at: raw.Name.At}
		for _, v := range raw.Networks.Items {
			if p, lan := c.zoneNetwork(v); lan != "" {
				if z.lan != "" && z.lan != lan {
					c.At(v.At, "%s is on lan %q, but the networks before it are on lan %q; expected the networks of one lan", p, lan, z.lan)
					continue
				}
				z.lan = lan
				z.networks = append(z.networks, p)
			}
		}
		if raw.Networks.OK() && len(raw.Networks.Items) == 0 {
			c.At(raw.Networks.At, "networks is empty; expected the networks of the zone")
		}
		if z.name != "" && z.lan != "" {
			c.zones = append(c.zones, z)
			c.out.Zones = append(c.out.Zones,
				model.FirewallZone{Name: z.name, LAN: z.lan, Networks: z.networks})
		}
	}
}

// zoneNetwork reads a network of a zone and finds the LAN that it is on or behind.
func (c *firewallCheck) zoneNetwork(v toml.Str) (netip.Prefix, string) {
	p, reason := readNetwork(v.Text)
	if reason != "" {
		c.At(v.At, "networks: %q %s", v.Text, reason)
		return p, ""
	}
	for _, z := range c.zones {
		if z.part && slices.ContainsFunc(z.networks, p.Overlaps) {
			c.Against(v.At, z.at, "%s overlaps the networks of zone %q", p, z.name)
			return p, ""
		}
	}
	lan, bits := "", -1
	for _, z := range c.zones {
		for _, n := range z.networks {
			if !z.part && contains(n, p) && n.Bits() > bits {
				lan, bits = z.lan, n.Bits()
			}
		}
	}
	if lan != "" {
		return p, lan
	}
	if c.settled {
		c.At(v.At, "%s lies outside every lan and what is behind one by [[route]]; expected a part of these", p)
	}
	return p, ""
}

// newName reads the name of a zone, group or list: a label that starts with a letter and that rules cannot
// mistake for something else. It returns "" for others.
func (c *firewallCheck) newName(what string, v toml.Str) string {
	if !v.OK() {
		return ""
	}
	name := strings.ToLower(v.Text)
	reason := model.NotLabel(name)
	if reason == "" && (name[0] < 'a' || len(name) > maxRuleName) {
		reason = "does not start with a letter or has more than " + strconv.Itoa(maxRuleName) +
			" characters; expected another name"
	}
	if reason != "" {
		c.At(v.At, "%s name %q %s", what, v.Text, reason)
		return ""
	}
	if other, at := c.meaning(name); other != "" {
		c.Against(v.At, at, "%s %q: that is the name of %s; expected another", what, name, other)
		return ""
	}
	return name
}

// meaning says what a name means in rules already, "" if nothing.
func (c *firewallCheck) meaning(name string) (string, source.Span) {
	if name == model.ZoneAny || name == model.ZoneBox || name == model.ZoneWAN {
		return "a zone that is always there", source.Span{}
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
	return "", source.Span{}
}

// What a share may be. Fewer conversations than the first is what one browser has with a page; more than the
// second no appliance has.
const (
	leastShare = 256
	mostShare  = 262144
)

func (c *firewallCheck) checkShare() {
	v := c.raw.Share
	if !v.OK() {
		return
	}
	if n := v.Value; n != 0 && (n < leastShare || n > mostShare) {
		c.At(v.At, "share: %d conversations; expected %d to %d, or 0 for no bound", n, leastShare, mostShare)
		return
	}
	n := int(v.Value)
	c.out.Share = &n
}

func (c *firewallCheck) checkMasquerade() {
	isLAN := func(name string) bool {
		return slices.ContainsFunc(c.site.LANs, func(l model.LAN) bool { return l.Name == name && name != "" })
	}
	if !c.raw.Masquerade.OK() {
		for _, lan := range c.site.LANs {
			c.out.Masquerade = append(c.out.Masquerade, lan.Name)
		}
		return
	}
	for _, v := range c.raw.Masquerade.Items {
		switch name := strings.ToLower(v.Text); {
		case !isLAN(name) && !c.parsed: // it may be there
		case !isLAN(name):
			c.At(v.At, "masquerade: there is no lan %q; expected the names of lans, or [] for none", v.Text)
		case slices.Contains(c.out.Masquerade, name):
			c.At(v.At, "masquerade: %q is here a second time; expected it once", v.Text)
		default:
			c.out.Masquerade = append(c.out.Masquerade, name)
		}
	}
}

func (c *firewallCheck) userServices() {
	for _, s := range model.Services() {
		c.services[s.Name] = s
	}
	own := map[string]source.Span{}
	for _, d := range c.raw.Services.Entries {
		name := strings.ToLower(d.Name.Text)
		if reason := model.NotLabel(name); reason != "" {
			c.At(d.Name.At, "service name %q %s", d.Name.Text, reason)
			continue
		}
		if _, known := c.services[name]; known {
			c.Against(d.Name.At, own[name], "service %q is known already, as %s; expected another name", name,
				model.FlowsText(c.services[name]))
			continue
		}
		s := model.Service{Name: name}
		for _, v := range d.Value.Items {
			f, reason := model.ReadFlow(v.Text)
			if reason != "" {
				c.At(v.At, "service %q: %q %s", name, v.Text, flowReason(v.Text, reason))
				continue
			}
			s.Flows = append(s.Flows, f)
		}
		if d.Value.OK() && len(d.Value.Items) == 0 {
			c.At(d.Value.At, "service %q is empty; expected a protocol and a port", name)
		}
		c.services[name], own[name] = s, d.Name.At
		c.out.Services = append(c.out.Services, s)
	}
}

func (c *firewallCheck) groups() {
	for _, d := range c.raw.Groups.Entries {
		name := c.newName("group", d.Name)
		set := &addressSet{AddressSet: model.AddressSet{Name: name}, at: d.Name.At}
		for _, v := range d.Value.Items {
			networks, zones := c.members(v)
			set.Networks = append(set.Networks, networks...)
			set.zones = union(set.zones, zones)
		}
		if d.Value.OK() && len(d.Value.Items) == 0 {
			c.At(d.Value.At, "group %q is empty; expected at least one host", d.Name.Text)
		}
		if set.Networks = aggregated(set.Networks); name != "" {
			c.sets[name] = set
			c.out.Groups = append(c.out.Groups, set.AddressSet)
		}
	}
}

func (c *firewallCheck) lists() {
	for i, d := range c.raw.Lists.Entries {
		name := c.newName("list", d.Name)
		switch {
		case len(d.Value.Items) != 1:
			if d.Value.OK() {
				c.At(d.Value.At, "list %q has %d files; expected one", d.Name.Text, len(d.Value.Items))
			}
		case i >= maxLists:
			c.At(d.Name.At, "list %q is one too many; expected at most %d", d.Name.Text, maxLists)
		default:
			file := d.Value.Items[0]
			listed := model.AddressSet{Name: name, File: file.Text, Networks: c.readList(d.Name, file)}
			set := &addressSet{listed, c.zoneNames(), d.Name.At}
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
