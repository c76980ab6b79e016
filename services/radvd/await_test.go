package radvd

import (
	"net/netip"
	"testing"
	"time"
)

// awaiting is a LAN that may yet have what a provider delegates.
func awaiting(prefixes ...Prefix) Link {
	l := lan(prefixes...)
	l.Awaited = true
	return l
}

// startAgain has a lab whose hosts hold prefix 1 lose power, and start with a LAN that awaits what is
// delegated.
func startAgain(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, lan(steady(1)))
	l.run(time.Minute)
	l.take()
	l.now, l.last = time.Second, Never
	l.conf = Config{Links: []Link{awaiting(steady(9))}}
	l.start()
	return l
}

// TestAwaited: what was delegated before the start is neither promised nor taken back while it is asked for.
func TestAwaited(t *testing.T) {
	for _, c := range []struct {
		name string
		then Link // what is delegated after a second and a half
		left time.Duration
	}{
		{"the same", lan(steady(9), steady(1)), DefaultPreferred},
		{"another", lan(steady(9), steady(2)), 0},
		{"none", lan(steady(9)), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := startAgain(t)
			l.run(1500 * time.Millisecond)
			if got := l.take(); len(got) > 0 {
				t.Fatalf("everybody is told before it is known: %+v", got[0].set)
			}
			if old := l.house.Status(l.now, l.conf)[0].Old; len(old) > 0 {
				t.Errorf("gone already: %v", old)
			}
			l.reconfigure(c.then)
			l.step()
			h := l.one("at once")
			if p := h.prefix(network(1)); p == nil || p.Preferred != c.left {
				t.Errorf("prefix 1 is said as %+v, want preferred %s", p, c.left)
			}
			if p := h.prefix(network(9)); p == nil || p.Preferred == 0 {
				t.Errorf("prefix 9 is said as %+v", p)
			}
		})
	}
}

// TestAwaitedInVain: the wait is bounded, whatever else is configured meanwhile, and whoever asks is
// answered.
func TestAwaitedInVain(t *testing.T) {
	l := startAgain(t)
	began := l.now
	l.do(l.house.Solicited(l.now, "lan", host))
	if h := l.one("a host asks"); h.to != host || h.prefix(network(1)) != nil || h.prefix(network(9)) == nil {
		t.Errorf("%s is told %+v", h.to, h.set)
	}
	l.do(l.house.Solicited(l.now, "lan", netip.IPv6Unspecified()))
	l.run(3 * time.Second)
	l.reconfigure(awaiting(steady(9), steady(3)))
	l.run(AwaitMost - 3*time.Second - 1)
	if got := l.take(); len(got) > 0 {
		t.Fatalf("everybody is told at %s: %+v", got[0].at-began, got[0].set)
	}
	l.run(1)
	h := l.one("at the end")
	if p := h.prefix(network(1)); h.at != began+AwaitMost || p == nil || p.Valid != 0 || h.prefix(network(3)) == nil {
		t.Errorf("after %s: %+v", h.at-began, h.set)
	}
	// A client that asks again later is no reason to fall silent.
	l.run(time.Hour)
	l.take()
	l.reconfigure(lan(steady(9), steady(3)))
	l.run(minGap)
	l.take()
	l.reconfigure(awaiting(steady(9)))
	l.step()
	if p := l.one("lost").prefix(network(3)); p == nil || p.Preferred != 0 {
		t.Errorf("prefix 3 is said as %+v", p)
	}
}

// TestNothingAwaited: without a prefix that hosts hold there is nothing to wait for; and who stops while he
// waits takes nothing back.
func TestNothingAwaited(t *testing.T) {
	l := newLab(t, awaiting(steady(9)))
	l.step()
	if h := l.one("at once"); h.at != l.now {
		t.Errorf("%+v", h)
	}
	l = startAgain(t)
	l.house.Stop(l.now)
	l.step()
	if h := l.one("the last"); h.first().Lifetime != 0 || h.prefix(network(1)) != nil || !l.house.Stopped() {
		t.Errorf("%+v", h.set)
	}
}
