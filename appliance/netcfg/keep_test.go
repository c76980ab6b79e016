package netcfg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// box is a keeper at work in a world, in a bubble of virtual time.
type box struct {
	mu sync.Mutex
	*world
	t    *testing.T
	plan Config
	*Keeper
	index int              // of the last link that was plugged in
	deny  map[string]error // commands that are refused
	looks int
	steps []string    // what was done, and when settings were read
	tries []time.Time // of refused commands
	lines []string    // of the log, since it was last looked at

	states         int
	missing, wrong error
}

// Observe is what the kernel would say.
func (b *box) Observe(wanted []Sysctl) (State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	if len(wanted) > 0 {
		b.steps = append(b.steps, "settings are read")
	}
	if err := b.deny["look"]; err != nil {
		return State{}, err
	}
	return b.seen(Config{Sysctls: wanted}), nil
}

// Execute does what the kernel would.
func (b *box) Execute(c Change) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.deny[c.String()]; err != nil {
		b.tries = append(b.tries, time.Now())
		return err
	}
	if err := b.world.Execute(c); err != nil {
		return err
	}
	b.steps = append(b.steps, c.String())
	b.number()
	return nil
}

// number gives links that are new an index of their own.
func (b *box) number() {
	for _, name := range slices.Sorted(maps.Keys(b.Links)) {
		if b.Links[name].Index == 0 {
			b.index++
			b.set(name, func(l *LinkState) { l.Index = b.index })
			b.Add(Notice{Down: b.index})
		}
	}
}

// kept runs f beside a keeper of the plan.
func kept(t *testing.T, plan Config, f func(b *box)) {
	keptFrom(t, plan, func(*box) {}, f)
}

// keptFrom is kept with something that is so before the keeper starts.
func keptFrom(t *testing.T, plan Config, before, f func(b *box)) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{world: newWorld(fresh()), t: t, plan: plan, deny: map[string]error{}}
		b.Keeper = NewKeeper(b, Tell{
			State: func(missing, wrong error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.states, b.missing, b.wrong = b.states+1, missing, wrong
			},
			Log: func(line string) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.lines = append(b.lines, line)
			},
		})
		b.number()
		before(b)
		ctx, cancel := context.WithCancel(b.t.Context())
		ended := make(chan struct{})
		go func() { b.Run(ctx); close(ended) }()
		b.Set(ctx, b.plan)
		b.settle()
		f(b)
		cancel()
		<-ended
	})
}

// settle waits until the keeper must have done what there was to do.
func (b *box) settle() { b.sleep(rest + settle) }

func (b *box) sleep(d time.Duration) {
	b.link("") // its lock tells the race detector: what the test did comes before what the keeper does now
	time.Sleep(d)
	synctest.Wait()
}

// out takes a card out, and in puts one in.
func (b *box) out(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Add(Notice{Down: b.Links[name].Index})
	b.unplug(name)
	for child, l := range maps.Clone(b.Links) { // a VLAN goes with its parent: net/8021q/vlan.c, NETDEV_UNREGISTER
		if l.Parent == name {
			b.Add(Notice{Down: l.Index})
			b.unplug(child)
		}
	}
}

func (b *box) in(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Links[name] = LinkState{Link: Link{Name: name}}
	b.number()
}

// down and up set a link so. The kernel drops IPv4 routes and IPv6 addresses: fib_frontend.c, addrconf.c.
func (b *box) down(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(name, func(l *LinkState) { l.Up = false })
	maps.DeleteFunc(b.Addresses, func(a Address, _ bool) bool { return a.Link == name && a.Prefix.Addr().Is6() })
	b.Routes = slices.DeleteFunc(b.Routes, func(r Route) bool { return r.Link == name })
	b.Add(Notice{Down: b.Links[name].Index})
}

func (b *box) up(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(name, func(l *LinkState) { l.Up = true })
	b.Add(Notice{})
}

// link returns a link, and whether it is there.
func (b *box) link(name string) (LinkState, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, there := b.Links[name]
	return l, there
}

// logged compares what was logged since the last time.
func (b *box) logged(what string, want ...string) {
	b.t.Helper()
	if !slices.Equal(b.lines, want) {
		b.t.Errorf("%s: logged %q, want %q", what, b.lines, want)
	}
	b.lines = nil
}

