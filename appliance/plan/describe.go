package plan

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

// A Change says for people what becomes of a running box that gets another plan. It is bounded, whatever the
// sites.
type Change struct {
	// Nothing: the plans are equal.
	Nothing  bool      `json:"nothing"`
	Sections []Section `json:"sections,omitempty"` // what the sites say differently
	// MoreSections is how many there are beside Sections.
	MoreSections int          `json:"more_sections,omitempty"`
	Interrupted  []string     `json:"interrupted,omitempty"` // sentences: what people may notice
	Units        []UnitChange `json:"units,omitempty"`       // those that something happens to
	// Firewall is "" if it stays as it is, FirewallPlaces if only the lines of the site differ that its rules
	// come from, "lists" and their names if other addresses are on lists and all rules stay, or
	// FirewallRules.
	Firewall string   `json:"firewall,omitempty"`
	Files    []string `json:"files,omitempty"` // of /etc that are written anew
	Hooks    []string `json:"hooks,omitempty"` // what becomes of programs of the site, in words
}

// What a [Change] says of the firewall beside "lists …".
const (
	FirewallRules  = "rules"
	FirewallPlaces = "places"
)

// A UnitChange is what happens to a service.
type UnitChange struct {
	Name   string `json:"name"`
	Action Action `json:"action"`
}

// An Action is what happens to a running service.
type Action string

// The actions.
const (
	Reload  Action = "reload" // it takes another configuration while it serves
	Restart Action = "restart"
	Start   Action = "start"
	Stop    Action = "stop"
)

// Describe says what becomes of a box with the plan a, made of from, when it gets the plan b, made of to.
func Describe(from, to *site.Site, a, b Plan) Change {
	c := Change{
		Units:    unitChanges(a.Services, b.Services),
		Firewall: firewallChange(a.Firewall, b.Firewall),
		Files:    fileChanges(a.Files, b.Files),
		Hooks:    hookChanges(a.Hooks, b.Hooks),
	}
	c.Nothing = len(c.Units) == 0 && c.Firewall == "" && len(c.Files) == 0 && len(c.Hooks) == 0 &&
		a.HostName == b.HostName && a.ConsoleLocked == b.ConsoleLocked && equal(a.Network, b.Network)
	c.Sections = sectionsOf(from, to)
	if more := len(c.Sections) - maxSections; more > 0 {
		c.Sections, c.MoreSections = c.Sections[:maxSections], more
	}
	c.Interrupted = interrupted(from, to, a, b, c.Units)
	return c
}

// equal reports whether two values are the same to who reads them as JSON.
func equal(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// Same reports whether a box with the plan a does what one with b does: only the lines of the site may differ
// that rules come from.
func Same(a, b Plan) bool {
	a.Firewall.Policy, b.Firewall.Policy = placeless(a.Firewall.Policy), placeless(b.Firewall.Policy)
	a.Learned, b.Learned = Learned{}, Learned{}
	return equal(a, b)
}

func unitChanges(a, b []Service) []UnitChange {
	var all []UnitChange
	add := func(name string, action Action) { all = append(all, UnitChange{name, action}) }
	for _, s := range b {
		i := slices.IndexFunc(a, func(was Service) bool { return was.Name == s.Name })
		switch row, _ := roster.Named(s.Name); {
		case i < 0:
			add(s.Name, Start)
		case equal(a[i].Config, s.Config):
		case row.Reloads:
			add(s.Name, Reload)
		default:
			add(s.Name, Restart)
		}
	}
	for _, s := range a {
		if !slices.ContainsFunc(b, func(is Service) bool { return is.Name == s.Name }) {
			add(s.Name, Stop)
		}
	}
	return all
}

func fileChanges(a, b []File) []string {
	var names []string
	for _, f := range b {
		if !slices.Contains(a, f) {
			names = append(names, f.Name)
		}
	}
	return names
}

// hookChanges says what becomes of hooks, and whether they run in another order.
func hookChanges(a, b []Hook) (all []string) {
	index := func(hooks []Hook, name string) int {
		return slices.IndexFunc(hooks, func(h Hook) bool { return h.Name == name })
	}
	last, ordered := -1, true
	for _, h := range b {
		switch i := index(a, h.Name); {
		case i < 0:
			all = append(all, "hook "+h.Name+" is new")
		case !bytes.Equal(a[i].Content, h.Content):
			all = append(all, "hook "+h.Name+" is changed")
			fallthrough
		default:
			last, ordered = i, ordered && i > last
		}
	}
	for _, h := range a {
		if index(b, h.Name) < 0 {
			all = append(all, "hook "+h.Name+" is gone")
		}
	}
	if !ordered {
		all = append(all, "hooks run in another order")
	}
	return all
}

func firewallChange(a, b firewall.Loaded) string {
	if equal(a, b) {
		return ""
	}
	a.Policy, b.Policy = placeless(a.Policy), placeless(b.Policy)
	if equal(a, b) {
		return FirewallPlaces
	}
	names := liveChanges(a.Policy.Sets, b.Policy.Sets)
	a.Policy, b.Policy = listless(a.Policy), listless(b.Policy)
	if equal(a, b) {
		return "lists " + strings.Join(names, ", ")
	}
	return FirewallRules
}

// placeless is the policy without the lines of the site that its rules come from.
func placeless(p firewall.Policy) firewall.Policy {
	p.Rules, p.Forwards, p.OneToOne = slices.Clone(p.Rules), slices.Clone(p.Forwards),
		slices.Clone(p.OneToOne)
	for i := range p.Rules {
		p.Rules[i].Origin = ""
	}
	for i := range p.Forwards {
		p.Forwards[i].Origin = ""
	}
	for i := range p.OneToOne {
		p.OneToOne[i].Origin = ""
	}
	return p
}

// listless is the policy without the addresses on lists, which can change while the rules stay.
func listless(p firewall.Policy) firewall.Policy {
	p.Sets = slices.Clone(p.Sets)
	for i, s := range p.Sets {
		if s.Live {
			p.Sets[i].Networks = nil
		}
	}
	return p
}

// liveChanges returns the names of the lists in both that have other addresses.
func liveChanges(a, b []firewall.AddressSet) []string {
	var names []string
	for _, s := range b {
		if slices.ContainsFunc(a, func(was firewall.AddressSet) bool {
			return s.Live && was.Live && was.Name == s.Name && !slices.Equal(was.Networks, s.Networks)
		}) {
			names = append(names, s.Name)
		}
	}
	return names
}
