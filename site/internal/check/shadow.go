package check

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// checkHidden reports a rule that never applies because an earlier one decides all that it speaks of.
func (c *firewallCheck) checkHidden(r checkedRule) {
	for _, earlier := range c.rules {
		if !c.hides(earlier.FirewallRule, r.FirewallRule) {
			continue
		}
		verdict := "allows"
		if earlier.Deny {
			verdict = "denies"
		}
		c.Against(r.at, earlier.at, "this rule never applies, because %q %s all that it speaks of before; expected it earlier, or not at all",
			earlier.Name, verdict)
		return
	}
}

// hides reports whether a decides every conversation that b speaks of. What is above a's rate goes on to b.
func (c *firewallCheck) hides(a, b model.FirewallRule) bool {
	if a.Rate != (model.Rate{}) || !coversServices(a.Services, b.Services) {
		return false
	}
	for _, from := range b.From {
		for _, to := range b.To {
			if !slices.ContainsFunc(a.From, func(e model.FirewallEnd) bool { return c.coversEnd(e, from) }) ||
				!slices.ContainsFunc(a.To, func(e model.FirewallEnd) bool { return c.coversEnd(e, to) }) {
				return false
			}
		}
	}
	return true
}

func coversServices(a, b []model.Service) bool {
	if len(a) == 0 {
		return true
	}
	var flows []model.Flow
	for _, s := range a {
		flows = append(flows, s.Flows...)
	}
	return len(b) > 0 && !slices.ContainsFunc(b, func(s model.Service) bool {
		return slices.ContainsFunc(s.Flows, func(f model.Flow) bool { return !model.Covers(flows, f) })
	})
}

// coversEnd reports whether whoever is of b is of a too.
func (c *firewallCheck) coversEnd(a, b model.FirewallEnd) bool {
	if slices.ContainsFunc(b.Zones, func(z string) bool { return !slices.Contains(a.Zones, z) }) {
		return false
	}
	if len(a.Networks) == 0 && len(a.Sets) == 0 {
		return true
	}
	if len(b.Networks) == 0 && len(b.Sets) == 0 {
		return false
	}
	covered := slices.Clone(a.Networks)
	for _, name := range a.Sets {
		covered = append(covered, c.sets[name].Networks...)
	}
	outside := func(p netip.Prefix) bool {
		return !slices.ContainsFunc(covered, func(q netip.Prefix) bool { return contains(q, p) })
	}
	return !slices.ContainsFunc(b.Networks, outside) && !slices.ContainsFunc(b.Sets, func(name string) bool {
		return !slices.Contains(a.Sets, name) && slices.ContainsFunc(c.sets[name].Networks, outside)
	})
}
