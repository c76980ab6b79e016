package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// interrupted returns sentences about what people may notice.
func interrupted(from, to *site.Site, was, is Plan, units []UnitChange) []string {
	a, b := was.Network, is.Network
	kept := a
	kept.Addresses = slices.DeleteFunc(slices.Clone(a.Addresses), func(x netcfg.Address) bool {
		return bySource(from, to, x.Prefix.Addr(), x.Link)
	})
	all := slices.Concat(wanChanges(from, to, a), goneAddresses(kept, b), goneLinks(a, b),
		lostOutside(to, was, is), lostClients(from, to))
	for _, u := range units {
		switch u.Action {
		case Restart:
			all = append(all, u.Name+" is started again, and does not serve for a moment.")
		case Stop:
			all = append(all, u.Name+" is stopped.")
		}
	}
	if more := len(all) - maxLines; more > 0 {
		all = append(all[:maxLines], fmt.Sprintf("… and %s more.", thousands(more)))
	}
	return all
}

// goneAddresses is about own addresses that go or move.
func goneAddresses(a, b netcfg.Config) []string {
	var all []string
	is := map[netip.Addr]netcfg.Address{}
	for _, n := range b.Addresses {
		is[n.Prefix.Addr()] = n
	}
	links := map[string]bool{}
	for _, l := range b.Links {
		links[l.Name] = true
	}
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, was := range a.Addresses {
		now, stays := is[was.Prefix.Addr()]
		who := fmt.Sprintf("%s (%s)", was.Prefix.Addr(), networkOf(a, was.Link))
		next := successor(a, b, was)
		switch {
		case stays && now == was:
		case stays && now.Link == was.Link:
			say("%s is taken away for a moment: its network is /%d, not /%d.", who, now.Prefix.Bits(),
				was.Prefix.Bits())
		case stays:
			say("%s moves from %s to %s.", who, was.Link, now.Link)
		case next.IsValid() && networkOf(a, was.Link) == site.ZoneWAN:
			say("Conversations through %s end: the box is %s there.", who, next)
		case next.IsValid():
			say("Who talks to %s must come to %s.", who, next)
		case !links[was.Link]: // goneLinks says so
		case was.Prefix.IsSingleIP():
			say("%s is nobody's any more: conversations with it end.", who)
		default:
			say("Nobody reaches the box at %s any more.", who)
		}
	}
	return all
}

// networkOf is what people call the network on a link.
func networkOf(c netcfg.Config, link string) string {
	for _, l := range c.Links {
		if l.Name == link && l.Network != "" {
			return l.Network
		}
	}
	return link
}

// successor is the address that is new on the network that another goes from; zero if there is none.
func successor(a, b netcfg.Config, gone netcfg.Address) netip.Addr {
	for _, now := range b.Addresses {
		fresh := !slices.ContainsFunc(a.Addresses, func(was netcfg.Address) bool {
			return was.Prefix.Addr() == now.Prefix.Addr()
		})
		alike := now.Prefix.Addr().Is4() == gone.Prefix.Addr().Is4() &&
			now.Prefix.IsSingleIP() == gone.Prefix.IsSingleIP()
		if fresh && alike && networkOf(b, now.Link) == networkOf(a, gone.Link) {
			return now.Prefix.Addr()
		}
	}
	return netip.Addr{}
}

// goneLinks is about links that are taken away or set down.
func goneLinks(a, b netcfg.Config) []string {
	var all []string
	for _, was := range a.Links {
		who := fmt.Sprintf("%s (%s)", was.Name, networkOf(a, was.Name))
		switch {
		case slices.ContainsFunc(b.Links, func(now netcfg.Link) bool {
			return now.Name == was.Name && now.Parent == was.Parent && now.VLAN == was.VLAN &&
				now.Priority == was.Priority
		}):
		case slices.ContainsFunc(b.Links, func(now netcfg.Link) bool {
			return now.Name == was.Name && now.Parent == was.Parent && now.VLAN == was.VLAN
		}):
			all = append(all, "VLAN "+who+" is made anew: nothing goes over it for a moment.")
		case was.Remote.IsValid():
			all = append(all, "The tunnel is taken away: nothing reaches the outside by it any more.")
		case was.VLAN != 0:
			all = append(all, "VLAN "+who+" is taken away, with all that goes over it.")
		default:
			all = append(all, "The card "+who+" is set down: nothing goes over it any more.")
		}
	}
	return all
}

// lostClients is about the clients of networks that have other addresses from now on.
func lostClients(from, to *site.Site) []string {
	var all []string
	after := to.Subnets()
	for _, was := range from.Subnets() {
		i := slices.IndexFunc(after, func(is site.Subnet) bool { return is.Name == was.Name })
		if i >= 0 && after[i].Network != was.Network && !was.Network.Contains(after[i].Router) {
			all = append(all, fmt.Sprintf("Clients on %s have addresses of %s until they ask anew, for up to their "+
				"lease time (%s), and reach no other network till then.", was.Name, was.Network,
				durationText(was.LeaseTime)))
		}
	}
	return all
}
