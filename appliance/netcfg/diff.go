package netcfg

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A State is what was seen of the kernel.
type State struct {
	Links     map[string]LinkState
	Addresses map[Address]bool // value: ours
	// in the kernel's list; of a network the lowest is the one that connections begin of
	Places  map[Address]int
	Routes  []Route // ours only, as are Rules
	Rules   []Rule
	Sysctls map[string]Setting
}

// A LinkState is a link as it was seen.
type LinkState struct {
	Link  // with its MAC and MTU; Parent, VLAN and Priority if it is a VLAN
	Index int
	Up    bool
	Ours  bool
}

// An absence is a problem that only a link's coming mends.
type absence struct{ text string }

// Error says which link is missing.
func (a absence) Error() string { return a.text }

func isAbsence(err error) bool {
	_, ok := errors.AsType[absence](err)
	return ok
}

// A Setting is a sysctl as it was read.
type Setting struct {
	Value string
	Err   error // of reading it: most often, that there is no such setting
}

// Diff gives the changes that lead from one state to the plan, in the order to make them, and what of the
// plan cannot be done in this state. It is pure. Of the links that the plan does not have, those of former
// are set down.
func Diff(have State, want Config, former []string) ([]Change, []error) {
	d := differ{have: have, usable: map[string]bool{}, gone: map[string]bool{}}
	d.sysctls(want.Sysctls, want.Links)
	d.links(want.Links)
	d.addresses(want.Addresses)
	d.routes(want.Routes)
	d.rules(want.Rules)
	d.former(former)
	slices.SortStableFunc(d.changes, func(a, b Change) int { return cmp.Compare(a.Op, b.Op) })
	return d.changes, d.problems
}

type differ struct {
	have     State
	usable   map[string]bool // true: it exists or will after a change; false: declared, but it does not
	gone     map[string]bool // links that are taken away, with all that is on them
	changes  []Change
	problems []error
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

func (d *differ) problem(format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf(format, args...))
}

func (d *differ) absent(format string, args ...any) {
	d.problems = append(d.problems, absence{fmt.Sprintf(format, args...)})
}

func (d *differ) sysctls(want []Sysctl, links []Link) {
	for _, s := range want {
		have := d.have.Sysctls[s.Key]
		switch {
		case have.Err != nil && d.ofAbsent(s, links):
			d.absent("sysctl %s: its link does not exist", s.Key)
		case have.Err != nil:
			d.problem("sysctl %s: %w", s.Key, have.Err)
		case !slices.Equal(strings.Fields(have.Value), strings.Fields(s.Value)):
			d.add(Change{Op: SetSysctl, Sysctl: s})
		}
	}
}

// ofAbsent reports whether a setting is one of a link of the plan that is not there.
func (d *differ) ofAbsent(s Sysctl, links []Link) bool {
	return slices.ContainsFunc(links, func(l Link) bool {
		_, there := d.have.Links[l.Name]
		return !there && strings.Contains(s.Path(), "/"+l.Name+"/")
	})
}

func (d *differ) links(want []Link) {
	for _, name := range slices.Sorted(maps.Keys(d.have.Links)) {
		if l := d.have.Links[name]; l.Ours && !slices.ContainsFunc(want, l.is) {
			d.gone[name] = true
			d.add(Change{Op: DelLink, Link: l.Link})
		}
	}
	for _, l := range want {
		d.usable[l.Name] = d.link(l)
	}
}

// link reports whether the link is or will be there.
func (d *differ) link(want Link) bool {
	have, exists := d.have.Links[want.Name]
	_, parentExists := d.have.Links[want.Parent]
	exists = exists && !d.gone[want.Name]
	switch {
	case !want.isMade() && !exists:
		d.absent("link %s does not exist; there are %s", want.Name,
			strings.Join(slices.Sorted(maps.Keys(d.have.Links)), ", "))
		return false
	case want.Parent != "" && !exists && !parentExists && !d.usable[want.Parent]:
		d.absent("link %s: its parent %s does not exist", want.Name, want.Parent)
		return false
	case want.isTunnel() && exists && !(have.is(want) && have.Ours):
		d.problem("link %s: there is one of that name already, which is not ours", want.Name)
		return false
	case want.Parent != "" && exists && !have.is(want):
		d.problem("link %s: there is one of that name already, which is not VLAN %d of %s", want.Name,
			want.VLAN, want.Parent)
		return false
	}
	if !exists {
		d.add(Change{Op: AddLink, Link: want})
	} else {
		d.hardware(have.Link, want)
	}
	if !exists || !have.Up {
		d.add(Change{Op: UpLink, Link: want})
	}
	return true
}

