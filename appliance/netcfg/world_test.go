package netcfg

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A world is a kernel in memory. It does what a change says, and what else the kernel does then; it refuses
// what the kernel refuses, such as a second address of that name or a route by a link that is down.
type world struct {
	State
	place int // of the address that comes next
}

func newWorld(s State) *world {
	s.Places = map[Address]int{}
	return &world{State: s}
}

// apply is what Apply does, with this world in the kernel's place.
func (w *world) apply(t *testing.T, plan Config) []string {
	t.Helper()
	var done []string
	for range maxRounds {
		changes, problems := Diff(w.seen(plan), plan, nil)
		if len(changes) == 0 {
			if len(problems) > 0 {
				t.Fatalf("plan %+v: %v", plan, problems)
			}
			return done
		}
		for _, c := range changes {
			if c.Op != changes[0].Op {
				break
			}
			if err := w.Execute(c); err != nil {
				t.Fatalf("after %q the world refuses %q: %v\nplan %+v", done, c, err, plan)
			}
			done = append(done, c.String())
		}
	}
	t.Fatalf("plan %+v is never reached: %q", plan, done)
	return nil
}

// seen is what observe would say.
func (w *world) seen(plan Config) State {
	s := State{maps.Clone(w.Links), maps.Clone(w.Addresses), maps.Clone(w.Places), slices.Clone(w.Routes), slices.Clone(w.Rules), maps.Clone(w.Sysctls)}
	for _, sysctl := range plan.Sysctls {
		if _, ok := s.Sysctls[sysctl.Key]; !ok {
			s.Sysctls[sysctl.Key] = Setting{Err: errNoSetting}
		}
	}
	return s
}

// Observe is what the kernel would say.
func (w *world) Observe(wanted []Sysctl) (State, error) { return w.seen(Config{Sysctls: wanted}), nil }

func (w *world) Execute(c Change) error {
	switch c.Op {
	case SetSysctl:
		w.Sysctls[c.Sysctl.Key] = Setting{Value: c.Sysctl.Value + "\n"}
		return nil
	case DelLink:
		if _, ok := w.Links[c.Link.Name]; !ok {
			return fmt.Errorf("no such link")
		}
		w.unplug(c.Link.Name)
		return nil
	case AddLink:
		if c.Link.isTunnel() {
			return w.addTunnel(c.Link)
		}
		return w.addVLAN(c.Link)
	case SetTunnel:
		if have := w.Links[c.Link.Name]; !have.is(c.Link) {
			return fmt.Errorf("no such tunnel")
		}
		w.set(c.Link.Name, func(l *LinkState) { l.Local, l.Remote = c.Link.Local, c.Link.Remote })
		return nil
	case UpLink:
		if _, ok := w.Links[c.Link.Name]; !ok {
			return fmt.Errorf("no such link")
		}
		w.set(c.Link.Name, func(l *LinkState) { l.Up = true })
		return nil
	case DownLink:
		w.set(c.Link.Name, func(l *LinkState) { l.Up = false })
		return nil
	case SetMAC, SetMTU:
		if have, ok := w.Links[c.Link.Name]; !ok || !have.is(c.Link) {
			return fmt.Errorf("no such link")
		}
		w.set(c.Link.Name, func(l *LinkState) {
			if c.Op == SetMAC {
				l.MAC = c.Link.MAC
			} else {
				l.MTU = c.Link.MTU
			}
		})
		return nil
	case ChangeAddress, LeaveAddress:
		return w.changeAddress(c.Verb, c.Address)
	case AddRule, DelRule:
		return w.changeRule(c.Op, c.Rule)
	}
	return w.changeRoute(c.Verb, c.Route)
}

func (w *world) addVLAN(l Link) error {
	for _, have := range w.Links {
		if have.Name == l.Name || have.VLAN == l.VLAN && have.Parent == l.Parent {
			return fmt.Errorf("link %s exists", have.Name)
		}
	}
	if _, ok := w.Links[l.Parent]; !ok {
		return fmt.Errorf("no parent")
	}
	l.MAC, l.MTU = w.Links[l.Parent].MAC, w.Links[l.Parent].MTU
	w.Links[l.Name] = LinkState{Link: l, Ours: true}
	if _, ok := w.Sysctls["net.ipv6.conf.eth1/20.accept_ra"]; ok {
		w.Sysctls["net.ipv6.conf.eth1/20.accept_ra"] = Setting{Value: "1\n"}
	}
	return nil
}

