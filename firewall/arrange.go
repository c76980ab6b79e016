package firewall

import (
	"fmt"
	"net/netip"
	"slices"
)

// fewHosts is how many rules about single hosts a chain may have before their addresses become keys of a map.
const fewHosts = 8

// arrange makes the chain of some entries and returns its name. A packet meets them in their order, but not those about
// other hosts when there are many: then the addresses are keys of a map, and each host has a chain of what concerns it,
// so that the cost of a packet does not grow with the number of hosts.
func (c *compiler) arrange(chain string, entries []entry) string {
	side := destination
	if countHosts(entries, source) > countHosts(entries, destination) {
		side = source
	}
	var rules []TreeRule
	if countHosts(entries, side) > fewHosts {
		rules, entries = c.byHost(chain, entries, side)
	}
	for _, e := range entries {
		rules = append(rules, c.rulesOf(e)...)
	}
	c.addChain(chain, nil, rules...)
	return chain
}

// hosts are the single addresses that one side of an entry is about, nil if it is about others too.
func (e entry) hosts(side int) []netip.Addr {
	end := e.ends[side]
	if e.rule == nil || len(end.Sets) > 0 {
		return nil
	}
	var hosts []netip.Addr
	for _, p := range end.Addresses {
		if !p.IsSingleIP() {
			return nil
		}
		hosts = append(hosts, p.Addr())
	}
	return hosts
}

func countHosts(entries []entry, side int) int {
	n := 0
	for _, e := range entries {
		if e.hosts(side) != nil {
			n++
		}
	}
	return n
}

// byHost makes a chain for each host and returns the rules that lead there, and the entries that concern all others.
// Hosts that the same entries concern share a chain.
func (c *compiler) byHost(chain string, entries []entry, side int) ([]TreeRule, []entry) {
	concern := map[netip.Addr][]int{} // indexes of entries about that host alone
	var hosts []netip.Addr
	var others []entry
	for i, e := range entries {
		about := e.hosts(side)
		if about == nil {
			others = append(others, e)
		}
		for _, h := range about {
			if concern[h] == nil {
				hosts = append(hosts, h)
			}
			if n := len(concern[h]); n == 0 || concern[h][n-1] != i {
				concern[h] = append(concern[h], i)
			}
		}
	}
	direction := [2]string{"from", "to"}[side]
	chains := map[string]string{} // by what concerns their hosts
	var rules []TreeRule
	for _, f := range families() {
		byHost := Map{Name: chain + "_" + direction + f.suffix(), Key: []Field{[2]Field{f.src, f.dst}[side]}}
		for _, h := range hosts {
			if !f.has(h) {
				continue
			}
			key := fmt.Sprint(concern[h])
			if chains[key] == "" {
				chains[key] = c.arrange(fmt.Sprintf("%s_%s_%d", chain, direction, len(chains)+1), only(entries, concern[h], side))
			}
			byHost.Elements = append(byHost.Elements, Element{Key: []Value{address(h)}, Verdict: goTo(chains[key])})
		}
		rules = append(rules, c.addMap(byHost, dispatch(byHost))...)
	}
	return rules, others
}

// only returns the entries about everybody and those of some indexes, of which that side is decided.
func only(entries []entry, indexes []int, side int) []entry {
	var left []entry
	for i, e := range entries {
		decided := slices.Contains(indexes, i)
		if !decided && e.hosts(side) != nil {
			continue
		}
		if decided {
			e.ends[side] = Endpoint{}
		}
		left = append(left, e)
	}
	return left
}
