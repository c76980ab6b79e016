package firewall

import (
	"fmt"
	"net/netip"
)

// fewHosts is how many rules about single hosts a chain may have before their addresses become keys of a map.
const fewHosts = 8

// arrange makes the chain of some entries and returns its name. A packet meets them in their order, but not
// those about other hosts when there are many: then the addresses are keys of a map, and each host has a
// chain of what concerns it, so that the cost of a packet does not grow with the number of hosts.
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

// byHost makes a chain for each host and returns the rules that lead there, and the entries that concern all
// others. Hosts that the same entries concern share a chain.
func (c *compiler) byHost(chain string, entries []entry, side int) ([]TreeRule, []entry) {
	concern := map[netip.Addr][]int{} // indexes of entries about that host alone
	var hosts []netip.Addr
	var general []int // indexes of entries about others too
	for i, e := range entries {
		about := e.hosts(side)
		if about == nil {
			general = append(general, i)
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
				chains[key] = c.arrange(fmt.Sprintf("%s_%s_%d", chain, direction, len(chains)+1),
					only(entries, general, concern[h], side))
			}
			byHost.Elements = append(byHost.Elements,
				Element{Key: []Value{address(h)}, Verdict: goTo(chains[key])})
		}
		rules = append(rules, c.addMap(byHost, dispatch(byHost))...)
	}
	others := make([]entry, len(general))
	for i, index := range general {
		others[i] = entries[index]
	}
	return rules, others
}

// only returns, in their order, the general entries and those about one host, of which that side is decided.
// Both are indexes in ascending order.
func only(entries []entry, general, decided []int, side int) []entry {
	left := make([]entry, 0, len(general)+len(decided))
	for len(general)+len(decided) > 0 {
		if len(decided) == 0 || len(general) > 0 && general[0] < decided[0] {
			left, general = append(left, entries[general[0]]), general[1:]
			continue
		}
		e := entries[decided[0]]
		e.ends[side], decided = Endpoint{}, decided[1:]
		left = append(left, e)
	}
	return left
}
