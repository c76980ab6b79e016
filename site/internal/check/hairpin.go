package check

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// checkLocal refuses rules about hosts of one network, but those about hosts that their neighbours reach by
// the appliance too: by the address upstream, where a port of theirs is forwarded or the address is theirs.
func (c *firewallCheck) checkLocal() {
	for _, r := range c.local {
		if !c.hairpins(r) {
			c.At(r.at, "this rule is about hosts of one network, whose packets do not pass the appliance; expected hosts of different ones")
		}
	}
}

func (c *firewallCheck) hairpins(r checkedRule) bool {
	for _, f := range c.out.Forwards {
		offered := slices.ContainsFunc(f.From, func(zone string) bool {
			return zone == model.ZoneWAN || r.from[zone] != nil
		})
		if offered && slices.ContainsFunc(f.To, func(a netip.Addr) bool {
			return a.Is4() && c.neighbours(r, f.Zone, a)
		}) {
			return true
		}
	}
	return slices.ContainsFunc(c.out.OneToOne, func(o model.OneToOne) bool {
		return c.neighbours(r, o.Zone, o.Inside)
	})
}

// neighbours reports whether r is about packets to an address in a zone from hosts of the same LAN.
func (c *firewallCheck) neighbours(r checkedRule, zone string, a netip.Addr) bool {
	to := r.to[zone]
	if to == nil || !to.everybody && len(to.lists) == 0 &&
		!slices.ContainsFunc(to.networks, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return false
	}
	for from := range r.from {
		if from != model.ZoneBox && c.sameNetwork(from, zone) {
			return true
		}
	}
	return false
}
