package admin

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/firewall"
)

// Bounds of a question about many: of a zone or group so many are asked about in each family, and so many
// addresses are tried to find one that no rule speaks of.
const (
	mostMembers = 32
	mostTries   = 1024
)

// An end is one side of the packets that a question is about.
type end struct {
	addr netip.Addr
	in   string // the interface that it is behind, if the question says so
	what string // of a zone or group: whom the address stands for
	box  bool   // the appliance itself, whatever address it has
}

// Sides of a rule.
const (
	fromSide = iota
	toSide
)

// ends are what a word stands for: an address, a host with the first of each family, the appliance, a zone or
// a group.
func (q packetQuestion) ends(word string, side int) ([]end, error) {
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		return []end{{addr: a.Unmap()}}, nil
	}
	if word == firewall.Box {
		return q.ownEnds(), nil
	}
	if h, ok := q.site.Host(word); ok {
		var all []end
		for _, a := range h.Addrs {
			if !slices.ContainsFunc(all, func(e end) bool { return e.addr.Is4() == a.Is4() }) {
				all = append(all, end{addr: a})
			}
		}
		if all == nil {
			return nil, fmt.Errorf("%q has no address in hosts", word)
		}
		return all, nil
	}
	if z, ok := q.zone(word); ok {
		return q.members(z, side), nil
	}
	for _, s := range q.policy.Sets {
		if s.Name == word {
			return q.setMembers(s), nil
		}
	}
	return nil, fmt.Errorf("%q is no address, and no host, zone, group or list of the site", word)
}

// zone is one whose interfaces are known.
func (q packetQuestion) zone(name string) (firewall.Zone, bool) {
	for _, z := range q.policy.Zones {
		if z.Name == name && len(z.Interfaces) > 0 {
			return z, true
		}
	}
	return firewall.Zone{}, false
}

// ownEnds are the appliance in each family that it has.
func (q packetQuestion) ownEnds() []end {
	var all []end
	for _, a := range q.network.Addresses {
		if !slices.ContainsFunc(all, func(e end) bool { return e.addr.Is4() == a.Prefix.Addr().Is4() }) {
			all = append(all, end{addr: a.Prefix.Addr(), box: true})
		}
	}
	return all
}

// setMembers are the first of each network of a group or list.
func (q packetQuestion) setMembers(s firewall.AddressSet) []end {
	var all []end
	for _, p := range s.Networks {
		all = appendMember(all, end{addr: q.firstOf(p), what: s.Name + " " + networkText(p)})
	}
	return all
}

// appendMember adds e if there is room for one more of its family.
func appendMember(all []end, e end) []end {
	n := 0
	for _, other := range all {
		if other.addr == e.addr {
			return all
		}
		if other.addr.Is4() == e.addr.Is4() {
			n++
		}
	}
	if n >= mostMembers {
		return all
	}
	return append(all, e)
}

func networkText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// firstOf is the first address of a network that a host can have, and the appliance has not.
func (q packetQuestion) firstOf(p netip.Prefix) netip.Addr {
	a := p.Addr()
	if !p.IsSingleIP() && a.BitLen()-p.Bits() > 1 {
		a = a.Next()
	}
	for q.isOwn(a) && p.Contains(a.Next()) {
		a = a.Next()
	}
	return a
}

func (q packetQuestion) isOwn(a netip.Addr) bool { return q.network.Own(a) }

// members stand for a zone: somebody whom no rule names, and the first of all whom rules name on that side,
// by which what becomes of his packets may be something else.
func (q packetQuestion) members(z firewall.Zone, side int) []end {
	named := q.named(z, side)
	var all []end
	for _, v4 := range []bool{true, false} {
		if a, ok := q.unnamed(z, v4, named); ok {
			all = append(all, end{addr: a, in: z.Interfaces[0], what: z.Name + ", whom no rule names"})
		}
	}
	listed := map[[2]string]bool{} // lists, of which one member stands for all
	for _, n := range named {
		list := [2]string{n.list, fmt.Sprint(n.Addr().Is4())}
		if a := q.firstOf(n.Prefix); q.inZone(z, a) && !listed[list] {
			listed[list] = n.list != ""
			what := z.Name + ", " + cmp.Or(n.list, networkText(n.Prefix))
			all = appendMember(all, end{addr: a, in: z.Interfaces[0], what: what})
		}
	}
	return all
}

// A namedNetwork is one that a rule speaks of, in a group or list or by itself.
type namedNetwork struct {
	netip.Prefix
	list string
}

// named are the networks that the policy speaks of on one side of conversations of a zone.
func (q packetQuestion) named(z firewall.Zone, side int) []namedNetwork {
	var all []namedNetwork
	add := func(addresses []netip.Prefix, sets []string) {
		for _, p := range addresses {
			all = append(all, namedNetwork{p, ""})
		}
		for _, s := range q.policy.Sets {
			if slices.Contains(sets, s.Name) {
				for _, p := range s.Networks {
					all = append(all, namedNetwork{p, s.Name})
				}
			}
		}
	}
	for _, r := range slices.Concat(q.policy.Rules, q.policy.Defaults) {
		for _, e := range [][]firewall.Endpoint{r.From, r.To}[side] {
			if slices.Contains(e.Zones, z.Name) {
				add(e.Addresses, e.Sets)
			}
		}
	}
	for _, f := range q.policy.Forwards {
		if side == fromSide && slices.Contains(slices.Concat(f.From, f.Hairpin), z.Name) {
			add(f.Sources.Addresses, f.Sources.Sets)
		}
		for _, a := range f.To {
			if side == toSide && f.Zone == z.Name {
				add([]netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, nil)
			}
		}
	}
	return all
}