// hardware is what a link has that is there. One that is only made gets it in the next round.
func (d *differ) hardware(have, want Link) {
	if want.Remote != have.Remote || want.Local != have.Local {
		d.add(Change{Op: SetTunnel, Link: want})
	}
	if want.MAC != "" && have.MAC != want.MAC {
		d.add(Change{Op: SetMAC, Link: want})
	}
	if want.MTU != 0 && have.MTU != want.MTU {
		d.add(Change{Op: SetMTU, Link: want})
	}
}

// ready reports whether a link can take what the plan puts on it. A declared link that is missing has its own
// problem.
func (d *differ) ready(link string, what fmt.Stringer) bool {
	usable, declared := d.usable[link]
	if !declared {
		d.problem("%v: its link %q is not among the links of the plan", what, link)
	}
	return usable
}

// excludes reports whether the kernel takes no address b beside a: the same with another length or scope (it
// is a duplicate, net/ipv6/addrconf.c), or one of the same IPv4 network with another scope
// (net/ipv4/devinet.c).
func (a Address) excludes(b Address) bool {
	return a != b && a.Link == b.Link && (a.Prefix.Addr() == b.Prefix.Addr() ||
		a.Prefix.Masked() == b.Prefix.Masked() && a.Beside != b.Beside)
}

// behind are own addresses that must be made anew behind the first of their network: connections begin of the
// one that the kernel has had longest, and of the next when that goes (promote_secondaries).
func (d *differ) behind(want []Address) map[Address]bool {
	type network struct {
		link string
		p    netip.Prefix
	}
	first, anew := map[network]Address{}, map[Address]bool{}
	for _, w := range want {
		of := network{w.Link, w.Prefix.Masked()}
		one, known := first[of]
		if !known {
			first[of] = w
			continue
		}
		_, there := d.have.Addresses[one]
		if d.have.Addresses[w] && w.Prefix.Addr().Is4() && (!there || d.have.Places[one] > d.have.Places[w]) {
			anew[w] = true
		}
	}
	return anew
}

// addresses: what would keep another from coming must go before. All others come first, and leave when routes
// are as they should be.
func (d *differ) addresses(want []Address) {
	anew := d.behind(want)
	for _, have := range slices.SortedFunc(maps.Keys(d.have.Addresses), compareAddresses) {
		if !d.have.Addresses[have] || d.gone[have.Link] || slices.Contains(want, have) && !anew[have] {
			continue
		}
		del := Change{Op: LeaveAddress, Verb: "del", Address: have}
		if anew[have] || slices.ContainsFunc(want, have.excludes) {
			del.Op = ChangeAddress
		}
		d.add(del)
	}
	for _, w := range want {
		_, exists := d.have.Addresses[w]
		ours, others := d.have.Addresses[Address{Link: w.Link, Prefix: w.Prefix}]
		exists = exists || others && !ours // as somebody else made it
		if d.ready(w.Link, w.Prefix) && (!exists || d.gone[w.Link] || anew[w]) {
			d.add(Change{Op: ChangeAddress, Verb: "add", Address: w})
		}
	}
}

func compareAddresses(a, b Address) int {
	return cmp.Or(cmp.Compare(a.Link, b.Link), a.Prefix.Addr().Compare(b.Prefix.Addr()),
		cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
}

// routes: a network that is reached another way from now on is reached all the time, because to replace is
// one step. When the other way is by a link that is not there, the network is not reached: the plan is not
// that of before.
func (d *differ) routes(want []Route) {
	have := slices.DeleteFunc(slices.Clone(d.have.Routes), func(r Route) bool { return d.gone[r.Link] })
	type network struct {
		to    netip.Prefix
		table uint8
	}
	reached := map[network]bool{}
	for _, w := range want {
		verb := "add"
		if slices.ContainsFunc(have, w.same) {
			verb = "replace"
		}
		if !w.Unreachable && !d.ready(w.Link, w.To) {
			continue
		}
		reached[network{w.To, w.Table}] = true
		if !slices.Contains(have, w) {
			d.add(Change{Op: ChangeRoute, Verb: verb, Route: w})
		}
	}
	for _, r := range have {
		if !reached[network{r.To, r.Table}] {
			d.add(Change{Op: LeaveRoute, Verb: "del", Route: r})
		}
	}
}

// rules come when the routes are there that they lead to, and go before these.
func (d *differ) rules(want []Rule) {
	for _, r := range d.have.Rules {
		if !slices.Contains(want, r) {
			d.add(Change{Op: DelRule, Rule: r})
		}
	}
	for _, w := range want {
		if !slices.Contains(d.have.Rules, w) {
			d.add(Change{Op: AddRule, Rule: w})
		}
	}
}

// former sets down what only an earlier plan had up. One that is missing or down needs nothing.
func (d *differ) former(links []string) {
	for _, name := range links {
		if have, exists := d.have.Links[name]; exists && have.Up {
			d.add(Change{Op: DownLink, Link: have.Link})
		}
	}
}
