package ntp_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
)

// by is a server's error that is always the same.
func by(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

// between tells whether a moment is in some part of a run.
func between(from, to time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at >= from && at < to }
}

// zoo is two good servers, and one of each that is not.
func zoo() (servers []*ntptest.Server, bad []*ntptest.Server) {
	good1, good2 := path(1, 5*time.Millisecond, time.Millisecond), path(2, 8*time.Millisecond, time.Millisecond)
	liar := path(3, time.Millisecond, 100*time.Microsecond)
	liar.Offset = by(3 * time.Second)
	dead := path(4, time.Millisecond, 0)
	dead.Down = always(true)
	jumps := path(5, 2*time.Millisecond, time.Millisecond)
	jumps.Offset = func(at time.Duration) time.Duration {
		if int(at.Hours())%2 == 1 {
			return 400 * time.Second
		}
		return 0
	}
	lame := path(6, 5*time.Millisecond, time.Millisecond)
	lame.Back += 200 * time.Millisecond
	lost := path(7, time.Millisecond, 0)
	lost.Unsynced = true
	return []*ntptest.Server{good1, good2, liar, dead, jumps, lame, lost}, []*ntptest.Server{liar, dead, lost, jumps}
}

func always(b bool) func(time.Duration) bool { return func(time.Duration) bool { return b } }

// No falseticker is followed, whatever else happens: 4 worlds, each 33 hours with the zoo.
func TestNoLiarIsFollowed(t *testing.T) {
	worst, when := 0.0, time.Duration(0)
	for seed := range uint64(4) {
		servers, bad := zoo()
		if seed%2 == 1 { // all but the liar are away for hours: it alone answers
			for _, i := range []int{0, 1, 4, 5} {
				servers[i].Down = between(26*time.Hour, 31*time.Hour)
			}
		}
		for _, s := range servers {
			s.Loss = 0.05
		}
		w := ntptest.New(t, seed, sources(len(servers)), crystal, 5*time.Minute, discipline.Kept{}, servers...)
		limit := 20 * time.Millisecond
		w.Watch = func(at time.Duration) {
			if at < 10*time.Second {
				return
			}
			if e := w.Error(); e > limit || e < -limit {
				t.Fatalf("seed %d: after %v the time is %v wrong: %+v", seed, at, e, w.Client.Status(w.Now().Free))
			}
			if e := max(w.Error(), -w.Error()).Seconds(); e > worst {
				worst, when = e, at
			}
			if at/time.Second%60 != 0 {
				return
			}
			for _, s := range w.Client.Status(w.Now().Free).Servers {
				is := func(b *ntptest.Server) bool { return b.Addr == s.Addr && (b.Offset == nil || b.Offset(at) != 0) }
				if s.Why == client.Used && s.Offset > 10*time.Millisecond && slices.ContainsFunc(bad, is) {
					t.Fatalf("seed %d: after %v %v is used, which is %v off", seed, at, s.Addr, s.Offset)
				}
			}
		}
		w.Run(33 * time.Hour)
	}
	t.Logf("the worst error of all was %.0f µs, after %v", worst*1e6, when)
}

// One of two that disagree is never followed, and what is wrong is said.
func TestTwoThatDisagree(t *testing.T) {
	liar := path(2, time.Millisecond, time.Millisecond)
	liar.Offset = by(time.Second)
	w := ntptest.New(t, 1, sources(2), crystal, time.Hour, discipline.Kept{}, path(1, 5*time.Millisecond, time.Millisecond), liar)
	w.Run(time.Hour)
	st := w.Client.Status(w.Now().Free)
	if len(w.Steps) != 0 || st.State != client.NoMajority || w.Discipline.Report(w.Now()).Synchronised {
		t.Errorf("steps %v, %v", w.Steps, st.State)
	}
	for _, s := range st.Servers {
		if s.Why != client.NoVote {
			t.Errorf("%v %v", s.Addr, s.Why)
		}
	}
}

