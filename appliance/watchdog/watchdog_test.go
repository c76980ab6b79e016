package watchdog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A world is a box in virtual time: services with a course of life, a watchdog
// that bites, and a disk for the note. It writes down what happens.
type world struct {
	t       *testing.T
	courses map[string][]course
	noDev   error // of opening the watchdog
	hang    bool  // the disk
	begin   time.Time

	mu      sync.Mutex
	story   strings.Builder
	asked   map[string]int // questions that have no answer yet
	timeout time.Duration
	bite    *time.Timer
	bitten  bool
}

// course is how a service is from a time on, until the next.
type course struct {
	from time.Duration
	how  how
}

type how int

const (
	well  how = iota
	late      // it answers, but not within the deadline
	hangs     // its process is there and does not answer
	dead      // it has no process
	sorry     // it answers with an error
	stuck     // it hangs, and the question with it, whatever its deadline says
)

func (w *world) now() time.Duration { return time.Since(w.begin).Truncate(time.Second) }

func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bitten {
		return // the machine is gone
	}
	fmt.Fprintf(&w.story, "%6v  %s\n", w.now(), fmt.Sprintf(format, args...))
}

func (w *world) how(name string) how {
	is := dead
	for _, c := range w.courses[name] {
		if c.from <= time.Since(w.begin) {
			is = c.how
		}
	}
	return is
}

func (w *world) Up(name string) bool { return w.how(name) != dead }

