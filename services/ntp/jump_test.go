package ntp_test

import (
	"math"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// three good servers.
func three() []*ntptest.Server {
	return []*ntptest.Server{path(1, 5*time.Millisecond, time.Millisecond), path(2, 6*time.Millisecond, time.Millisecond),
		path(3, 7*time.Millisecond, time.Millisecond)}
}

// near fails the test unless the time of day is right.
func near(t *testing.T, w *ntptest.World, limit time.Duration) {
	t.Helper()
	if e := w.Error(); e > limit || e < -limit {
		t.Errorf("after %v the time is %v wrong: steps %v, jumps %v, %+v", w.At(), e, w.Steps, w.Jumps, w.Client.Status(w.Now().Free))
	}
}

// A machine that stood still is right within 5 seconds of the first answer, and as exact as before in an
// hour, whether its time of day was set from the hypervisor's, or went on from where it stood.
func TestRestore(t *testing.T) {
	for _, injected := range []bool{true, false} {
		for _, n := range []int{1, 3} {
			w := ntptest.New(t, 3, sources(n), crystal, 0, discipline.Kept{}, three()[:n]...)
			w.Run(8 * time.Hour)
			w.Suspend(10*time.Minute, injected)
			asked := w.At()
			if !injected { // nothing tells of it but the next answer
				for n := len(w.Servers[0].Asked); len(w.Servers[0].Asked) == n && w.At() < asked+time.Hour; {
					w.Run(w.At() + 100*time.Millisecond)
				}
			}
			w.Run(w.At() + 5*time.Second + 100*time.Millisecond)
			near(t, w, 10*time.Millisecond)
			w.Run(w.At() + time.Hour)
			near(t, w, time.Millisecond)
			if (len(w.Jumps) != 0) != injected {
				t.Errorf("injected %v: jumps %v", injected, w.Jumps)
			}
		}
	}
}

// A machine that stood still with its time of day is told that it did: nobody is told a wrong time, and it is
// right within 5 seconds. What the clocks show too is measured once.
func TestRestoreTold(t *testing.T) {
	for _, injected := range []bool{true, false} {
		for _, n := range []int{1, 3} {
			w := ntptest.New(t, 3, sources(n), crystal, 0, discipline.Kept{}, three()[:n]...)
			w.Run(8 * time.Hour)
			asked := len(w.Servers[0].Asked)
			w.Suspend(10*time.Minute, injected)
			w.Restored()
			for end := w.At() + 5*time.Second; w.At() < end; w.Run(w.At() + 10*time.Millisecond) {
				if r := w.Discipline.Report(w.Now()); r.Synchronised && w.Error().Abs() > 10*time.Millisecond {
					t.Fatalf("injected %v: %v wrong, and said to be right", injected, w.Error())
				}
				if at := w.At() - end + 5*time.Second; at == time.Second {
					w.Restored() // told twice
				}
			}
			near(t, w, 10*time.Millisecond)
			if r := w.Discipline.Report(w.Now()); !r.Synchronised || len(w.Jumps) != 1 {
				t.Errorf("injected %v: synchronised %v, jumps %v", injected, r.Synchronised, w.Jumps)
			}
			if asked = len(w.Servers[0].Asked) - asked; asked > 4 {
				t.Errorf("%d questions in 5 seconds", asked)
			}
		}
	}
}

// Two restores soon after the start, as the machine counts, find the time as fast as one: the free clock
// stands still between them, so nothing is known of how long nobody was asked.
func TestRestoredTwice(t *testing.T) {
	w := ntptest.New(t, 3, sources(1), crystal, 0, discipline.Kept{}, three()[:1]...)
	for range 2 {
		w.Run(w.At() + 40*time.Second)
		near(t, w, 20*time.Millisecond)
		w.Suspend(10*time.Minute, false)
		w.Restored()
		w.Run(w.At() + 5*time.Second)
		near(t, w, 20*time.Millisecond)
	}
}

// A time of day that a person sets is noticed within two seconds, and set back.
func TestSetByOthers(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, 20 * time.Millisecond, 10 * 365 * 24 * time.Hour} {
		w := ntptest.New(t, 4, sources(3), crystal, 0, discipline.Kept{}, three()...)
		w.Run(3 * time.Hour)
		w.Set(by)
		w.Run(w.At() + 2*time.Second)
		if len(w.Jumps) != 1 {
			t.Errorf("set by %v: after two seconds jumps %v", by, w.Jumps)
		}
		w.Run(w.At() + 8*time.Second)
		near(t, w, 6*time.Millisecond)
		if len(w.Jumps) != 1 || (w.Jumps[0]-by).Abs() > time.Millisecond {
			t.Errorf("set by %v: jumps %v", by, w.Jumps)
		}
	}
}