// Who answers first is not followed while most have not been heard, and have had no time to be.
func TestLiarIsFirst(t *testing.T) {
	servers := three()
	servers[0].Offset = by(time.Hour)
	servers[1].Down, servers[2].Down = between(0, 8*time.Second), between(0, 8*time.Second)
	w := ntptest.New(t, 2, sources(3), crystal, 0, discipline.Kept{}, servers...)
	w.Watch = func(at time.Duration) {
		if w.Error().Abs() > 10*time.Millisecond {
			t.Fatalf("after %v the time is %v wrong", at, w.Error())
		}
	}
	w.Run(time.Hour)
	if r := w.Discipline.Report(w.Now()); !r.Synchronised {
		t.Errorf("%+v", w.Client.Status(w.Now().Free))
	}
}

// Whys of the zoo, as people are told.
func TestWhys(t *testing.T) {
	servers, _ := zoo()
	w := ntptest.New(t, 3, sources(len(servers)), crystal, 0, discipline.Kept{}, servers...)
	w.Run(90 * time.Minute)
	want := []client.Why{
		client.Used, client.Used, client.Falseticker, client.Unheard, client.Falseticker, client.OutOfMeasure, client.Unsynced,
	}
	for i, s := range w.Client.Status(w.Now().Free).Servers {
		if s.Why != want[i] {
			t.Errorf("%v: %v, want %v", s.Addr, s.Why, want[i])
		}
	}
}

// A lone server that jumps is followed once it has said so three times; one of three never.
func TestServerJumps(t *testing.T) {
	for _, n := range []int{1, 3} {
		var servers []*ntptest.Server
		for i := range n {
			servers = append(servers, path(i+1, 5*time.Millisecond, time.Millisecond))
		}
		servers[0].Offset = func(at time.Duration) time.Duration {
			if at > 6*time.Hour {
				return 400 * time.Second
			}
			return 0
		}
		w := ntptest.New(t, 5, sources(n), crystal, 0, discipline.Kept{}, servers...)
		w.Run(7 * time.Hour)
		if followed := w.Error() > 399*time.Second; followed != (n == 1) {
			t.Errorf("%d servers: the time is %v off", n, w.Error())
		}
	}
}

// A dead clock becomes right within 5 seconds, wherever it stood.
func TestDeadClock(t *testing.T) {
	for _, start := range []string{"1970-01-01T00:00:10Z", "2099-06-01T00:00:00Z", "2026-11-28T23:59:00Z"} {
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		for _, dead := range []bool{false, true} {
			s := []*ntptest.Server{path(1, 10*time.Millisecond, time.Millisecond), path(2, 10*time.Millisecond, time.Millisecond),
				path(3, 10*time.Millisecond, time.Millisecond)}
			s[0].Down = always(dead)
			w := ntptest.New(t, 1, sources(3), crystal, time.Duration(at.UnixNano()-ntptest.Start), discipline.Kept{}, s...)
			w.Run(5 * time.Second)
			if e := w.Error(); e > 10*time.Millisecond || e < -10*time.Millisecond || !w.Discipline.Report(w.Now()).Synchronised {
				t.Errorf("from %s, one dead %v: %v off after 5 s, %v", start, dead, e, w.Client.Status(w.Now().Free))
			}
		}
	}
}

// A server whose clock is before the program was built is no time, and not one of the next era.
func TestBeforeBuilt(t *testing.T) {
	s := path(1, time.Millisecond, 0)
	s.Offset = by(-40 * 365 * 24 * time.Hour)
	w := ntptest.New(t, 1, ntp.Config{Sources: sources(1).Sources}, crystal, 0, discipline.Kept{}, s)
	w.Run(time.Hour)
	st := w.Client.Status(w.Now().Free)
	if len(w.Steps) != 0 || st.Servers[0].Counts.Bad == 0 || st.State != client.Starting && st.State != client.NoAnswers {
		t.Errorf("%v, %+v", w.Steps, st)
	}
}