func (w *world) Ask(ctx context.Context, name string) error {
	w.mu.Lock()
	if w.asked[name]++; w.asked[name] > 1 {
		w.t.Errorf("%s is asked while a question hangs", name)
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked[name]--
	}()
	switch w.how(name) {
	case well:
		return nil
	case sorry:
		return errors.New("I am busy")
	case dead:
		return errors.New("nobody listens")
	case stuck:
		time.Sleep(2 * time.Hour)
	case late:
		time.Sleep(time.Minute)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (w *world) Restart(name string) error {
	w.tell("restart %s", name)
	return nil
}

func (w *world) open() (Device, error) {
	if w.noDev != nil {
		return nil, w.noDev
	}
	w.tell("armed")
	w.timeout = time.Minute // the driver's own
	w.bite = time.AfterFunc(w.timeout, func() {
		w.tell("RESET")
		w.mu.Lock()
		defer w.mu.Unlock()
		w.bitten = true
	})
	return w, nil
}

func (w *world) Name() string { return "xen_wdt" }
func (w *world) Feed() error {
	w.bite.Reset(w.timeout)
	return nil
}

func (w *world) SetTimeout(d time.Duration) error {
	w.tell("timeout %v", d)
	w.timeout = d
	return w.Feed()
}

func (w *world) Disarm() error {
	w.tell("disarmed")
	w.bite.Stop()
	return nil
}

func (w *world) note(why string) error {
	if w.hang {
		time.Sleep(10 * time.Minute)
	}
	w.tell("note: %q", why)
	return nil
}

func (w *world) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bitten
}

// play guards the services until the watchdog bites or the end comes, which is
// an orderly one.
func (w *world) play(t *testing.T, end time.Duration, change func(*Config)) (*Guard, string) {
	w.t, w.begin, w.asked = t, time.Now(), map[string]int{}
	c := Config{Services: w, Open: w.open, Note: w.note, Say: func(service, format string, args ...any) {
		w.tell(service+": "+format, args...)
	}}
	for _, name := range []string{"dhcp", "dns"} {
		if w.courses[name] != nil {
			c.Names = append(c.Names, name)
		}
	}
	if w.courses["nflog"] != nil {
		c.Others = []string{"nflog", "radvd"} // the site has no radvd
	}
	if change != nil {
		change(&c)
	}
	g := New(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Run(ctx)
	}()
	for time.Since(w.begin) < end && !w.over() {
		time.Sleep(500 * time.Millisecond)
	}
	cancel()
	<-done
	return g, w.story.String()
}

// A story is what a guard does in a world.
type story struct {
	name   string
	world  *world
	change func(*Config)
	end    time.Duration
	want   string
}

func TestStories(t *testing.T) {
	const hour = time.Hour
	lives := func(c ...course) map[string][]course { return map[string][]course{"dhcp": c} }
	tests := []story{
		{"all is well, and the machine ends in order", &world{courses: lives(course{time.Second, well})}, nil, hour, `
   20s  armed
   20s  timeout 1m0s
   20s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
1h0m0s  timeout 2m0s
`},
		{"what fails from the start resets nothing", &world{courses: lives(course{0, dead})}, nil, hour, ``},
		{"nor does what hangs from the start", &world{courses: lives(course{0, hangs})}, nil, 70 * time.Second, `
   30s  dhcp: has not answered for 30s: starting it again
   30s  restart dhcp
  1m0s  dhcp: has not answered for 30s: starting it again
  1m0s  restart dhcp
`},
		{"all have to have answered", &world{courses: map[string][]course{"dhcp": {{0, well}}, "dns": {{0, dead}, {5 * time.Minute, well}}}}, nil, 6 * time.Minute, `
 5m10s  armed
 5m10s  timeout 1m0s
 5m10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
  6m0s  timeout 2m0s
`},
		{"a service that hangs is started again, and that helps",
			&world{courses: lives(course{0, well}, course{10 * time.Minute, hangs}, course{10*time.Minute + 40*time.Second, dead}, course{11 * time.Minute, well})}, nil, hour, `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
10m30s  dhcp: has not answered for 30s: starting it again
10m30s  restart dhcp
1h0m0s  timeout 2m0s
`},
		{"a service dies for good", &world{courses: lives(course{0, well}, course{10 * time.Minute, dead})}, nil, hour, `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
 13m0s  watchdog: dhcp has not answered for 3m0s: it is not fed any more, and resets this box within 1m0s
 13m0s  note: "dhcp has not answered for 3m0s"
13m50s  RESET
`},
		{"it comes back in the last moment", &world{courses: lives(course{0, well}, course{10 * time.Minute, dead}, course{13*time.Minute + 20*time.Second, well})}, nil, hour, `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
 13m0s  watchdog: dhcp has not answered for 3m0s: it is not fed any more, and resets this box within 1m0s
 13m0s  note: "dhcp has not answered for 3m0s"
13m30s  watchdog: all answer again: it is fed again
13m30s  note: ""
1h0m0s  timeout 2m0s
`},
		{"the machine is asked to end in the last moment", &world{courses: lives(course{0, well}, course{10 * time.Minute, dead})}, nil, 13*time.Minute + 30*time.Second, `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
 13m0s  watchdog: dhcp has not answered for 3m0s: it is not fed any more, and resets this box within 1m0s
 13m0s  note: "dhcp has not answered for 3m0s"
13m30s  timeout 2m0s
13m30s  note: ""
`},
		{"the disk hangs with the service", &world{hang: true, courses: lives(course{0, well}, course{5 * time.Minute, stuck})}, nil, hour, `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
 5m30s  dhcp: has not answered for 30s: starting it again
 5m30s  restart dhcp
  6m0s  dhcp: has not answered for 30s: starting it again
  6m0s  restart dhcp
 6m30s  dhcp: has not answered for 30s: starting it again
 6m30s  restart dhcp
  7m0s  dhcp: has not answered for 30s: starting it again
  7m0s  restart dhcp
 7m30s  dhcp: has not answered for 30s: starting it again
 7m30s  restart dhcp
  8m0s  dhcp: has not answered for 30s: starting it again
  8m0s  restart dhcp
  8m0s  watchdog: dhcp has not answered for 3m0s: it is not fed any more, and resets this box within 1m0s
 8m30s  dhcp: has not answered for 30s: starting it again
 8m30s  restart dhcp
 8m50s  RESET
`},
		{"after a reset the box is spared for an hour", &world{courses: lives(course{0, well}, course{10 * time.Minute, dead})},
			func(c *Config) { c.LastReset = "dhcp has not answered for 3m0s" }, 2 * hour, `
    10s  armed
    10s  timeout 1m0s
    10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
1h0m10s  watchdog: dhcp has not answered for 50m10s: it is not fed any more, and resets this box within 1m0s
1h0m10s  note: "dhcp has not answered for 50m10s"
 1h1m0s  RESET
`},
		{"no watchdog", &world{noDev: fs.ErrNotExist, courses: lives(course{0, well}, course{time.Hour, hangs})}, nil, hour + 31*time.Second, `
   10s  watchdog: this machine has none
1h0m30s  dhcp: has not answered for 30s: starting it again
1h0m30s  restart dhcp
`},
		{"somebody else has the watchdog", &world{noDev: fs.ErrPermission, courses: lives(course{0, well})}, nil, hour, `
   10s  watchdog: it cannot be used: permission denied
`},
		{"it is switched off", &world{courses: lives(course{0, well}, course{time.Minute, dead})}, func(c *Config) { c.Open = nil }, hour, ``},
		{"seconds instead of a minute", &world{courses: lives(course{0, well}, course{time.Minute, dead})}, func(c *Config) { c.Timeout = 12 * time.Second }, hour, `
     2s  armed
     2s  timeout 12s
     2s  watchdog: xen_wdt is armed: not fed for 12s, it resets this box
  1m36s  watchdog: dhcp has not answered for 36s: it is not fed any more, and resets this box within 12s
  1m36s  note: "dhcp has not answered for 36s"
  1m46s  RESET
`},
	}
	tests = append(tests, othersStories()...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, story := tt.world.play(t, tt.end, tt.change)
				if tt.world.bite != nil {
					tt.world.bite.Stop()
				}
				if d := cmp.Diff(columns(tt.want), columns(story)); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				time.Sleep(3 * hour) // what hangs ends, the bubble wants it
			})
		})
	}
}