func named() Config {
	c := router()
	c.Links[0].Network, c.Links[1].Network, c.Links[2].Network = "wan", "lan", "guests"
	return c
}

func TestCardGoesAndComes(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.check(t, b.plan)
		b.logged("start")
		b.out("eth1")
		b.settle()
		b.logged("out", "eth1 (lan) is gone", "eth1.20 (guests) is gone")
		if text := textOf(b.missing); !strings.Contains(text, "link eth1 does not exist; there are eth0, lo") ||
			!strings.Contains(text, "link eth1.20: its parent eth1 does not exist") {
			t.Errorf("missing: %s", text)
		}
		b.sleep(time.Hour)
		b.in("eth1")
		b.settle()
		b.check(t, b.plan)
		b.logged("in", "eth1 (lan) is back and configured", "eth1.20 (guests) is back and configured")
		if b.missing != nil || b.wrong != nil {
			t.Errorf("missing %v, wrong %v", b.missing, b.wrong)
		}
	})
}

// TestCardIsReplaced: nobody saw it missing.
func TestCardIsReplaced(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.out("eth0")
		b.in("eth0")
		b.settle()
		b.check(t, b.plan)
		b.logged("replaced", "eth0 (wan) is gone", "eth0 (wan) is back and configured")
	})
}

// TestCardComesLater: it was not there at the start, and another name is not it.
func TestCardComesLater(t *testing.T) {
	keptFrom(t, named(), func(b *box) { b.out("eth1") }, func(b *box) {
		b.logged("start without it")
		b.in("eth2")
		b.settle()
		b.logged("another")
		b.out("eth2")
		b.in("eth1")
		b.settle()
		b.check(t, b.plan)
		b.logged("it", "eth1 (lan) is there and configured", "eth1.20 (guests) is there and configured")
	})
}

// TestLinkIsSetDown: who sets it down wants it down; when he sets it up again he wants it to work.
func TestLinkIsSetDown(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.down("eth0")
		b.settle()
		b.logged("down")
		if b.Links["eth0"].Up {
			t.Error("it was set up at once")
		}
		b.up("eth0")
		b.settle()
		b.check(t, b.plan)
		b.logged("up", "eth0 (wan) is up again and configured")

		b.down("eth0")
		b.up("eth0") // before anybody looks
		b.settle()
		b.check(t, b.plan)
		b.logged("down and up", "eth0 (wan) is up again and configured")
	})
}

// TestSettingsComeLast: another address or route does not wait for settings that were set before. They are
// looked at all the same, and come first when they or the links are others.
func TestSettingsComeLast(t *testing.T) {
	const read = "settings are read"
	kept(t, named(), func(b *box) {
		set := func(what string, want ...string) {
			t.Helper()
			b.steps = nil
			b.Set(b.t.Context(), b.plan)
			b.check(t, b.plan)
			if !slices.Equal(b.steps, want) {
				t.Errorf("%s: %q, want %q", what, b.steps, want)
			}
		}
		set("the same plan", read)
		b.plan.Routes[0].Via = netip.MustParseAddr("192.0.2.2")
		set("another gateway", "ip route replace default via 192.0.2.2 dev eth0", read)
		b.plan.Addresses[0].Prefix = prefix("192.0.2.11/24")
		b.Sysctls["net.ipv4.ip_forward"] = Setting{Value: "0\n"}
		set("another address, and a setting that somebody has changed", "ip addr add 192.0.2.11/24 dev eth0",
			"ip addr del 192.0.2.10/24 dev eth0", read, `sysctl -w net.ipv4.ip_forward="1"`, read)
		b.plan.Sysctls, b.plan.Routes = slices.Clone(b.plan.Sysctls), slices.Clone(b.plan.Routes)
		b.plan.Sysctls[0].Value, b.plan.Routes[0].Via = "2", netip.MustParseAddr("192.0.2.3")
		set("another setting", read, `sysctl -w net.ipv4.ip_forward="2"`, read,
			"ip route replace default via 192.0.2.3 dev eth0", read)
		b.out("eth0")
		b.in("eth0")
		b.set("eth0", func(l *LinkState) { l.Up = true }) // by hand, at once
		b.Sysctls["net.ipv4.ip_forward"] = Setting{Value: "0\n"}
		b.steps = nil
		b.settle()
		b.check(t, b.plan)
		if b.steps[0] != read || b.steps[1] != `sysctl -w net.ipv4.ip_forward="2"` {
			t.Errorf("a link that is another: %q", b.steps)
		}
		b.plan.Links[0].MTU, b.plan.Routes[0].Via = 1400, netip.MustParseAddr("192.0.2.2")
		set("another MTU", read, "ip link set eth0 mtu 1400", read,
			"ip route replace default via 192.0.2.2 dev eth0", read)
	})
}

