package upstream

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"golang.org/x/net/dns/dnsmessage"
)

const ms = time.Millisecond

// silent is an answer that never comes.
func silent(string, []byte) (time.Duration, [][]byte) { return 0, nil }

func TestScheduleOfTheOnlyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.53")
		h.answer = silent
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.53")}})
		began := time.Now()
		_, err := u.Ask(t.Context(), query("www.example."))
		if took := time.Since(began); took != patience {
			t.Errorf("given up after %s", took)
		}
		const why = "no server answered: 192.0.2.53: it does not answer, nor to a probe: nothing for "
		if !errors.Is(err, ErrNoAnswer) || !strings.HasPrefix(err.Error(), why) {
			t.Errorf("the error is %v", err)
		}
		want := []time.Duration{5 * ms, 405 * ms, 1205 * ms, 2805 * ms}
		if got := h.seen().asked; !slices.Equal(got, want) {
			t.Errorf("asked at %v", got)
		}
		synctest.Wait()
		if s := statusOf(t, u, "192.0.2.53"); s.State != Down || s.Error == "" || s.Unanswered == 0 {
			t.Errorf("the status is %+v", s)
		}
		// It is the only one: it is asked all the same, and believed at once.
		h.set(func() {
			h.answer = atOnce
		})
		ask(t, u, "www.example.", "")
		if s := statusOf(t, u, "192.0.2.53"); s.State != Up {
			t.Errorf("the status is %+v", s)
		}
		log := l.log.String()
		if !strings.Contains(log, "upstream failed") || !strings.Contains(log, "answers again") {
			t.Errorf("the log is\n%s", log)
		}
	})
}

func TestLatencyOrderAndHedging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		slow, fast := l.add("192.0.2.1"), l.add("192.0.2.2")
		slow.path = 30 * ms
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		ask(t, u, "a.example.", "192.0.2.2") // both are unknown, and asked
		time.Sleep(time.Second)
		for range 20 {
			if a := ask(t, u, "b.example.", "192.0.2.2"); a.Took != 10*ms {
				t.Errorf("took %s", a.Took)
			}
		}
		if n := len(slow.seen().asked); n != 1 {
			t.Errorf("the slower one was asked %d times", n)
		}
		// Slower than usual: the other is asked, and answers 60 ms later.
		fast.set(func() { fast.path = 150 * ms })
		if a := ask(t, u, "c.example.", "192.0.2.1"); a.Took <= 60*ms || a.Took > 60*ms+usualMin+15*ms {
			t.Errorf("took %s", a.Took)
		}
		time.Sleep(time.Second)
		// As it stays so slow, the other comes to be the first.
		for range 40 {
			ask(t, u, "d.example.", "")
			time.Sleep(time.Second)
		}
		if a := ask(t, u, "e.example.", "192.0.2.1"); a.Took != 60*ms {
			t.Errorf("took %s", a.Took)
		}
	})
}

// TestHedgingIsBounded has everything slower than usual at once: no more than a tenth is asked twice then.
func TestHedgingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		hosts := []*host{l.add("192.0.2.1"), l.add("192.0.2.2")}
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		for range 5 {
			ask(t, u, "a.example.", "")
			time.Sleep(time.Second)
		}
		before := 0
		for i, h := range hosts {
			before += len(h.seen().asked)
			h.set(func() {
				var slower atomic.Int64
				h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
					late := min(100+int(slower.Add(1))*(i+1), 350)
					return time.Duration(late) * ms, [][]byte{answerA(q, "192.0.2.80")}
				}
			})
		}
		const n = 300
		for range n {
			ask(t, u, "b.example.", "")
		}
		time.Sleep(time.Second)
		after := len(hosts[0].seen().asked) + len(hosts[1].seen().asked) - before
		// One more for each minute that a server was not asked in.
		if after > n+n/10+20+5 || after == n {
			t.Errorf("%d questions were asked %d times", n, after)
		}
	})
}

// TestHedgingBudget has a hedge for each ten questions, and 20 saved up at most.
func TestHedgingBudget(t *testing.T) {
	u := must1(New(servers.Config{}, Options{}))
	defer u.Close()
	hedges := func() (n int) {
		for u.hedge() {
			n++
		}
		return n
	}
	if n := hedges(); n != 20 {
		t.Errorf("%d at first", n)
	}
	for _, tc := range []struct{ questions, want int }{{9, 0}, {1, 1}, {50, 5}, {10000, 20}} {
		for range tc.questions {
			u.earn()
		}
		if n := hedges(); n != tc.want {
			t.Errorf("after %d questions %d, not %d", tc.questions, n, tc.want)
		}
	}
}