// othersStories are of a service that the box can be without.
func othersStories() []story {
	const armed = `
   10s  armed
   10s  timeout 1m0s
   10s  watchdog: xen_wdt is armed: not fed for 1m0s, it resets this box
`
	with := func(c ...course) *world { return &world{courses: map[string][]course{"dhcp": {{0, well}}, "nflog": c}} }
	return []story{
		{"another service never answers: it is started again ever more rarely, and the watchdog is fed", with(course{0, hangs}), nil, 2 * time.Hour, armed + `
   30s  nflog: has not answered for 30s: starting it again
   30s  restart nflog
 1m30s  nflog: has not answered for 1m0s: starting it again
 1m30s  restart nflog
 3m30s  nflog: has not answered for 2m0s: starting it again
 3m30s  restart nflog
 7m30s  nflog: has not answered for 4m0s: starting it again
 7m30s  restart nflog
15m30s  nflog: has not answered for 8m0s: starting it again
15m30s  restart nflog
31m30s  nflog: has not answered for 16m0s: starting it again
31m30s  restart nflog
1h1m30s  nflog: has not answered for 30m0s: starting it again
1h1m30s  restart nflog
1h31m30s  nflog: has not answered for 30m0s: starting it again
1h31m30s  restart nflog
2h0m0s  timeout 2m0s
`},
		{"it died: that is not the guard's", with(course{0, well}, course{time.Minute, dead}), nil, time.Hour, armed + `
1h0m0s  timeout 2m0s
`},
		{"it hangs again soon: more patience; and after ten minutes of answers: as at first",
			with(course{0, hangs}, course{35 * time.Second, well}, course{2 * time.Minute, hangs}, course{3*time.Minute + 5*time.Second, well},
				course{14 * time.Minute, hangs}, course{14*time.Minute + 35*time.Second, well}), nil, time.Hour, armed + `
   30s  nflog: has not answered for 30s: starting it again
   30s  restart nflog
  3m0s  nflog: has not answered for 1m0s: starting it again
  3m0s  restart nflog
14m30s  nflog: has not answered for 30s: starting it again
14m30s  restart nflog
1h0m0s  timeout 2m0s
`},
		{"two questions without an answer are nothing", with(course{0, well}, course{time.Minute, hangs}, course{75 * time.Second, well}), nil, time.Hour, armed + `
1h0m0s  timeout 2m0s
`},
		{"no service is essential: there is no use for a watchdog",
			&world{courses: map[string][]course{"nflog": {{0, well}, {time.Minute, hangs}}}}, nil, 91 * time.Second, `
 1m30s  nflog: has not answered for 30s: starting it again
 1m30s  restart nflog
`},
		{"an essential one, without a watchdog: six times at once, then ever more rarely",
			&world{noDev: fs.ErrNotExist, courses: map[string][]course{"dhcp": {{0, well}, {5 * time.Minute, hangs}}}}, nil, 13 * time.Minute, `
   10s  watchdog: this machine has none
 5m30s  dhcp: has not answered for 30s: starting it again
 5m30s  restart dhcp
  6m0s  dhcp: has not answered for 30s: starting it again
  6m0s  restart dhcp
 6m30s  dhcp: has not answered for 30s: starting it again
 6m30s  restart dhcp
  7m0s  dhcp: has not answered for 30s: starting it again
  7m0s  restart dhcp
 7m30s  dhcp: has not answered for 30s: starting it again
 7m30s  restart dhcp
  8m0s  dhcp: has not answered for 30s: starting it again
  8m0s  restart dhcp
 8m30s  dhcp: has not answered for 30s: starting it again
 8m30s  restart dhcp
 9m30s  dhcp: has not answered for 1m0s: starting it again
 9m30s  restart dhcp
11m30s  dhcp: has not answered for 2m0s: starting it again
11m30s  restart dhcp
`},
	}
}