// TestChangedByHand: it stays until a link comes or goes.
func TestChangedByHand(t *testing.T) {
	kept(t, named(), func(b *box) {
		lan := Address{Link: "eth1", Prefix: prefix("192.168.32.1/24")}
		delete(b.Addresses, lan)
		b.up("eth1") // a notice of something else, such as its carrier
		b.settle()
		if b.Addresses[lan] {
			t.Error("the address is back at once")
		}
		b.out("eth0")
		b.settle()
		if !b.Addresses[lan] {
			t.Error("the address does not come back with a card that goes")
		}
	})
}

// TestRefused: it is said once, tried again with growing pauses, and the rest is done.
func TestRefused(t *testing.T) {
	kept(t, named(), func(b *box) {
		const line = "ip route add default via 192.0.2.1 dev eth0"
		b.deny[line] = errors.New("network is unreachable")
		start := time.Now()
		b.out("eth0")
		b.in("eth0")
		b.sleep(10 * time.Minute)
		b.logged("refused", "eth0 (wan) is gone", "eth0 (wan) is back, but could not be configured: "+line+": network is unreachable",
			line+": network is unreachable\nis tried again with growing pauses, 1m0s at most")
		var after []time.Duration
		for i, at := range b.tries[1:] {
			after = append(after, at.Sub(b.tries[i]))
		}
		want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second}
		if d := b.tries[0].Sub(start); d > rest+settle || !slices.Equal(after[:6], want) || slices.Max(after) != lastRetry || len(after) > 16 {
			t.Errorf("tried after %v, and then after %v", d, after)
		}
		if b.missing != nil || textOf(b.wrong) != "network: "+line+": network is unreachable" {
			t.Errorf("missing %v, wrong %v", b.missing, b.wrong)
		}
		delete(b.deny, line)
		b.sleep(lastRetry)
		b.check(t, b.plan)
		b.logged("no longer refused", "what was wrong before is done")
		states := b.states
		b.sleep(time.Hour)
		if b.wrong != nil || b.states != states {
			t.Errorf("%v is wrong, applied %d times more", b.wrong, b.states-states)
		}
	})
}

// TestAbsenceIsNotTriedAgain: only a link that comes can help.
func TestAbsenceIsNotTriedAgain(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.out("eth0")
		b.settle()
		looks := b.looks
		b.sleep(time.Hour)
		if b.looks != looks {
			t.Errorf("looked %d times in vain", b.looks-looks)
		}
	})
}

func TestKernelThatDoesNotAnswer(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.deny["look"] = errors.New("no buffer space")
		b.out("eth1")
		b.sleep(time.Minute)
		b.logged("blind", "no buffer space\nis tried again with growing pauses, 1m0s at most")
		delete(b.deny, "look")
		b.in("eth1")
		b.sleep(lastRetry)
		b.check(t, b.plan)
		b.logged("sees again", "eth1 (lan) is gone", "eth1.20 (guests) is gone", "eth1 (lan) is back and configured",
			"eth1.20 (guests) is back and configured", "what was wrong before is done")
	})
}

// TestSet goes from plan to plan at random: what is there is what a fresh start with the last one makes, the
// links of former plans set down included.
func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var plans []Config
	for range 30 {
		plan := randomPlan(r)
		if kept := r.IntN(2); r.IntN(2) == 0 { // one card less, and all that is on it
			plan = without(plan, plan.Links[kept].Name)
		}
		plans = append(plans, plan)
	}
	kept(t, plans[0], func(b *box) {
		for _, plan := range plans {
			if missing, wrong := b.Set(b.t.Context(), plan); missing != nil || wrong != nil {
				t.Fatalf("%+v: %v, %v", plan, missing, wrong)
			}
			new := newWorld(fresh())
			new.apply(t, plan)
			for name, l := range b.Links {
				if got, want := l.Up, new.Links[name].Up; got != want {
					t.Errorf("after %+v, %s is up: %v, want %v", plan, name, got, want)
				}
			}
			if !maps.Equal(b.Addresses, new.Addresses) || len(b.Routes) != len(new.Routes) || len(b.Links) != len(new.Links) {
				t.Fatalf("after %+v there is %+v, want %+v", plan, b.State, new.State)
			}
		}
	})
}

