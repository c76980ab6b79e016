package check

import (
	"net/netip"
	"slices"
	"sort"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// checkHidden reports a rule that never applies because an earlier one, without a rate, decides all that it
// speaks of. What several earlier ones hide only together is not looked for.
//
// It looks at what the words mean: zone by zone the addresses that networks have together, and of each
// protocol the ports. A whole zone is more than all of its networks, for link-local addresses are in it too.
// Lists count by their names, since what is in them can change while the rules stay.
func (c *firewallCheck) checkHidden(r checkedRule) {
	earlier, hidden := c.index.first(r, &c.steps, func(a checkedRule) bool { return hides(a, r) })
	if !hidden {
		if r.Rate == (model.Rate{}) {
			c.index.add(r)
		}
		return // what a hidden rule hides is hidden by what hides it
	}
	verdict := "allows"
	if earlier.Deny {
		verdict = "denies"
	}
	c.Against(r.at, earlier.at, "this rule never applies, because %q %s all that it speaks of before; expected it earlier, or not at all",
		earlier.Name, verdict)
}

// hides reports whether a decides every conversation that b speaks of. What is above a's rate goes on to b.
func hides(a, b checkedRule) bool {
	if a.Rate != (model.Rate{}) {
		return false
	}
	speaks := false
	for _, is4 := range []bool{true, false} {
		if !b.from.has(is4) || !b.to.has(is4) || !hasFlows(b.Services, is4) {
			continue // b speaks of nothing in this family
		}
		if !a.from.covers(b.from, is4) || !a.to.covers(b.to, is4) ||
			!coversServices(a.Services, b.Services, is4) {
			return false
		}
		speaks = true
	}
	return speaks
}

// hasFlows reports whether some services, none for everything, have packets in a family.
func hasFlows(services []model.Service, is4 bool) bool {
	return len(services) == 0 || len(flowsOf(services, is4)) > 0
}

func flowsOf(services []model.Service, is4 bool) []model.Flow {
	var flows []model.Flow
	for _, s := range services {
		for _, f := range s.Flows {
			if f.In(is4) {
				flows = append(flows, f)
			}
		}
	}
	return flows
}

func coversServices(a, b []model.Service, is4 bool) bool {
	if len(a) == 0 {
		return true
	}
	flows := flowsOf(a, is4)
	outside := func(f model.Flow) bool { return !model.Covers(flows, f) }
	return len(b) > 0 && !slices.ContainsFunc(flowsOf(b, is4), outside)
}

// reach is whom one side of a rule speaks of, by zone.
type reach map[string]*reached

type reached struct {
	everybody bool           // in the zone
	networks  []netip.Prefix // sorted, none within another
	sources   int            // that networks are of
	lists     []string
}

// reach finds out whom ends speak of. Of addresses that are in several zones each counts where it can be.
func (c *firewallCheck) reach(ends []model.FirewallEnd) reach {
	all := reach{}
	for _, end := range ends {
		for _, zone := range end.Zones {
			if all[zone] == nil {
				all[zone] = &reached{}
			}
		}
		if len(end.Networks)+len(end.Sets) == 0 {
			c.addWhole(all, end.Zones)
			continue
		}
		add := func(found map[string][]netip.Prefix) {
			for zone, in := range found {
				if r := all[zone]; r != nil {
					r.add(in)
				}
			}
		}
		for _, name := range end.Sets {
			if set := c.sets[name]; set.File == "" {
				add(c.reachOfSet(name))
				continue
			}
			for _, zone := range end.Zones {
				all[zone].lists = append(all[zone].lists, name)
			}
		}
		add(c.byZone(end.Networks))
	}
	for _, r := range all {
		if r.sources > 1 {
			r.networks = aggregated(r.networks)
		}
	}
	return all
}

// add adds networks, sorted and none within another; a copy is made only where there are several such.
func (r *reached) add(networks []netip.Prefix) {
	if r.sources++; r.sources == 1 {
		r.networks = slices.Clip(networks)
	} else {
		r.networks = append(r.networks, networks...)
	}
}

// byZone returns what of networks, sorted and none within another, is in which zone, in the same order.
func (c *firewallCheck) byZone(networks []netip.Prefix) map[string][]netip.Prefix {
	all := map[string][]netip.Prefix{}
	for _, p := range networks {
		for zone, part := range c.partsOf(p) {
			all[zone] = append(all[zone], part...)
		}
	}
	for zone, in := range all {
		all[zone] = aggregated(in)
	}
	return all
}

// reachOfSet is byZone for a group, found out once.
func (c *firewallCheck) reachOfSet(name string) map[string][]netip.Prefix {
	if c.reached[name] == nil {
		c.reached[name] = c.byZone(c.sets[name].Networks)
	}
	return c.reached[name]
}

// addWhole adds zones with everybody in them. Those that the site made of networks have nobody else.
func (c *firewallCheck) addWhole(all reach, zones []string) {
	for _, name := range zones {
		i := slices.IndexFunc(c.zones, func(z zone) bool { return z.name == name })
		if i >= 0 && c.zones[i].part {
			all[name].add(aggregated(c.zones[i].networks))
		} else {
			all[name].everybody = true
		}
	}
}

// has reports whether there is anybody of a family.
func (r reach) has(is4 bool) bool {
	for _, in := range r {
		isOf := func(p netip.Prefix) bool { return p.Addr().Is4() == is4 }
		if in.everybody || len(in.lists) > 0 || slices.ContainsFunc(in.networks, isOf) {
			return true
		}
	}
	return false
}

// covers reports whether whoever is of b in a family is of r too.
func (r reach) covers(b reach, is4 bool) bool {
	for zone, want := range b {
		have := r[zone]
		if have == nil {
			have = &reached{}
		}
		outside := func(p netip.Prefix) bool {
			return p.Addr().Is4() == is4 && !coversNetwork(have.networks, p)
		}
		other := func(list string) bool { return !slices.Contains(have.lists, list) }
		if sameSlice(have.networks, want.networks) {
			outside = func(netip.Prefix) bool { return false }
		}
		if !have.everybody &&
			(want.everybody || slices.ContainsFunc(want.networks, outside) ||
				slices.ContainsFunc(want.lists, other)) {
			return false
		}
	}
	return true
}

// sameSlice reports whether two are one, as those of a group that several rules name.
func sameSlice(a, b []netip.Prefix) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// coversNetwork reports whether some networks, sorted and none within another, have all of p together.
func coversNetwork(networks []netip.Prefix, p netip.Prefix) bool {
	next := sort.Search(len(networks), func(i int) bool { return networks[i].Addr().Compare(p.Addr()) > 0 })
	if next > 0 && contains(networks[next-1], p) {
		return true
	}
	first := max(0, next-1)
	near := networks[first:min(len(networks), next+1)] // if any is within p, one of these is
	if p.IsSingleIP() || !slices.ContainsFunc(near, func(n netip.Prefix) bool { return contains(p, n) }) {
		return false
	}
	low, high := halves(p)
	return coversNetwork(networks, low) && coversNetwork(networks, high)
}