// TestSilenceWithoutHedging cuts the path to the first server when nothing may be asked twice: the first
// question waits for its second round, and those that come afterwards do not begin there.
func TestSilenceWithoutHedging(t *testing.T) {
	for _, kind := range []servers.Kind{servers.Plain, servers.TLS} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.1").secure("dns.example")
				l.add("192.0.2.2").path = 20 * ms
				first := plain("192.0.2.1")
				if kind == servers.TLS {
					first = overTLS("192.0.2.1", "dns.example")
				}
				u := l.client(servers.Config{Servers: []servers.Server{first, plain("192.0.2.2")}})
				for range 10 {
					ask(t, u, "a.example.", "")
					time.Sleep(50 * ms)
				}
				ask(t, u, "a.example.", "192.0.2.1")
				u.spare.Store(-1000)
				h.set(func() { h.cut = true })
				for i := range 20 {
					want := 40 * ms
					if i == 0 {
						want += firstRound
					}
					if a := ask(t, u, "b.example.", "192.0.2.2"); a.Took != want {
						t.Errorf("question %d took %s, not %s", i, a.Took, want)
					}
				}
			})
		})
	}
}

func TestDeadServerIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		dead, other := l.add("192.0.2.1"), l.add("192.0.2.2")
		other.path = 10 * ms
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		for range 10 {
			ask(t, u, "a.example.", "")
			time.Sleep(10 * ms)
		}
		ask(t, u, "a.example.", "192.0.2.1")
		dead.set(func() { dead.cut = true })
		began := time.Now()
		for time.Since(began) < 2*time.Second { // a question at a time, always answered soon
			if a := ask(t, u, "b.example.", "192.0.2.2"); a.Took > firstRound+20*ms {
				t.Errorf("%s after the cut an answer took %s", time.Since(began), a.Took)
			}
		}
		if s := statusOf(t, u, "192.0.2.1"); s.State != Down {
			t.Errorf("the status is %+v", s)
		}
		var slow int
		for range 100 {
			if a := ask(t, u, "c.example.", "192.0.2.2"); a.Took != 20*ms {
				slow++
			}
			time.Sleep(time.Second)
		}
		if slow > 0 {
			t.Errorf("%d of 100 were slow while the other was down", slow)
		}
		dead.set(func() { dead.cut = false })
		for range 40 {
			ask(t, u, "d.example.", "")
			time.Sleep(time.Second)
		}
		ask(t, u, "e.example.", "192.0.2.1")
		if t.Failed() {
			for _, s := range u.Status() {
				t.Logf("%s %s %s %d %s retry %s", s.Server, s.State, s.Latency, s.Asked, s.Error, s.Retry)
			}
			t.Log(l.log.String())
			t.Log(dead.seen().asked)
		}
	})
}

// TestSlowNameIsNoFailure: a resolver takes its time over a broken domain, and is asked what it knows
// meanwhile.
func TestSlowNameIsNoFailure(t *testing.T) {
	for _, kind := range []servers.Kind{servers.Plain, servers.TLS} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.53")
				s := plain("192.0.2.53")
				if kind == servers.TLS {
					h.secure("dns.example")
					s = overTLS("192.0.2.53", "dns.example")
				}
				h.answer = func(_ string, q []byte) (after time.Duration, _ [][]byte) {
					if strings.Contains(string(q), "slow") {
						after = 3 * time.Second
					}
					return after, [][]byte{answerA(q, "192.0.2.80")}
				}
				u := l.client(servers.Config{Servers: []servers.Server{s}})
				ask(t, u, "a.example.", "")
				ask(t, u, "slow.example.", "")
				synctest.Wait()
				if s := statusOf(t, u, "192.0.2.53"); s.State != Up || s.Error != "" {
					t.Errorf("the status is %+v", s)
				}
				if kind == servers.TLS && len(h.seen().dials) != 1 {
					t.Errorf("connected at %v", h.seen().dials)
				}
				if log := l.log.String(); log != "" {
					t.Errorf("the log is\n%s", log)
				}
			})
		})
	}
}

