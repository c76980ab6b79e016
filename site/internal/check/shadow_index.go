package check

import (
	"maps"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// ruleIndex finds the rules that may hide another without comparing it with all of them.
//
// What hides a rule decides every packet of it, so it decides any one packet of it: the witness. A rule
// speaks of packets by three sides, from, to and service, each of which is a set of parts (zones, lists,
// networks, ports). It is filed under all parts of one side, the one whose parts fewest other rules are filed
// under. A witness is looked for under the few parts that can have it: its zone, its list or the networks
// around its address, and the blocks of ports around its port. Where rules differ in anything at all, that is
// a small number of them.
type ruleIndex struct {
	rules   []checkedRule // those that may hide others, in their order
	filed   map[part][]int
	lengths [2][129]bool // of networks that are filed, IPv4 first
}

// part is one element of one side. Fields that say nothing are zero: a part with a zone alone is all of it.
type part struct {
	side    side
	zone    string
	list    string
	network netip.Prefix
	proto   string // "" of services: everything
	ports   portBlock
}

type side uint8

const (
	sideFrom side = iota
	sideTo
	sideService
)

// portBlock is 1<<(size-1) ports, of which the first is a multiple of that; the zero value is all ports there
// are.
type portBlock struct {
	first uint16
	size  int8
}

const (
	allPorts = 16
	fewParts = 64 // a side with more is taken when the others are no better
	fewRules = 16 // under one part: no better is looked for
)

func newRuleIndex() *ruleIndex { return &ruleIndex{filed: map[part][]int{}} }

// add files a rule.
func (x *ruleIndex) add(r checkedRule) {
	sides := [][]part{partsOfReach(sideFrom, r.from), partsOfReach(sideTo, r.to), partsOfServices(r.Services)}
	slices.SortStableFunc(sides, func(a, b []part) int {
		return max(len(a), fewParts) - max(len(b), fewParts)
	})
	best, crowd := sides[0], x.crowd(sides[0])
	for _, s := range sides[1:] {
		if crowd <= fewRules {
			break
		}
		if n := x.crowd(s); n < crowd {
			best, crowd = s, n
		}
	}
	n := len(x.rules)
	x.rules = append(x.rules, r)
	for _, p := range best {
		x.filed[p] = append(x.filed[p], n)
		if p.network.IsValid() {
			x.lengths[family(p.network.Addr())][p.network.Bits()] = true
		}
	}
}

// crowd is the largest number of rules under one of some parts.
func (x *ruleIndex) crowd(parts []part) (most int) {
	for _, p := range parts {
		most = max(most, len(x.filed[p]))
	}
	return most
}

// first returns the first rule that hides, of those under a part that can have the witness of r. It counts in
// steps how many were asked.
func (x *ruleIndex) first(r checkedRule, steps *int, hides func(earlier checkedRule) bool) (found checkedRule,
	ok bool) {
	best := len(x.rules)
	for _, p := range x.witness(r) {
		for _, n := range x.filed[p] {
			if n >= best {
				break
			}
			if *steps++; hides(x.rules[n]) {
				best = n
				break
			}
		}
	}
	if best == len(x.rules) {
		return checkedRule{}, false
	}
	return x.rules[best], true
}

// witness are the parts that can have one packet of r; none if it speaks of none.
func (x *ruleIndex) witness(r checkedRule) []part {
	for _, is4 := range []bool{true, false} {
		if r.from.has(is4) && r.to.has(is4) && hasFlows(r.Services, is4) {
			all := x.around(sideFrom, r.from, is4)
			all = append(all, x.around(sideTo, r.to, is4)...)
			return append(all, aroundFlow(r.Services, is4)...)
		}
	}
	return nil
}

// around are the parts that can have one host of a reach.
func (x *ruleIndex) around(s side, r reach, is4 bool) []part {
	for _, zone := range slices.Sorted(maps.Keys(r)) {
		in, all := r[zone], []part{{side: s, zone: zone}}
		i := slices.IndexFunc(in.networks, func(p netip.Prefix) bool { return p.Addr().Is4() == is4 })
		switch {
		case in.everybody:
			return all
		case i >= 0:
			a := in.networks[i].Addr()
			for length, filed := range x.lengths[family(a)][:a.BitLen()+1] {
				if filed {
					network := netip.PrefixFrom(a, length).Masked()
					all = append(all, part{side: s, zone: zone, network: network})
				}
			}
			return all
		case len(in.lists) > 0:
			return append(all, part{side: s, zone: zone, list: in.lists[0]})
		}
	}
	return nil
}

// aroundFlow are the parts that can have one packet of some services.
func aroundFlow(services []model.Service, is4 bool) []part {
	all := []part{{side: sideService}}
	if len(services) == 0 {
		return all
	}
	f := flowsOf(services, is4)[0]
	all = append(all, part{side: sideService, proto: f.Proto})
	for size := int8(0); f.First != 0 && size <= allPorts; size++ {
		block := portBlock{uint16(int(f.First) >> size << size), size + 1}
		all = append(all, part{side: sideService, proto: f.Proto, ports: block})
	}
	return all
}

func partsOfReach(s side, r reach) (all []part) {
	for zone, in := range r {
		if in.everybody {
			all = append(all, part{side: s, zone: zone})
			continue
		}
		for _, list := range in.lists {
			all = append(all, part{side: s, zone: zone, list: list})
		}
		for _, p := range in.networks {
			all = append(all, part{side: s, zone: zone, network: p.Masked()})
		}
	}
	return all
}

func partsOfServices(services []model.Service) (all []part) {
	if len(services) == 0 {
		return []part{{side: sideService}}
	}
	for _, s := range services {
		for _, f := range s.Flows {
			if f.First == 0 {
				all = append(all, part{side: sideService, proto: f.Proto})
				continue
			}
			for at := int(f.First); at <= int(f.Last); {
				size := min(bits.TrailingZeros(uint(at)), bits.Len(uint(int(f.Last)-at+1))-1)
				block := portBlock{uint16(at), int8(size) + 1}
				all = append(all, part{side: sideService, proto: f.Proto, ports: block})
				at += 1 << size
			}
		}
	}
	return all
}

// family is 0 for IPv4 and 1 for IPv6.
func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}
