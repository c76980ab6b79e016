package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// A wrongClock says 1970 when a lab begins, until it is set.
type wrongClock struct{ set atomic.Bool }

func (c *wrongClock) now() time.Time {
	if c.set.Load() {
		return time.Now()
	}
	return time.Now().AddDate(-30, 0, 0)
}

// withoutClock returns a client of a box whose clock is wrong.
func (l *lab) withoutClock(asked ...servers.Server) (*Client, *wrongClock) {
	l.t.Helper()
	clock := &wrongClock{}
	u := must1(New(servers.Config{Servers: asked}, Options{
		Dial: l.dial, Now: clock.now, Epoch: l.start.AddDate(-1, 0, 0), Roots: l.ca.roots,
		Log: slog.New(slog.NewTextHandler(&l.log, nil)),
	}))
	l.t.Cleanup(u.Close)
	return u, clock
}

// TestDatesWithoutClock has a box whose clock says 1970: of certificates only the dates are not looked at.
func TestDatesWithoutClock(t *testing.T) {
	const day = 24 * time.Hour
	own := func(name string, from, to time.Duration) func(l *lab) *tls.Certificate {
		return func(l *lab) *tls.Certificate { return l.ca.issue(l.t, name, l.start.Add(from), l.start.Add(to)) }
	}
	for _, tc := range []struct {
		name  string
		issue func(l *lab) *tls.Certificate
		want  string
	}{
		{"valid now", own("resolver.example", -day, day), ""},
		{"valid for years before the box was made", own("resolver.example", -3000*day, day), ""},
		{"expired since the box was made", own("resolver.example", -30*day, -day), ""},
		{"not valid yet", own("resolver.example", 30*day, 60*day), ""},
		{"expired before the box was made", own("resolver.example", -800*day, -700*day),
			"expired on 1998-01-31 00:00, when this box's software was not made yet"},
		{"another name", own("dns.example", -day, day), "is for dns.example, not resolver.example"},
		{"another authority", func(l *lab) *tls.Certificate {
			return newAuthority(l.t, l.start).issue(l.t, "resolver.example", l.start.Add(-day), l.start.Add(day))
		}, `is signed by "CN=Test CA", whom this box does not trust`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.53").secure("unused.example")
				h.cert = tc.issue(l)
				u, _ := l.withoutClock(overTLS("192.0.2.53", "resolver.example"))
				_, err := u.Ask(t.Context(), query("a.example."))
				switch s := statusOf(t, u, "192.0.2.53"); {
				case !s.Clock:
					t.Error("the status does not say that the clock is wrong")
				case tc.want == "" && (err != nil || s.State != Up || !strings.Contains(l.log.String(), "the clock is wrong")):
					t.Errorf("%v, %s; the log is %q", err, s.State, l.log.String())
				case tc.want != "" && (err == nil || s.Error != "certificate of 192.0.2.53 "+tc.want || errors.Is(err, ErrClock)):
					t.Errorf("%v; the status is %q", err, s.Error)
				}
			})
		})
	}
}

// TestClockBecomesRight has connections that were made without a clock end with the first question after it
// is right, and what is outstanding on them asked again. A certificate that has expired is found out then.
func TestClockBecomesRight(t *testing.T) {
	for _, expired := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			h := l.add("192.0.2.53").secure("resolver.example")
			if expired {
				h.cert = l.ca.issue(t, "resolver.example", l.start.AddDate(0, -1, 0), l.start.Add(-time.Hour))
			}
			h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
				return 300 * ms, [][]byte{respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
					m.AuthenticData = true
					m.Answers = []dnsmessage.Resource{recordA(m.Questions[0].Name, "192.0.2.80")}
				})}
			}
			u, clock := l.withoutClock(overTLS("192.0.2.53", "resolver.example"))
			authentic := func(a Answer) bool { return a.Message[3]&0x20 != 0 }
			if authentic(ask(t, u, "a.example.", "")) {
				t.Error("AD is believed of a server whose certificate may be old")
			}
			results := make(chan error, 2)
			for _, name := range []string{"b.example.", "c.example."} { // one before, one after
				go func() {
					_, err := u.Ask(t.Context(), query(name))
					results <- err
				}()
				time.Sleep(100 * ms)
				clock.set.Store(true)
			}
			for range 2 {
				if err := <-results; (err != nil) != expired || expired && !errors.Is(err, ErrClock) {
					t.Errorf("expired %v: %v", expired, err)
				}
			}
			if s := statusOf(t, u, "192.0.2.53"); s.Clock || (s.State == Down) != expired {
				t.Errorf("expired %v: the status is %+v", expired, s)
			}
			if !expired {
				if !authentic(ask(t, u, "d.example.", "")) {
					t.Error("AD is not believed though the clock is right")
				}
				if seen := h.seen(); len(seen.dials) != 2 || seen.open != 1 {
					t.Errorf("%d connections were made, %d are open", len(seen.dials), seen.open)
				}
			}
		})
	}
}

// TestClockBecomesRightMeanwhile has the clock become right while connections are being made.
func TestClockBecomesRightMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.53").secure("resolver.example")
		h.path = 100 * ms
		u, clock := l.withoutClock(overTLS("192.0.2.53", "resolver.example"))
		results := make(chan error, 3)
		for n := range 3 {
			go func() {
				_, err := u.Ask(t.Context(), query(fmt.Sprintf("a%d.example.", n)))
				results <- err
			}()
			time.Sleep(150 * ms)
			clock.set.Store(true)
		}
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		u.table.Load().all[0].mu.Lock()
		defer u.table.Load().all[0].mu.Unlock()
		for _, s := range u.table.Load().all[0].streams {
			if s.undated {
				t.Error("a connection is left whose certificate was not looked at")
			}
		}
	})
}

// TestUnsetClock has a box whose clock others are to set: it is believed where it agrees with a certificate,
// and no longer where it does not once it is set.
func TestUnsetClock(t *testing.T) {
	for _, tc := range []struct {
		name    string
		years   int // how far the clock is ahead
		undated bool
	}{{"right", 0, false}, {"of when the box was made", -1, true}, {"of the next century", 73, true}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.add("192.0.2.53").secure("unused.example").cert = l.ca.issue(t, "resolver.example", l.start.AddDate(0, -1, 0), l.start.AddDate(0, 1, 0))
				var set atomic.Bool
				u := must1(New(servers.Config{Servers: []servers.Server{overTLS("192.0.2.53", "resolver.example")}}, Options{
					Dial: l.dial, Epoch: l.start.AddDate(-1, 0, 0), Roots: l.ca.roots, Log: slog.New(slog.NewTextHandler(&l.log, nil)),
					Unset: func() bool { return !set.Load() },
					Now: func() time.Time {
						if set.Load() {
							return time.Now()
						}
						return time.Now().AddDate(tc.years, 0, 0)
					},
				}))
				t.Cleanup(u.Close)
				ask(t, u, "a.example.", "")
				if s := statusOf(t, u, "192.0.2.53"); s.Clock != tc.undated {
					t.Errorf("the status is %+v; the log is %q", s, l.log.String())
				}
				set.Store(true)
				ask(t, u, "b.example.", "")
				if s := statusOf(t, u, "192.0.2.53"); s.Clock || s.Connections != 1 {
					t.Errorf("with the clock set the status is %+v", s)
				}
			})
		})
	}
}