// A machine that is moved to another crystal, and is told nothing of it, is right again within two polls.
func TestMoved(t *testing.T) {
	w := ntptest.New(t, 12, sources(3), crystal, 0, discipline.Kept{}, three()...)
	w.Run(12 * time.Hour)
	w.Move(60e-6)
	w.Run(w.At() + 40*time.Minute)
	near(t, w, 5*time.Millisecond)
	w.Run(w.At() + 2*time.Hour)
	near(t, w, time.Millisecond)
}

// Without a network the clock goes on by itself, says how wrong it may be, and is right again soon after.
func TestOutage(t *testing.T) {
	w := ntptest.New(t, 5, sources(3), crystal, 0, discipline.Kept{}, three()...)
	w.Run(12 * time.Hour)
	w.Offline = true
	w.Watch = func(at time.Duration) {
		r := w.Discipline.Report(w.Now())
		if bound := r.RootDelay/2 + r.RootDispersion; r.Synchronised && w.Error().Abs() > bound {
			t.Fatalf("after %v it is %v wrong, and says %v at most", at, w.Error(), bound)
		}
	}
	w.Run(24 * time.Hour)
	near(t, w, 100*time.Millisecond)
	if r := w.Discipline.Report(w.Now()); !r.Synchronised || r.RootDispersion < 600*time.Millisecond {
		t.Errorf("after 12 hours: %+v", r)
	}
	w.Run(50 * time.Hour)
	if r := w.Discipline.Report(w.Now()); r.Synchronised || r.Leap != wire.LeapUnknown || r.Stratum != wire.StratumNone {
		t.Errorf("after 38 hours: %+v", r)
	}
	w.Offline = false
	steps := len(w.Steps)
	for _, a := range w.Client.Online(w.Now().Free) {
		w.Act(a)
	}
	w.Run(w.At() + 10*time.Second)
	if r := w.Discipline.Report(w.Now()); !r.Synchronised {
		t.Errorf("with a network for 10 s: %+v, %+v", r, w.Client.Status(w.Now().Free))
	}
	w.Run(w.At() + time.Hour)
	near(t, w, 2*time.Millisecond)
	if len(w.Steps) != steps {
		t.Errorf("stepped by %v", w.Steps[steps:])
	}
}

// A leap second is no jump, and the time is right before and after it; be it one more or one less.
func TestLeapSecond(t *testing.T) {
	// The last day of November 2026: the world begins at 0:00 on the 29th.
	const midnight = 48 * time.Hour
	for leap, shift := range map[wire.Leap]time.Duration{wire.LeapInsert: -time.Second, wire.LeapDelete: time.Second} {
		servers := three()
		for _, s := range servers {
			s.LeapAt, s.Deleted = ntptest.Start+int64(midnight), leap == wire.LeapDelete
		}
		w := ntptest.New(t, 6, sources(3), crystal, 0, discipline.Kept{}, servers...)
		w.Run(midnight - time.Minute)
		near(t, w, time.Millisecond)
		if r := w.Discipline.Report(w.Now()); r.Leap != leap {
			t.Errorf("leap %v, a minute before: %+v", leap, r)
		}
		for _, after := range []time.Duration{20 * time.Minute, 3 * time.Hour} {
			w.Run(midnight + after)
			// The world's truth has no leap seconds; UTC is a second off from it from here on.
			if e := w.Error() - shift; e.Abs() > time.Millisecond || len(w.Jumps) != 0 || len(w.Steps) != 0 {
				t.Errorf("leap %v, %v after it the time is %v wrong: jumps %v, steps %v", leap, after, e, w.Jumps, w.Steps)
			}
			if r := w.Discipline.Report(w.Now()); !r.Synchronised || r.Leap != wire.LeapNone {
				t.Errorf("leap %v, %v after it: %+v", leap, after, r)
			}
		}
	}
}