// addTunnel gives it the MTU that Linux does, whatever is wanted.
func (w *world) addTunnel(l Link) error {
	if _, ok := w.Links[l.Name]; ok {
		return fmt.Errorf("link %s exists", l.Name)
	}
	l.MTU = 1480
	w.Links[l.Name] = LinkState{Link: l, Ours: true}
	return nil
}

func (w *world) changeAddress(verb string, a Address) error {
	if verb == "del" {
		if !w.Addresses[a] {
			return fmt.Errorf("no such address of ours")
		}
		delete(w.Addresses, a)
		if a.Prefix.Addr().Is4() && !slices.ContainsFunc(slices.Collect(maps.Keys(w.Addresses)), func(b Address) bool {
			return b.Link == a.Link && b.Prefix.Addr().Is4()
		}) { // net/ipv4/fib_frontend.c, fib_disable_ip
			w.Routes = slices.DeleteFunc(w.Routes, func(r Route) bool { return r.Link == a.Link && r.To.Addr().Is4() })
		}
		return nil
	}
	for have := range w.Addresses {
		if have.Link == a.Link && have.Prefix.Addr() == a.Prefix.Addr() {
			return fmt.Errorf("%s exists", have.Prefix)
		}
		if have.Link == a.Link && have.Prefix.Masked() == a.Prefix.Masked() && have.Beside != a.Beside {
			return fmt.Errorf("%s is of the same network, and has another scope", have.Prefix)
		}
	}
	if _, ok := w.Links[a.Link]; !ok {
		return fmt.Errorf("no such link")
	}
	w.place++
	w.Addresses[a], w.Places[a] = true, w.place
	return nil
}

func (w *world) changeRoute(verb string, r Route) error {
	switch exists := slices.ContainsFunc(w.Routes, r.same); {
	case !r.Unreachable && !w.Links[r.Link].Up:
		return fmt.Errorf("link %s is down", r.Link)
	case exists && verb == "add", !exists && verb != "add":
		return fmt.Errorf("route to %s: exists %t", r.To, exists)
	}
	w.Routes = slices.DeleteFunc(w.Routes, r.same)
	if verb != "del" {
		w.Routes = append(w.Routes, r)
	}
	return nil
}

func (w *world) changeRule(op Op, r Rule) error {
	switch exists := slices.Contains(w.Rules, r); {
	case exists == (op == AddRule):
		return fmt.Errorf("rule %+v: exists %t", r, exists)
	case exists:
		w.Rules = slices.DeleteFunc(w.Rules, func(have Rule) bool { return have == r })
		return nil
	}
	w.Rules = append(w.Rules, r)
	return nil
}

// unplug takes a link away, and all that is on it.
func (w *world) unplug(link string) {
	delete(w.Links, link)
	maps.DeleteFunc(w.Addresses, func(a Address, _ bool) bool { return a.Link == link })
	w.Routes = slices.DeleteFunc(w.Routes, func(r Route) bool { return r.Link == link })
}

func (w *world) set(link string, change func(*LinkState)) {
	l := w.Links[link]
	change(&l)
	w.Links[link] = l
}

// check compares the world with a plan, in its own words.
func (w *world) check(t *testing.T, plan Config) {
	t.Helper()
	for _, l := range plan.Links {
		if have := w.Links[l.Name]; !have.is(l) || !have.Up {
			t.Errorf("link %+v is %+v", l, have)
		}
	}
	ours := 0
	for _, isOurs := range w.Addresses {
		if isOurs {
			ours++
		}
	}
	if ours != len(plan.Addresses) || len(w.Routes) != len(plan.Routes) || len(w.Links) != len(plan.Links)+1 ||
		len(w.Rules) != len(plan.Rules) {
		t.Fatalf("plan %+v\nbut there is %+v", plan, w.State)
	}
	for _, a := range plan.Addresses {
		if !w.Addresses[a] {
			t.Errorf("address %+v is missing", a)
		}
		first := slices.IndexFunc(plan.Addresses, func(b Address) bool {
			return b.Link == a.Link && b.Prefix.Masked() == a.Prefix.Masked() && b.Prefix.Addr().Is4()
		})
		if first >= 0 && w.Places[plan.Addresses[first]] > w.Places[a] {
			t.Errorf("address %+v is before %+v", a, plan.Addresses[first])
		}
	}
	for _, r := range plan.Routes {
		if !slices.Contains(w.Routes, r) {
			t.Errorf("route %+v is missing", r)
		}
	}
	for _, r := range plan.Rules {
		if !slices.Contains(w.Rules, r) {
			t.Errorf("rule %+v is missing", r)
		}
	}
}
