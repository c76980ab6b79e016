package supervise

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDelay(t *testing.T) {
	var got []string
	for n := 1; n <= 10; n++ {
		got = append(got, delay(n).String())
	}
	if want := "250ms 500ms 1s 2s 4s 8s 16s 30s 30s 30s"; strings.Join(got, " ") != want {
		t.Errorf("delays %v, want %s", got, want)
	}
	if delay(1<<40) != longestDelay {
		t.Error("delay overflows")
	}
}

// TestStories tells lives of a unit: at each time what happens, and after "->"
// the state it leads to, what is to be done, and when the next tick is due.
func TestStories(t *testing.T) {
	for name, story := range map[string]string{
		"a good life": `
			0s     start  -> starting start due 30s
			1s     ready  -> ready
			1h     stop   -> stopping term due 1h0m5s
			1h0m1s exited -> stopped`,
		"dies at once, again and again": `
			0s    start  -> starting start due 30s
			0s    exited -> backoff due 250ms
			250ms tick   -> starting start due 30.25s
			300ms exited -> backoff due 800ms
			800ms tick   -> starting start due 30.8s
			900ms exited -> backoff due 1.9s`,
		"a good run makes the next failure a first one": `
			0s      start  -> starting start due 30s
			0s      exited -> backoff due 250ms
			250ms   tick   -> starting start due 30.25s
			1s      exited -> backoff due 1.5s
			1.5s    tick   -> starting start due 31.5s
			2s      ready  -> ready
			1m2s    exited -> backoff due 1m2.25s`,
		"59 s are no good run": `
			0s      start  -> starting start due 30s
			0s      exited -> backoff due 250ms
			250ms   tick   -> starting start due 30.25s
			1s      ready  -> ready
			59s     exited -> backoff due 59.5s`,
		"never ready": `
			0s      start  -> starting start due 30s
			30s     tick   -> stopping term due 35s
			31s     ready  -> stopping due 35s
			35s     tick   -> stopping kill
			35.1s   exited -> backoff due 35.35s`,
		"does not want to stop": `
			0s      start  -> starting start due 30s
			1s      ready  -> ready
			2s      stop   -> stopping term due 7s
			7s      tick   -> stopping kill
			8s      stop   -> stopping
			9s      exited -> stopped
			10s     tick   -> stopped`,
		"stopped while waiting to be started": `
			0s      start  -> starting start due 30s
			0s      exited -> backoff due 250ms
			100ms   stop   -> stopped`,
		"restarted by hand": `
			0s      start  -> starting start due 30s
			1s      ready  -> ready
			2s      start  -> stopping term due 7s
			3s      exited -> starting start due 33s
			4s      ready  -> ready`,
		"restarted by hand while waiting: at once, and failures are forgotten": `
			0s      start  -> starting start due 30s
			0s      exited -> backoff due 250ms
			250ms   tick   -> starting start due 30.25s
			250ms   exited -> backoff due 750ms
			300ms   start  -> starting start due 30.3s
			400ms   exited -> backoff due 650ms`,
		"stop wins over restart": `
			0s      start  -> starting start due 30s
			1s      start  -> stopping term due 6s
			2s      stop   -> stopping due 6s
			3s      exited -> stopped`,
		"restart of one that is being stopped for being late": `
			0s      start  -> starting start due 30s
			30s     tick   -> stopping term due 35s
			31s     start  -> stopping due 35s
			32s     exited -> starting start due 1m2s`,
		"reloaded: it is as long ready as before": `
			0s      start  -> starting start due 30s
			1s      ready  -> ready
			2m0s    reload -> reloading reload due 2m30s
			2m1s    ready  -> ready
			2m2s    exited -> backoff due 2m2.25s`,
		"refuses a reload": `
			0s      start   -> starting start due 30s
			1s      ready   -> ready
			2s      reload  -> reloading reload due 32s
			3s      refused -> ready
			4s      reload  -> reloading reload due 34s
			5s      ready   -> ready`,
		"does not answer to a reload": `
			0s      start  -> starting start due 30s
			1s      ready  -> ready
			2s      reload -> reloading reload due 32s
			32s     tick   -> stopping term due 37s
			33s     exited -> starting start due 1m3s`,
		"dies of a reload": `
			0s      start  -> starting start due 30s
			1s      ready  -> ready
			2s      reload -> reloading reload due 32s
			3s      exited -> backoff due 3.25s
			3.1s    reload -> starting start due 33.1s`,
		"reload of one that starts: it starts again": `
			0s      start  -> starting start due 30s
			1s      reload -> stopping term due 6s
			2s      exited -> starting start due 32s`,
		"refuses to start": `
			0s      start   -> starting start due 30s
			1s      refused -> stopping term due 6s
			2s      exited  -> backoff due 2.25s`,
	} {
		t.Run(name, func(t *testing.T) { tell(t, story) })
	}
}