// TestSilenceOfOthers: how long a service has been silent is said, when it is started again, and no more once
// it answers.
func TestSilenceOfOthers(t *testing.T) {
	for at, want := range map[time.Duration][]Silence{
		10*time.Minute + 11*time.Second: nil, // one late answer
		10*time.Minute + 21*time.Second: {{"nflog", 20 * time.Second, 10 * time.Second, 0}},
		10*time.Minute + 51*time.Second: {{"nflog", 50 * time.Second, 40 * time.Second, 1}},
		11*time.Minute + 11*time.Second: nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := world{courses: map[string][]course{
				"dhcp": {{0, well}}, "nflog": {{0, well}, {10 * time.Minute, hangs}, {11 * time.Minute, well}},
			}}
			g, _ := w.play(t, at, nil)
			w.bite.Stop()
			if d := cmp.Diff(want, g.Status().Silent); d != "" {
				t.Errorf("after %v (-want +got):\n%s", at, d)
			}
			time.Sleep(3 * time.Hour)
		})
	}
}

// columns makes the times of a story line up the same way whatever their width.
func columns(story string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(strings.TrimLeft(story, "\n"), "\n\n", "\n")) {
		b.WriteString(strings.TrimLeft(line, " "))
	}
	return b.String()
}

// A question that has no answer by the next round counts as silence, one with an
// answer that says no as well.
func TestWhatIsAnAnswer(t *testing.T) {
	for how, want := range map[how]bool{well: true, late: false, sorry: false, stuck: false} {
		synctest.Test(t, func(t *testing.T) {
			w := world{courses: map[string][]course{"dhcp": {{0, how}}}}
			g, _ := w.play(t, time.Minute, nil)
			if armed := g.Status().State == Fed; armed != want {
				t.Errorf("a service that is %d: armed %v, want %v", how, armed, want)
			}
			if w.bite != nil {
				w.bite.Stop()
			}
			time.Sleep(3 * time.Hour)
		})
	}
}

func TestStatus(t *testing.T) {
	stories := []struct {
		at   time.Duration
		want Status
	}{
		{5 * time.Second, Status{State: Waiting}},
		{time.Minute, Status{State: Fed, Device: "xen_wdt"}},
		{11*time.Minute + time.Second, Status{State: Fed, Device: "xen_wdt", Silent: []Silence{{Name: "dhcp", For: time.Minute}}}},
		{13*time.Minute + time.Second, Status{State: Starving, Device: "xen_wdt", Silent: []Silence{{Name: "dhcp", For: 3 * time.Minute}}}},
	}
	for _, s := range stories {
		synctest.Test(t, func(t *testing.T) {
			w := world{courses: map[string][]course{"dhcp": {{0, well}, {10 * time.Minute, dead}}}}
			g, _ := w.play(t, s.at, nil)
			s.want.Timeout, s.want.Services = time.Minute, []string{"dhcp"}
			if d := cmp.Diff(s.want, g.Status()); d != "" {
				t.Errorf("after %v (-want +got):\n%s", s.at, d)
			}
			g.Disarm()
			if end := w.story.String(); w.bite != nil && !strings.HasSuffix(end, "disarmed\n") {
				t.Errorf("after %v it is not disarmed:\n%s", s.at, end)
			}
			time.Sleep(3 * time.Hour)
		})
	}
}

