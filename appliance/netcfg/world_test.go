package netcfg

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A world is a kernel in memory. It does what a change says, and what else the kernel does then; it refuses what the
// kernel refuses, such as a second address of that name or a route by a link that is down.
type world struct{ state }

func newWorld(s state) *world { return &world{s} }

// apply is what Apply does, with this world in the kernel's place.
func (w *world) apply(t *testing.T, plan Config) []string {
	t.Helper()
	var done []string
	for range maxRounds {
		changes, problems := diff(w.seen(plan), plan)
		if len(changes) == 0 {
			if len(problems) > 0 {
				t.Fatalf("plan %+v: %v", plan, problems)
			}
			return done
		}
		for _, c := range changes {
			if c.op != changes[0].op {
				break
			}
			if err := w.execute(c); err != nil {
				t.Fatalf("after %q the world refuses %q: %v\nplan %+v", done, c, err, plan)
			}
			done = append(done, c.String())
		}
	}
	t.Fatalf("plan %+v is never reached: %q", plan, done)
	return nil
}

// seen is what observe would say.
func (w *world) seen(plan Config) state {
	s := state{maps.Clone(w.links), maps.Clone(w.addresses), slices.Clone(w.routes), maps.Clone(w.sysctls)}
	for _, sysctl := range plan.Sysctls {
		if _, ok := s.sysctls[sysctl.Key]; !ok {
			s.sysctls[sysctl.Key] = setting{err: errNoSetting}
		}
	}
	return s
}

func (w *world) execute(c change) error {
	switch c.op {
	case setSysctl:
		w.sysctls[c.sysctl.Key] = setting{value: c.sysctl.Value + "\n"}
		return nil
	case delVLAN:
		if _, ok := w.links[c.link.Name]; !ok {
			return fmt.Errorf("no such link")
		}
		w.unplug(c.link.Name)
		return nil
	case addVLAN:
		return w.addVLAN(c.link)
	case upLink:
		if _, ok := w.links[c.link.Name]; !ok {
			return fmt.Errorf("no such link")
		}
		w.set(c.link.Name, func(l *linkState) { l.up = true })
		return nil
	case changeAddress:
		return w.changeAddress(c.verb, c.address)
	}
	return w.changeRoute(c.verb, c.route)
}

func (w *world) addVLAN(l Link) error {
	for _, have := range w.links {
		if have.Name == l.Name || have.VLAN == l.VLAN && have.Parent == l.Parent {
			return fmt.Errorf("link %s exists", have.Name)
		}
	}
	if _, ok := w.links[l.Parent]; !ok {
		return fmt.Errorf("no parent")
	}
	w.links[l.Name] = linkState{Link: l, ours: true}
	if _, ok := w.sysctls["net.ipv6.conf.eth1/20.accept_ra"]; ok {
		w.sysctls["net.ipv6.conf.eth1/20.accept_ra"] = setting{value: "1\n"}
	}
	return nil
}

func (w *world) changeAddress(verb string, a Address) error {
	if verb == "del" {
		if !w.addresses[a] {
			return fmt.Errorf("no such address of ours")
		}
		delete(w.addresses, a)
		if a.Prefix.Addr().Is4() && !slices.ContainsFunc(slices.Collect(maps.Keys(w.addresses)), func(b Address) bool {
			return b.Link == a.Link && b.Prefix.Addr().Is4()
		}) { // net/ipv4/fib_frontend.c, fib_disable_ip
			w.routes = slices.DeleteFunc(w.routes, func(r Route) bool { return r.Link == a.Link && r.To.Addr().Is4() })
		}
		return nil
	}
	for have := range w.addresses {
		if have.Link == a.Link && have.Prefix.Addr() == a.Prefix.Addr() {
			return fmt.Errorf("%s exists", have.Prefix)
		}
	}
	if _, ok := w.links[a.Link]; !ok {
		return fmt.Errorf("no such link")
	}
	w.addresses[a] = true
	return nil
}

func (w *world) changeRoute(verb string, r Route) error {
	same := func(have Route) bool { return have.To == r.To }
	switch exists := slices.ContainsFunc(w.routes, same); {
	case !w.links[r.Link].up:
		return fmt.Errorf("link %s is down", r.Link)
	case exists && verb == "add", !exists && verb != "add":
		return fmt.Errorf("route to %s: exists %t", r.To, exists)
	}
	w.routes = slices.DeleteFunc(w.routes, same)
	if verb != "del" {
		w.routes = append(w.routes, r)
	}
	return nil
}

// unplug takes a link away, and all that is on it.
func (w *world) unplug(link string) {
	delete(w.links, link)
	maps.DeleteFunc(w.addresses, func(a Address, _ bool) bool { return a.Link == link })
	w.routes = slices.DeleteFunc(w.routes, func(r Route) bool { return r.Link == link })
}

func (w *world) set(link string, change func(*linkState)) {
	l := w.links[link]
	change(&l)
	w.links[link] = l
}

// check compares the world with a plan, in its own words.
func (w *world) check(t *testing.T, plan Config) {
	t.Helper()
	for _, l := range plan.Links {
		if have := w.links[l.Name]; !have.is(l) || !have.up {
			t.Errorf("link %+v is %+v", l, have)
		}
	}
	ours := 0
	for _, isOurs := range w.addresses {
		if isOurs {
			ours++
		}
	}
	if ours != len(plan.Addresses) || len(w.routes) != len(plan.Routes) || len(w.links) != len(plan.Links)+1 {
		t.Fatalf("plan %+v\nbut there is %+v", plan, w.state)
	}
	for _, a := range plan.Addresses {
		if !w.addresses[a] {
			t.Errorf("address %+v is missing", a)
		}
	}
	for _, r := range plan.Routes {
		if !slices.Contains(w.routes, r) {
			t.Errorf("route %+v is missing", r)
		}
	}
}