func tell(t *testing.T, story string) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := machine{state: Stopped, since: begin, readyTime: defaultReadyTime}
	events := map[string]event{"start": evStart, "ready": evReady, "reload": evReload, "refused": evRefused, "exited": evExited, "tick": evTick, "stop": evStop}
	for line := range strings.Lines(strings.TrimSpace(story)) {
		happens, want, _ := strings.Cut(strings.TrimSpace(line), " -> ")
		at, name := strings.Fields(happens)[0], strings.Fields(happens)[1]
		after, err := time.ParseDuration(at)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := events[name]
		if !ok {
			t.Fatalf("no event %q", name)
		}
		act := m.step(begin.Add(after), e)
		got := string(m.state) + []string{"", " start", " reload", " term", " kill"}[act]
		if !m.due.IsZero() {
			got += " due " + m.due.Sub(begin).String()
		}
		if got != want {
			t.Fatalf("%s %s -> %s\nwant -> %s", at, name, got, want)
		}
	}
}

// TestAnyLife throws events at a machine and holds it to what a supervisor must
// never do, whatever happens.
func TestAnyLife(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for life := range 2000 {
		now := time.Unix(1e9, 0)
		m := machine{state: Stopped, readyTime: defaultReadyTime}
		alive, wanted := false, false
		var history []string
		for range 60 {
			e := event(rnd.IntN(int(evStop) + 1))
			if e == evExited && !alive || e == evTick && (m.due.IsZero() || rnd.IntN(3) > 0) {
				continue // cannot happen
			}
			if e == evTick {
				now = m.due
			}
			if e == evExited {
				alive = false
			}
			switch e {
			case evStart, evReload:
				wanted = true
			case evStop:
				wanted = false
			}
			act := m.step(now, e)
			history = append(history, fmt.Sprintf("%d->%s/%d", e, m.state, act))
			if problem := breach(m, act, now, alive, wanted); problem != "" {
				t.Fatalf("life %d: %s\n%s", life, problem, strings.Join(history, " "))
			}
			alive = alive || act == doStart
			now = now.Add(time.Duration(rnd.Int64N(int64(20 * time.Second))))
		}
	}
}

// breach says which rule the machine has broken; alive is before the action.
func breach(m machine, act action, now time.Time, alive, wanted bool) string {
	running := alive || act == doStart
	has := slices.Contains([]State{Starting, Ready, Reloading, Stopping}, m.state)
	switch {
	case act == doStart && alive:
		return "two processes"
	case (act == doTerm || act == doKill || act == doReload) && !alive:
		return "signals a process that is gone"
	case has != running:
		return fmt.Sprintf("state %s with running %v", m.state, running)
	case !wanted && (act == doStart || m.state == Starting || m.state == Ready || m.state == Reloading || m.state == Backoff):
		return "runs or will run although stopped"
	case wanted && m.state == Stopped:
		return "stopped although wanted"
	case m.state == Backoff && (m.due.Before(now.Add(firstDelay)) || m.due.After(now.Add(longestDelay))) && act == doNothing && m.since.Equal(now):
		return fmt.Sprintf("pause of %v", m.due.Sub(now))
	case (m.state == Starting || m.state == Reloading) && m.due.IsZero():
		return "waits for READY for ever"
	}
	return ""
}