func TestBadAnswers(t *testing.T) {
	for _, rcode := range []dnsmessage.RCode{
		dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused, dnsmessage.RCodeFormatError,
		dnsmessage.RCodeNotImplemented,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			bad, good := l.add("192.0.2.1"), l.add("192.0.2.2")
			refuse := func(_ string, q []byte) (time.Duration, [][]byte) {
				return 0, [][]byte{respond(q, rcode, nil)}
			}
			bad.answer = refuse
			good.path = 20 * ms
			u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
			ask(t, u, "a.example.", "192.0.2.2")
			// When all say so, it is the answer.
			good.set(func() { good.answer = refuse })
			a, err := u.Ask(t.Context(), query("b.example."))
			if err != nil || a.Message[3]&maskRcode != byte(rcode) || a.Took > 100*ms {
				t.Errorf("%v: %x after %s, %v", rcode, a.Message, a.Took, err)
			}
			// When the other does not answer, it is the answer after a while; when it is known to be down,
			// at once.
			good.set(func() { good.answer = silent })
			for i := range 10 {
				a, err := u.Ask(t.Context(), query("c.example."))
				if err != nil || a.Took > time.Second || i == 9 && a.Took > 10*ms {
					t.Errorf("%v: %x after %s, %v", rcode, a.Message, a.Took, err)
				}
			}
		})
	}
}

func TestReferralIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.add("192.0.2.1").answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			return 0, [][]byte{respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
				m.RecursionAvailable = false
				m.Authorities = []dnsmessage.Resource{{
					Header: recordA(dnsmessage.MustNewName("example."), "192.0.2.1").Header,
					Body:   &dnsmessage.NSResource{NS: dnsmessage.MustNewName("ns.example.")},
				}}
			})}
		}
		l.add("192.0.2.2").path = 50 * ms
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		for range 3 {
			ask(t, u, "a.example.", "192.0.2.2")
		}
		alone := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		if a, err := alone.Ask(t.Context(), query("a.example.")); err != nil || a.Message[3]&15 != rcodeServFail {
			t.Errorf("alone: %x, %v", a.Message, err)
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1")
		h.answer = silent
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		errs := make(chan error, maxAsking)
		for range maxAsking {
			go func() {
				_, err := u.Ask(t.Context(), query("a.example."))
				errs <- err
			}()
		}
		synctest.Wait()
		if _, err := u.Ask(t.Context(), query("a.example.")); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		for time.Since(l.start) < 3*time.Second {
			if s := statusOf(t, u, "192.0.2.1"); s.InFlight > maxInFlight+1 { // and a probe
				t.Fatalf("%d in flight", s.InFlight)
			}
			time.Sleep(50 * ms)
		}
		for range maxAsking {
			if err := <-errs; !errors.Is(err, ErrNoAnswer) {
				t.Errorf("one of many: %v", err)
			}
		}
		u2 := l.client(servers.Config{})
		if _, err := u2.Ask(t.Context(), query("a.example.")); !errors.Is(err, ErrNoServer) {
			t.Errorf("without servers: %v", err)
		}
	})
}

func TestForwarding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		for _, a := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"} {
			l.add(a)
		}
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}, Forward: []servers.Forward{
			{Domain: "Corp.example", Servers: []servers.Server{plain("192.0.2.2")}},
			{Domain: "lab.corp.example.", Servers: []servers.Server{plain("192.0.2.3")}},
			{Domain: "168.192.in-addr.arpa", Servers: []servers.Server{plain("192.0.2.4")}},
		}})
		for name, want := range map[string]string{
			"www.example.": "192.0.2.1", "corp.example.": "192.0.2.2", "a.CORP.example.": "192.0.2.2",
			"xcorp.example.": "192.0.2.1", "a.b.lab.corp.example.": "192.0.2.3",
			"1.32.168.192.in-addr.arpa.": "192.0.2.4",
			"1.2.0.192.in-addr.arpa.":    "192.0.2.1", ".": "192.0.2.1",
		} {
			ask(t, u, name, want)
		}
		s := statusOf(t, u, "192.0.2.3")
		if !slices.Equal(s.Domains, []string{"lab.corp.example"}) || s.Port != 53 {
			t.Errorf("the status is %+v", s)
		}
	})
}