// The judge agrees with one that has all of the past before it and looks at it
// every time.
func TestJudgeAgainstModel(t *testing.T) {
	essential, others := []string{"dhcp", "dns"}, []string{"nflog"}
	names := slices.Concat(essential, others)
	restarts := 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		spared := r.IntN(2) * r.IntN(100)
		j, past := newJudge(essential, others, spared), [][]sight{}
		luck := []float64{r.Float64(), r.Float64(), r.Float64()} // how often each answers: a service that mostly does is as likely as one that hardly does
		for n := range 300 {
			var seen []sight
			for i, name := range names {
				luck[i] = min(1, max(0, luck[i]+r.NormFloat64()/10))
				seen = append(seen, sight{name: name, up: r.IntN(40) > 0, answered: r.Float64() < luck[i]})
			}
			past = append(past, seen)
			got, want := j.round(seen), model(names, len(essential), past, spared)
			if !cmp.Equal(got, want, cmp.AllowUnexported(verdict{}, hang{})) {
				t.Fatalf("seed %d, round %d: %+v, want %+v", seed, n, got, want)
			}
			restarts += len(got.restart)
		}
	}
	if restarts == 0 {
		t.Error("nothing was ever started again")
	}
}

// model is a verdict by the definition of each of its words. The first of names are essential.
func model(names []string, essential int, past [][]sight, spared int) verdict {
	v := verdict{armed: true, feed: true}
	for i, name := range names {
		last, hung, sound, patience := -1, 0, 0, hungRounds // the last round with an answer; rounds in a row with and without one
		for n, seen := range past {
			if hung == patience { // it was started again in the round before
				hung = 0
				if i >= essential || n-1-last > silentRounds {
					patience = min(2*patience, longestRounds)
				}
			}
			switch s := seen[i]; {
			case s.answered:
				last, hung, sound = n, 0, sound+1
			case s.up:
				hung, sound = hung+1, 0
			default:
				hung, sound = 0, 0
			}
			if sound == soundRounds {
				patience = hungRounds
			}
		}
		if hung == patience {
			v.restart = append(v.restart, hang{name, hung})
		}
		if i < essential {
			v.armed = v.armed && last >= 0
			v.feed = v.feed && (len(past)-1-last < silentRounds || len(past) <= spared)
		}
	}
	v.feed = v.feed && v.armed
	return v
}

func TestParseTimeout(t *testing.T) {
	tests := []struct {
		text string
		d    time.Duration
		on   bool
		err  string
	}{
		{"", time.Minute, true, ""},
		{"off", 0, false, ""},
		{"10", 10 * time.Second, true, ""},
		{"1800", 30 * time.Minute, true, ""},
		{"9", time.Minute, true, "gatehouse.watchdog=9 on the kernel's command line: want off, or seconds from 10 to 1800; 1m0s is taken"},
		{"1801", time.Minute, true, "want off, or seconds"},
		{"-60", time.Minute, true, "want off, or seconds"},
		{"9223372036854775807", time.Minute, true, "want off, or seconds"},
		{"1m", time.Minute, true, "want off, or seconds"},
		{"on", time.Minute, true, "want off, or seconds"},
	}
	for _, tt := range tests {
		d, on, err := ParseTimeout(tt.text)
		if d != tt.d || on != tt.on || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %v, %v, %v; want %v, %v, %q", tt.text, d, on, err, tt.d, tt.on, tt.err)
		}
	}
}