// A clock that was right and whose sources are found to be off by less than the limit is slewed as fast as
// can be, 5 s in three hours; until it is near, nobody is told that it is right, nor is it stored.
func TestSlewedByMuch(t *testing.T) {
	servers := three()
	for _, s := range servers {
		s.Offset = func(at time.Duration) time.Duration {
			return map[bool]time.Duration{true: 5 * time.Second}[at > 4*time.Hour]
		}
	}
	w := ntptest.New(t, 13, sources(3), crystal, 0, discipline.Kept{}, servers...)
	w.Run(4 * time.Hour)
	w.Watch = func(at time.Duration) {
		// Before three answers have said so, nobody can know it.
		off := (w.Error() - 5*time.Second).Abs()
		if r := w.Discipline.Report(w.Now()); at > 5*time.Hour && r.Synchronised != (off < 1490*time.Millisecond) && off.Round(20*time.Millisecond) != 1500*time.Millisecond {
			t.Fatalf("after %v: %v off, synchronised %v", at, off, r.Synchronised)
		}
	}
	w.Run(6 * time.Hour)
	if off := (w.Error() - 5*time.Second).Abs(); off > 2500*time.Millisecond || w.Kept.Wall > ntptest.Start+int64(4*time.Hour+30*time.Minute) {
		t.Errorf("%v off after two hours, stored %v after the start", off, time.Duration(w.Kept.Wall-ntptest.Start))
	}
	w.Run(7*time.Hour + 20*time.Minute)
	if off := (w.Error() - 5*time.Second).Abs(); off > 10*time.Millisecond || len(w.Steps) != 0 {
		t.Errorf("%v off after three hours, steps %v", off, w.Steps)
	}
}

// A lone source that was a day ahead and is not any more is not followed back; and nobody is told any more
// that the clock is right.
func TestSourceWasAhead(t *testing.T) {
	servers := three()[:1]
	servers[0].Offset = func(at time.Duration) time.Duration {
		return map[bool]time.Duration{true: 24 * time.Hour}[between(2*time.Hour, 5*time.Hour)(at)]
	}
	w := ntptest.New(t, 14, sources(1), crystal, 0, discipline.Kept{}, servers...)
	w.Run(5 * time.Hour)
	if w.Error() < 23*time.Hour {
		t.Fatalf("it is not followed: %v", w.Error())
	}
	w.Run(6 * time.Hour)
	if r := w.Discipline.Report(w.Now()); r.Synchronised || r.Refused == "" || w.Error() < 23*time.Hour {
		t.Errorf("%v off: %+v", w.Error(), r)
	}
}

// The last known time is where a clock begins that stood before it, and what two servers cannot undo.
func TestLastKnownTime(t *testing.T) {
	w := ntptest.New(t, 7, sources(3), crystal, 0, discipline.Kept{}, three()...)
	w.Run(5 * time.Hour)
	kept := w.Kept
	if kept.Wall == 0 || kept.Frequency < -32 || kept.Frequency > -30 || kept.Error > 1 {
		t.Fatalf("kept %+v, with a clock that is 31 ppm fast", kept)
	}
	w = ntptest.New(t, 8, sources(0), crystal, -30*365*24*time.Hour, kept)
	w.Run(time.Minute)
	if len(w.Steps) != 1 || w.Error() < 0 {
		t.Errorf("steps %v, %v off", w.Steps, w.Error())
	}
	// Whatever the limit of the site is: by default it has no clock set that was right.
	for _, limit := range []time.Duration{0, math.MaxInt64} {
		for _, n := range []int{1, 2, 3} {
			kept.Wall = ntptest.Start + int64(200*24*time.Hour)
			conf := sources(n)
			conf.StepLimit = limit
			w = ntptest.New(t, 9, conf, crystal, 0, kept, three()[:n]...)
			w.Run(time.Hour)
			refused := w.Discipline.Report(w.Now()).Refused != ""
			if right := w.Error().Abs() < time.Second; right != (n == 3) || refused != (n < 3) {
				t.Errorf("limit %v, %d servers before the last known time: %v off, refused %v", limit, n, w.Error(), refused)
			}
		}
	}
	// Two of the three are far away: they agree, and are no less three.
	far := []*ntptest.Server{path(1, 500*time.Microsecond, 0), path(2, 60*time.Millisecond, 0), path(3, 70*time.Millisecond, 0)}
	w = ntptest.New(t, 9, sources(3), crystal, 0, kept, far...)
	w.Run(time.Hour / 2)
	near(t, w, time.Second)
	far[1].Down, far[2].Down = always(true), always(true)
	w.Run(2 * time.Hour)
	near(t, w, time.Second)
	if r := w.Discipline.Report(w.Now()); !r.Synchronised {
		t.Errorf("with one left that had agreed: %+v", r)
	}
}

