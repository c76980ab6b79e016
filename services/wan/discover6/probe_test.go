package discover6

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// worst is how long a router may be silent until it is no way out.
const worst = probeEvery + maxLost*probeWait

// in fails the test unless this router is in use.
func (l *lab) in(when string, want netip.Addr) *lab {
	l.t.Helper()
	if got := l.h.What().Said.Gateway; got != want {
		l.t.Fatalf("%s: router %s, want %s: %+v", when, got, want, l.h.Status().Routers)
	}
	return l
}

// TestSilentRouter: a router that has answered and does not any more is no way out, and is one again as soon
// as it answers; all else that it said stays.
func TestSilentRouter(t *testing.T) {
	l := newLab(t)
	l.answer[first] = true
	l.hear(first, usual()).run(15 * time.Minute).told("router6")
	if n := len(l.probed); n < 85 || n > 95 {
		t.Errorf("asked %d times in 15 minutes", n)
	}
	l.answer[first] = false
	l.run(maxLost*probeWait).in("a moment later", first)
	l.probed = nil
	l.run(worst-maxLost*probeWait).in("silent", netip.Addr{}).told("norouter6")
	s := l.h.What().Said
	if s.MTU != 1492 || len(s.Addrs) != 1 || len(s.DNS) != 1 {
		t.Errorf("%+v", s)
	}
	if r := l.h.Status().Routers; len(r) != 1 || r[0].InUse || r[0].Silent < l.now-worst || !r[0].Answers {
		t.Errorf("%+v", r)
	}
	l.probed = nil
	l.run(10 * time.Minute).told("")
	if n := len(l.asked); n < 5 || n > 10 { // RFC 7559: there may be another
		t.Errorf("routers were asked %d times", n)
	}
	if n := len(l.probed); n < 590 || n > 610 {
		t.Errorf("a silent router was asked %d times in 10 minutes", n)
	}
	l.answer[first] = true
	l.run(probeWait).in("back", first)
	if e := l.events[len(l.events)-1]; e.Name != Router6 || !strings.HasSuffix(e.Text, "fe80::1 answers again") {
		t.Errorf("%+v", e)
	}
	// A loss or two mean nothing.
	l.hear(first, usual())
	l.events = nil
	for range 50 {
		l.answer[first] = false
		l.run((maxLost - 1) * probeWait)
		l.answer[first] = true
		l.run(7 * time.Second)
	}
	l.told("")
	// Its lifetime ends it, whether or not it answers.
	l.answer[first] = false
	l.run(30 * time.Minute)
	if r := l.h.Status().Routers; len(r) != 0 {
		t.Errorf("%+v", r)
	}
	l.probed = nil
	l.run(time.Hour)
	if len(l.probed) != 0 {
		t.Errorf("nobody was asked %d times", len(l.probed))
	}
}

// TestAdvertisedAgain: a silent router that advertises itself is back, and if it then answers nobody it is as
// one that never did.
func TestAdvertisedAgain(t *testing.T) {
	l := newLab(t)
	l.answer[first] = true
	l.hear(first, usual()).run(time.Minute)
	l.answer[first] = false
	l.run(worst).in("silent", netip.Addr{})
	l.hear(first, usual()).in("advertised", first).run(20*time.Minute).in("it never answers", first)
	l.answer[first] = true
	l.run(2 * probeEvery)
	l.answer[first] = false
	l.run(worst).in("silent again", netip.Addr{})
	l.hear(first, advert.Advertisement{}).in("no more", netip.Addr{})
	if r := l.h.Status().Routers; len(r) != 0 {
		t.Errorf("%+v", r)
	}
	l.do(l.h.Answered(l.now, first)) // whoever that is
	l.in("nobody's answer", netip.Addr{})
}

// TestNeverAnswers: a router that forwards and answers no solicitation is a way out.
func TestNeverAnswers(t *testing.T) {
	l := newLab(t).hear(first, usual()).run(29*time.Minute).in("mute", first)
	if n := len(l.probed); n < 170 || n > 180 {
		t.Errorf("asked %d times in 29 minutes", n)
	}
}

