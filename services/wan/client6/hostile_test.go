package client6

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// TestOnlyTakesBack: who takes back one thing in each answer, and says nothing of the rest, is not asked
// again at once, for days. With each answer something is stored.
func TestOnlyTakesBack(t *testing.T) {
	for _, valid := range []time.Duration{2 * time.Hour, dhcpv6.Infinite} {
		p := usual()
		p.t1, p.t2, p.pd = time.Hour/2, time.Hour, []dhcpv6.Prefix{lent("2001:db8:100::/56", valid, valid)}
		l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
		p.pd = []dhcpv6.Prefix{lent("2001:db8:99::/56", 0, 0)}
		if valid == dhcpv6.Infinite {
			l.run(24 * time.Hour).holds("2001:db8:100::/56")
		} else {
			l.run(110 * time.Minute).holds("2001:db8:100::/56")
		}
		if n := len(l.sent); n < 2 || n > 30 {
			t.Errorf("valid for %s: %d messages", valid, n)
		}
	}
}

// A hostileWorld has a provider that says another thing each time.
type hostileWorld struct {
	*lab
	p *provider
	r *rand.Rand
}

// say has the provider say something else from now on.
func (w *hostileWorld) say() {
	times := []time.Duration{
		0, time.Second, 9 * time.Second, time.Minute, time.Hour, 24 * time.Hour, dhcpv6.Infinite - time.Second, dhcpv6.Infinite,
	}
	pick := func() time.Duration { return times[w.r.IntN(len(times))] }
	prefixes := []string{
		"2001:db8:100::/56", "2001:db8:100::/64", "2001:db8:100::/48", "2001:db8:200::/56", "fe80::/64", "::/0", "2001:db8:7::/48",
		"2001:db8:300::/128", "2001:db8:100:1::/64",
	}
	w.p.pd, w.p.na = nil, nil
	for range w.r.IntN(5) {
		one := lent(prefixes[w.r.IntN(len(prefixes))], pick(), pick())
		if w.r.IntN(4) == 0 {
			s := dhcpv6.Status{Code: dhcpv6.StatusCode(w.r.IntN(8))}
			one.Options.Add(dhcpv6.OptionStatus, s.Append(nil))
		}
		w.p.pd = append(w.p.pd, one)
	}
	for range w.r.IntN(3) {
		w.p.na = append(w.p.na, dhcpv6.Address{Addr: ip("2001:db8:ff::5"), Preferred: pick(), Valid: pick()})
	}
	w.p.t1, w.p.t2, w.p.status, w.p.pdStatus, w.p.naStatus = pick(), pick(), 0, 0, 0
	if w.r.IntN(3) == 0 {
		*[]*dhcpv6.StatusCode{&w.p.status, &w.p.pdStatus, &w.p.naStatus}[w.r.IntN(3)] = dhcpv6.StatusCode(w.r.IntN(8))
	}
}

// happen has something happen on our side.
func (w *hostileWorld) happen() {
	switch w.r.IntN(8) {
	case 0:
		w.do(w.c.Carrier(w.moment(), false))
		w.run(time.Second)
		w.do(w.c.Carrier(w.moment(), true))
	case 1:
		w.do(w.c.Renew(w.moment()))
	case 2:
		w.do(w.c.Want(w.moment(), Want{Address: w.r.IntN(2) == 0, Information: w.r.IntN(2) == 0}))
	case 3:
		w.start()
	case 4:
		w.do(w.c.Duplicate(w.moment(), ip("2001:db8:ff::5")))
	case 5:
		w.do(w.c.Release(w.moment()))
		w.run(10 * time.Second)
		w.do(w.c.Renew(w.moment()))
	}
}

// look holds the lease against what one is.
func (w *hostileWorld) look() {
	l := w.c.lease
	if l == nil {
		return
	}
	if err := l.check(); err != nil || l.ends() != wan.Never && w.c.Next() > l.ends() {
		w.t.Fatalf("%v, it ends at %s: %s", err, l.ends(), w.log())
	}
	for _, d := range l.Prefixes {
		if w.conf.DisbelievePrefix(d.Prefix) != "" || d.Valid <= w.now || d.Preferred > d.Valid {
			w.t.Fatalf("%v: %s", d, w.log())
		}
	}
}

// TestHostile: whatever servers say, what is leased makes sense, and they are not asked without end. The
// shortest lease is one of ten seconds, of which the half is 5 s; beside that there are attempts that fail.
func TestHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 200 {
		w := &hostileWorld{newLab(t, usual()), nil, r}
		w.p = w.servers[0]
		w.start()
		for range 12 {
			w.say()
			before, d := len(w.sent), []time.Duration{time.Second, time.Minute, time.Hour}[r.IntN(3)]
			if w.run(d); d == time.Hour && len(w.sent)-before > 800 {
				t.Fatalf("round %d: %d messages in an hour: %+v", round, len(w.sent)-before, w.p)
			}
			w.happen()
			w.look()
		}
	}
}