// unnamed is an address of a zone that is in none of some networks, but in what is wider than the zone's own.
func (q packetQuestion) unnamed(z firewall.Zone, v4 bool, named []namedNetwork) (netip.Addr, bool) {
	for _, network := range q.networksOf(z, v4) {
		a := q.firstOf(network)
		for range mostTries {
			i := slices.IndexFunc(named, func(p namedNetwork) bool {
				return p.Bits() > network.Bits() && p.Contains(a)
			})
			if network.Contains(a) && i < 0 && q.inZone(z, a) && !q.isOwn(a) {
				return a, true
			}
			a = a.Next()
		}
	}
	return netip.Addr{}, false
}

// networksOf are those of a zone in one family; of strangers one that is somewhere on the Internet.
func (q packetQuestion) networksOf(z firewall.Zone, v4 bool) []netip.Prefix {
	all := slices.Clone(z.Networks)
	if z.Outside {
		all = append(all, netip.MustParsePrefix("64.0.0.0/8"), netip.MustParsePrefix("2600::/16"))
	}
	for _, own := range q.network.Addresses {
		if !z.Outside && len(z.Networks) == 0 && slices.Contains(z.Interfaces, own.Link) {
			all = append(all, own.Prefix.Masked())
		}
	}
	return slices.DeleteFunc(all, func(p netip.Prefix) bool {
		return p.Addr().Is4() != v4 || p.Addr().IsLinkLocalUnicast()
	})
}

// inZone reports whether the routes lead to a by a zone, and not to a part of it that is a zone of its own.
func (q packetQuestion) inZone(z firewall.Zone, a netip.Addr) bool {
	contains := func(networks []netip.Prefix) bool {
		return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if !slices.Contains(z.Interfaces, q.network.LinkTo(a)) || len(z.Networks) > 0 && !contains(z.Networks) {
		return false
	}
	return len(z.Networks) > 0 || !slices.ContainsFunc(q.policy.Zones, func(part firewall.Zone) bool {
		return len(part.Networks) > 0 && slices.Equal(part.Interfaces, z.Interfaces) &&
			contains(part.Networks)
	})
}

// A pair is who sends to whom, and how it comes in: in is "" for what the appliance sends, and "lo" for what
// it sends to itself.
type pair struct {
	in       string
	src, dst end
	forged   bool // the question says where it comes in
}

// pairs understands `from [ZONE] END to END`, of which both have addresses of the same family, and returns
// the words behind.
func (q packetQuestion) pairs(words []string) ([]pair, []string, error) {
	to := slices.Index(words, "to")
	if len(words) < 4 || words[0] != "from" || to < 2 || to > 3 || to+1 >= len(words) {
		return nil, nil, cli.ErrUsage
	}
	in := ""
	if to == 3 {
		z, ok := q.zone(words[1])
		if !ok {
			return nil, nil, fmt.Errorf("there is no zone %q", words[1])
		}
		in = z.Interfaces[0]
	}
	sources, err := q.ends(words[to-1], fromSide)
	if err != nil {
		return nil, nil, err
	}
	destinations, err := q.ends(words[to+1], toSide)
	if err != nil {
		return nil, nil, err
	}
	var all []pair
	for _, src := range sources {
		for _, dst := range destinations {
			himself := src.addr == dst.addr && !src.box && (src.what == "") != (dst.what == "")
			if src.addr.Is4() == dst.addr.Is4() && !himself {
				all = append(all, q.pair(in, src, dst))
			}
		}
	}
	if all == nil {
		return nil, nil, fmt.Errorf("%s and %s have no address of the same IP version", words[to-1],
			words[to+1])
	}
	return all, words[to+2:], nil
}

// pair finds out how packets come in, and which addresses the appliance has there.
func (q packetQuestion) pair(in string, src, dst end) pair {
	p := pair{in: in, src: src, dst: dst, forged: in != ""}
	switch {
	case p.forged:
	case src.box && q.isOwn(dst.addr):
		p.in, p.src.addr = "lo", dst.addr
	case src.box:
		p.src.addr = q.ownOn(q.network.LinkTo(dst.addr), src.addr)
		return p
	case src.in != "":
		p.in = src.in
	default:
		p.in = q.network.LinkTo(src.addr)
	}
	if dst.box && p.in != "lo" {
		p.dst.addr = q.ownOn(p.in, dst.addr)
	}
	return p
}

// past reports whether both are neighbours on one link, so that the appliance sees nothing of it.
func (q packetQuestion) past(p pair) bool {
	a, directA := q.network.Direct(p.src.addr)
	b, directB := q.network.Direct(p.dst.addr)
	return !p.forged && directA && directB && a == b && !q.isOwn(p.src.addr) && !q.isOwn(p.dst.addr)
}

// text says who sends to whom.
func (p pair) text() string {
	name := func(e end) string {
		if e.what != "" {
			return fmt.Sprintf("%s (%s)", e.addr, e.what)
		}
		return e.addr.String()
	}
	by := " by " + p.in
	if p.in == "" {
		by = " of the appliance itself"
	}
	return strings.TrimSpace("from " + name(p.src) + by + " to " + name(p.dst))
}