// TestNextRouter: of two routers the one that is there is in use, whatever they prefer.
func TestNextRouter(t *testing.T) {
	l := newLab(t)
	l.answer[first], l.answer[second] = true, true
	best := usual()
	best.Preference = advert.High
	l.hear(first, best).hear(second, usual()).run(time.Minute).in("both", first)
	l.answer[first] = false
	l.run(worst).in("the better one is silent", second)
	l.answer[second] = false
	l.run(worst).in("both are", netip.Addr{})
	l.answer[second] = true
	l.run(probeWait).in("one is back", second)
	l.answer[first] = true
	l.run(probeWait).in("both are", first)
}

// TestNoCarrier: without carrier there is no router after three seconds; with it there is one at once, if it
// is one that answers nobody, else as soon as it answers.
func TestNoCarrier(t *testing.T) {
	for _, answers := range []bool{true, false} {
		l := newLab(t)
		l.answer[first] = answers
		l.hear(first, usual()).run(time.Minute)
		down, up := func() { l.do(l.h.Carrier(l.now, false)) }, func() { l.do(l.h.Carrier(l.now, true)) }
		l.events, l.probed = nil, nil
		for range 10 { // a bad plug
			down()
			l.run(2 * time.Second)
			up()
			l.run(time.Second)
		}
		l.told("")
		down()
		l.probed = nil
		l.run(maxLost*probeWait-1).in("a moment", first).run(1).in("cut", netip.Addr{})
		if e := l.events[len(l.events)-1]; !strings.HasSuffix(e.Text, "there is no carrier") {
			t.Errorf("%+v", e)
		}
		l.run(time.Minute)
		if len(l.probed) != 0 {
			t.Errorf("asked %d times without carrier", len(l.probed))
		}
		l.answer[first] = false
		up()
		if l.run(5 * time.Second); answers {
			l.in("it does not answer yet", netip.Addr{})
			l.answer[first] = true
			l.run(probeWait)
		}
		l.in("back", first)
	}
}

// A station is a router of the model: up and down, answering or mute.
type station struct {
	addr     netip.Addr
	up, mute bool
	upAt     time.Duration // since when it is so
}

// TestRoutersComeAndGo: whatever routers do, one that answers is no way out for longer than worst after its
// end, and no router that is there is kept from being one for longer than a second.
func TestRoutersComeAndGo(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 7))
		l := newLab(t)
		all := []*station{{addr: first}, {addr: second}, {addr: netip.MustParseAddr("fe80::3"), mute: true}}
		for range 400 {
			s := all[r.IntN(len(all))]
			switch r.IntN(4) {
			case 0:
				s.up, s.upAt = !s.up, l.now
				l.answer[s.addr] = s.up && !s.mute
				fallthrough // it says so when it comes
			case 1:
				if s.up {
					l.hear(s.addr, usual())
				}
			}
			l.run(time.Duration(r.Int64N(int64(20 * time.Second))))
			l.judge(seed, all)
		}
	}
}

// judge holds what the host says against the stations.
func (l *lab) judge(seed uint64, all []*station) {
	l.t.Helper()
	g := l.h.What().Said.Gateway
	there := false
	for _, s := range all {
		long := l.now - s.upAt
		if s.addr == g && !s.up && !s.mute && long > worst {
			l.t.Fatalf("seed %d, at %s: %s is in use, and is gone for %s", seed, l.now, g, long)
		}
		there = there || s.up && long > time.Second
	}
	if there && g == (netip.Addr{}) {
		l.t.Fatalf("seed %d, at %s: no router: %+v of %+v", seed, l.now, l.h.Status().Routers, all)
	}
	if n := len(l.probed); n > 0 && int64(n) > int64(l.now/time.Second)*int64(len(all))+int64(len(all)) {
		l.t.Fatalf("seed %d: %d probes in %s", seed, n, l.now)
	}
	if at := l.h.Next(); at <= l.now || at > l.now+probeEvery && g.IsValid() && at != wan.Never {
		l.t.Fatalf("seed %d: next at %s, it is %s", seed, at, l.now)
	}
}