// With a drift that was kept, the first hour is as good as any; with one of another machine, little worse
// than without.
func TestKeptDrift(t *testing.T) {
	for frequency, limit := range map[float64]time.Duration{-31: 2 * time.Millisecond, 60: 8 * time.Millisecond} {
		kept := discipline.Kept{Frequency: frequency, Error: 0.1, Wall: ntptest.Start - int64(time.Hour)}
		w := ntptest.New(t, 10, sources(3), crystal, time.Second, kept, three()...)
		f := measure(w, 5*time.Millisecond, 10*time.Second, time.Hour)
		t.Logf("%v ppm: %v", frequency, f)
		if f.worst > limit.Seconds() || f.jumps != 0 {
			t.Errorf("%v ppm: %v, want at most %v", frequency, f, limit)
		}
	}
}

// A machine whose clock was measured badly when it started, by thousands of ppm, is right within hours, and
// says that it is not after minutes: a line that is contradicted as soon as it began has the wrong frequency.
func TestBadCrystal(t *testing.T) {
	for frequency, c := range map[float64]struct{ right, lies time.Duration }{
		-800e-6: {time.Hour, 4 * time.Minute}, 3e-3: {time.Hour, 6 * time.Minute}, 20e-3: {6 * time.Hour, 5 * time.Minute},
	} {
		for _, n := range []int{1, 3} {
			w := ntptest.New(t, 15, sources(n), ntptest.Crystal{Frequency: frequency, Wander: 1e-19}, time.Second, discipline.Kept{}, three()[:n]...)
			lies := time.Duration(0)
			w.Watch = func(time.Duration) {
				if r := w.Discipline.Report(w.Now()); r.Synchronised && w.Error().Abs() > r.RootDelay/2+r.RootDispersion {
					lies += time.Second
				}
			}
			w.Run(c.right)
			near(t, w, 5*time.Millisecond)
			if lies > c.lies || len(w.Jumps) != 0 {
				t.Errorf("%g, %d servers: for %v more wrong than it says, jumps %v", frequency, n, lies, w.Jumps)
			}
		}
	}
}

// A week: no step but the first, no jump, nothing said to be better than it is, no storm.
func TestWeek(t *testing.T) {
	servers := three()
	for i, s := range servers {
		s.Loss = 0.02
		s.Down = between(time.Duration(20+10*i)*time.Hour, time.Duration(28+10*i)*time.Hour)
	}
	w := ntptest.New(t, 11, sources(3), crystal, -time.Minute, discipline.Kept{}, servers...)
	w.Run(90 * time.Minute)
	within, worst := 0, 0.0
	w.Watch = func(at time.Duration) {
		worst = max(worst, w.Error().Abs().Seconds())
		r := w.Discipline.Report(w.Now())
		if !r.Synchronised || w.Error().Abs() > r.RootDelay/2+r.RootDispersion {
			t.Fatalf("after %v: %v wrong, %+v", at, w.Error(), r)
		}
		if w.Error().Abs() <= 2*r.Error+100*time.Microsecond {
			within++
		}
		if st := w.Client.Status(w.Now().Free); at%time.Hour == 0 && st.State != client.Known {
			t.Fatalf("after %v: %v", at, st.State)
		}
	}
	w.Run(7 * 24 * time.Hour)
	t.Logf("a week: worst %.0f µs, within twice the error that is said %.1f %% of the time, questions %d",
		worst*1e6, float64(within)/(7*864), len(servers[0].Asked))
	if len(w.Steps) != 1 || len(w.Jumps) != 0 || worst > 3e-3 || len(servers[0].Asked) > 7*24*60 {
		t.Errorf("steps %v, jumps %v, worst %v", w.Steps, w.Jumps, worst)
	}
}