// without is a plan without one card.
func without(c Config, card string) Config {
	gone := map[string]bool{card: true}
	for _, l := range c.Links {
		gone[l.Name] = gone[l.Name] || l.Parent == card
	}
	c.Links = slices.DeleteFunc(c.Links, func(l Link) bool { return gone[l.Name] })
	c.Addresses = slices.DeleteFunc(c.Addresses, func(a Address) bool { return gone[a.Link] })
	c.Routes = slices.DeleteFunc(c.Routes, func(r Route) bool { return gone[r.Link] })
	return c
}

// TestSetDoesNotWait: who sets a plan does not wait for links to settle.
func TestSetDoesNotWait(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.out("eth1")
		b.sleep(settle / 2)
		begin := time.Now()
		missing, wrong := b.Set(b.t.Context(), b.plan)
		if took := time.Since(begin); took > 0 || missing == nil || wrong != nil {
			t.Errorf("took %v: %v, %v", took, missing, wrong)
		}
	})
}

// TestNothingBeforeSet: a keeper without a plan touches nothing, whatever links do.
func TestNothingBeforeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(fresh())
		k := NewKeeper(w, Tell{})
		ctx, cancel := context.WithCancel(t.Context())
		go k.Run(ctx)
		k.Add(Notice{Lost: true})
		time.Sleep(time.Hour)
		cancel()
		synctest.Wait()
		if w.Links["eth0"].Up {
			t.Error("a link was set up")
		}
	})
}

// TestNoticesAreLost: then everything is applied again, whatever the links look like.
func TestNoticesAreLost(t *testing.T) {
	kept(t, named(), func(b *box) {
		b.down("eth0")
		b.up("eth0")
		b.news.take()
		b.Add(Notice{Lost: true})
		b.settle()
		b.check(t, b.plan)
		b.logged("lost", "eth0 (wan) is up again and configured")
	})
	n := newNews()
	for i := range 10 * maxDown {
		n.add(Notice{Down: i + 1})
	}
	if d := n.take(); !d.any || len(d.links) > 0 || !d.has(1) {
		t.Errorf("%d links are remembered", len(d.links))
	}
}

// TestStorm: whatever links do, the plan is applied once a second at most, and each time for all of it.
func TestStorm(t *testing.T) {
	kept(t, named(), func(b *box) {
		states, looks := b.states, b.looks
		for range 6000 {
			b.out("eth1")
			b.in("eth1")
			b.sleep(10 * time.Millisecond)
		}
		b.settle()
		b.check(t, b.plan)
		if n := b.states - states; n < 10 || n > 62 || b.looks-looks > 20*62 {
			t.Errorf("in a minute applied %d times, looked %d times", n, b.looks-looks)
		}
	})
}

// TestWhateverHappens: cards go and come, links go down and up, and in the end the plan is there.
func TestWhateverHappens(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		plan := randomPlan(r)
		kept(t, plan, func(b *box) {
			var done []string
			for range r.IntN(20) {
				name := fmt.Sprintf("eth%d", r.IntN(2))
				_, there := b.link(name)
				switch what := r.IntN(5); {
				case !there:
					b.in(name)
				case what == 0:
					b.out(name)
				case what == 1:
					b.down(name)
				case what == 2:
					b.up(name)
				}
				done = append(done, name)
				b.sleep(time.Duration(r.IntN(3)) * settle)
			}
			for _, name := range []string{"eth0", "eth1"} {
				if l, there := b.link(name); !there {
					b.in(name)
				} else if !l.Up {
					b.up(name)
				}
			}
			b.settle()
			b.check(t, plan)
			if b.missing != nil || b.wrong != nil || t.Failed() {
				t.Fatalf("missing %v, wrong %v, after %q", b.missing, b.wrong, done)
			}
		})
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
