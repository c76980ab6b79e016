package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
)

// life is what a pretended process does: prints, is ready after ready (0: never
// says so), dies after dies (0: lives on), and needs stop after SIGTERM to end
// (below 0: ignores it).
type life struct {
	prints      string
	ready, dies time.Duration
	stop        time.Duration
	code        int
	err         error // it cannot be started
	// reload is what it does with another Config: it answers so after the time; "die": it ends, "": it is
	// READY.
	reload      string
	reloadAfter time.Duration
}

// lives is a Starter: the n-th start of a unit gets the n-th life of its list, the
// last one for ever after. It refuses what a supervisor must not do.
type lives struct {
	t    *testing.T
	all  map[string][]life
	mu   sync.Mutex
	runs map[string]int
	up   map[string]bool
	pids int
	told []string // "TERM dhcp", …
}

func (s *lives) Start(u unit.Spec, out io.WriteCloser) (unit.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up[u.Name] {
		s.t.Errorf("%s is started twice", u.Name)
	}
	list := s.all[u.Name]
	l := list[min(s.runs[u.Name], len(list)-1)]
	s.runs[u.Name]++
	if l.err != nil {
		return nil, l.err
	}
	s.pids++
	s.up[u.Name] = true
	p := &pretended{all: s, name: u.Name, life: l, pid: 100 + s.pids,
		answers: make(chan unit.Answer, 9), exited: make(chan struct{}), end: make(chan children.Exit, 3)}
	s.told = append(s.told, "START "+u.Name+" "+string(u.Config))
	go p.run(out)
	return p, nil
}

func (s *lives) started(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[name]
}

type pretended struct {
	all     *lives
	name    string
	life    life
	pid     int
	answers chan unit.Answer
	exited  chan struct{}
	end     chan children.Exit
	exit    children.Exit
}

func (p *pretended) run(out io.WriteCloser) {
	io.WriteString(out, p.life.prints)
	if p.life.ready > 0 {
		time.AfterFunc(p.life.ready, func() { p.answers <- unit.Answer{} })
	}
	if p.life.dies > 0 {
		time.AfterFunc(p.life.dies, func() { p.end <- children.Exit{Code: p.life.code} })
	}
	p.exit = <-p.end
	out.Close()
	p.all.mu.Lock()
	p.all.up[p.name] = false
	p.all.mu.Unlock()
	close(p.exited)
}

func (p *pretended) tell(what string) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.all.told = append(p.all.told, what+" "+p.name)
}

func (p *pretended) PID() int                    { return p.pid }
func (p *pretended) Answers() <-chan unit.Answer { return p.answers }
func (p *pretended) Exited() <-chan struct{}     { return p.exited }
func (p *pretended) Exit() children.Exit         { return p.exit }

func (p *pretended) Reload(config []byte) error {
	p.tell("RELOAD " + string(config))
	time.AfterFunc(max(1, p.life.reloadAfter), func() {
		switch p.life.reload {
		case "die":
			p.end <- children.Exit{Code: 2}
		default:
			p.answers <- unit.Answer{Refused: p.life.reload}
		}
	})
	return nil
}

func (p *pretended) Terminate() {
	p.tell("TERM")
	if p.life.stop >= 0 {
		time.AfterFunc(p.life.stop, func() { p.end <- children.Exit{} })
	}
}

func (p *pretended) Kill() {
	p.tell("KILL")
	p.end <- children.Exit{Code: -1, Signal: syscall.SIGKILL}
}

func newTestLog() *logs.Log {
	start := time.Now()
	return logs.New(func() time.Duration { return time.Since(start) })
}

// supervised starts a supervisor over pretended processes, in the order of
// names, inside a bubble of virtual time.
func supervised(t *testing.T, all map[string][]life, units ...Unit) (*Supervisor, *lives, func()) {
	t.Helper()
	starter := &lives{t: t, all: all, runs: map[string]int{}, up: map[string]bool{}}
	s := New(starter, newTestLog())
	ctx, cancel := context.WithCancel(t.Context())
	go s.Set(ctx, units) // who waits for them is another test's subject
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	synctest.Wait()
	return s, starter, func() { cancel(); <-done }
}

func wantLog(t *testing.T, s *Supervisor, service, want string) {
	t.Helper()
	var got strings.Builder
	for _, l := range s.log.Last(service, 1000) {
		fmt.Fprintln(&got, l)
	}
	trim := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(strings.TrimSpace(text)) {
			b.WriteString(strings.TrimSpace(line) + "\n")
		}
		return b.String()
	}
	if trim(got.String()) != trim(want) {
		t.Errorf("log of %q:\n%swant:\n%s", service, trim(got.String()), trim(want))
	}
}

func TestOneDiesOthersServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, starter, stop := supervised(t, map[string][]life{
			"dhcp": {{prints: "serving\n", ready: time.Second}},
			"dns": {
				{prints: "cannot listen:\naddress in use", dies: 2 * time.Second, code: 1},
				{err: errors.New("no such file")},
				{prints: "serving\n", ready: time.Second, dies: 62 * time.Second, code: 3},
				{prints: "serving\n", ready: time.Second},
			},
		}, Unit{Name: "dhcp"}, Unit{Name: "dns"})

		time.Sleep(2100 * time.Millisecond)
		got := s.Status()
		for i, want := range []Status{
			{Name: "dhcp", State: Ready, PID: got[0].PID, Since: 1100 * time.Millisecond},
			{Name: "dns", State: Backoff, Since: 100 * time.Millisecond, Retry: 150 * time.Millisecond,
				LastExit: "exit status 1", LastWords: []string{"cannot listen:", "address in use"}},
		} {
			if fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want) {
				t.Errorf("status %+v\nwant   %+v", got[i], want)
			}
		}
		time.Sleep(2 * time.Minute)
		stop()
		dnsPID := 100 + starter.pids // the last
		wantLog(t, s, "dns", fmt.Sprintf(`
			[    0.000000] dns: cannot listen:
			[    2.000000] dns: address in use
			[    2.000000] dns: [init] exit status 1; next start in 250ms
			[    2.250000] dns: [init] cannot start: no such file; next start in 500ms
			[    2.750000] dns: serving
			[    3.750000] dns: [init] ready 1s after its start, pid %d
			[   64.750000] dns: [init] exit status 3; next start in 250ms
			[   65.000000] dns: serving
			[   66.000000] dns: [init] ready 1s after its start, pid %d
			[  122.100000] dns: [init] stopped, exit status 0`, dnsPID-1, dnsPID))
		if end := s.Status(); end[1].State != Stopped || end[1].Restarts != 3 {
			t.Errorf("at the end: %+v", end[1])
		}
	})
}

func TestStopOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, starter, stop := supervised(t, map[string][]life{
			"one":   {{ready: 1, stop: time.Second}},
			"two":   {{ready: 1, stop: -1}}, // deaf
			"three": {{ready: 1, stop: time.Second}},
		}, Unit{Name: "one"}, Unit{Name: "two"}, Unit{Name: "three"})
		time.Sleep(time.Minute)
		start := time.Now()
		starter.told = nil
		stop()
		if got, want := strings.Join(starter.told, ", "), "TERM three, TERM two, KILL two, TERM one"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}

// Many deaf units do not add up: after stopTime the rest is stopped together.
func TestStopTakesBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := map[string][]life{}
		var units []Unit
		for i := range 9 {
			name := fmt.Sprint("deaf", i)
			all[name] = []life{{ready: 1, stop: -1}}
			units = append(units, Unit{Name: name})
		}
		_, starter, stop := supervised(t, all, units...)
		start := time.Now()
		stop()
		if took := time.Since(start); took != stopTime+killAfter {
			t.Errorf("stopping took %v", took)
		}
		if n := strings.Count(strings.Join(starter.told, " "), "KILL"); n != 9 {
			t.Errorf("%d of 9 killed", n)
		}
	})
}

func TestRestartByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, starter, stop := supervised(t, map[string][]life{
			"dhcp": {{ready: time.Second, stop: time.Second}},
			"dns":  {{dies: time.Second, code: 1}},
		}, Unit{Name: "dhcp"}, Unit{Name: "dns"})
		time.Sleep(time.Hour) // dns is deep in its back-off
		runs := starter.started("dns")
		for _, name := range []string{"dhcp", "dhcp", "dns"} {
			if err := s.Restart(name); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if starter.started("dns") != runs+1 {
			t.Error("dns was not started at once")
		}
		time.Sleep(2 * time.Second)
		if st := s.Status()[0]; st.State != Ready && st.State != Starting || st.Restarts != 1 {
			t.Errorf("dhcp: %+v, want one restart", st)
		}
		if err := s.Restart("x"); err == nil || err.Error() != `no service "x"` {
			t.Errorf("Restart(x): %v", err)
		}
		stop()
		if err := s.Restart("dhcp"); err == nil || !strings.Contains(err.Error(), "stopped for good") {
			t.Errorf("Restart after the end: %v", err)
		}
	})
}

func TestNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := supervised(t, map[string][]life{"wan": {{prints: "asking\n", stop: time.Second}}},
			Unit{Name: "wan", ReadyTimeout: 3 * time.Second})
		time.Sleep(5 * time.Second)
		stop()
		wantLog(t, s, "wan", `
			[    0.000000] wan: asking
			[    3.000000] wan: [init] not ready after 3s, stopping it
			[    4.000000] wan: [init] exit status 0; next start in 250ms
			[    4.250000] wan: asking
			[    6.000000] wan: [init] stopped, exit status 0`)
	})
}

func TestSetRefusesNames(t *testing.T) {
	for _, units := range [][]Unit{{{Name: ""}}, {{Name: "a"}, {Name: "b"}, {Name: "a"}}} {
		if err := New(nil, nil).Set(t.Context(), units); err == nil {
			t.Errorf("Set(%v) succeeds", units)
		}
	}
}

// conf is a unit with a Config.
func conf(name, config string, reloads bool) Unit {
	return Unit{Name: name, Config: json.RawMessage(config), Reloads: reloads, ReadyTimeout: 10 * time.Second}
}

// TestSet goes from list to list; told is what the processes were told in between, what Set returned, and how
// long it took.
func TestSet(t *testing.T) {
	good := []life{{ready: time.Second, stop: time.Second, reloadAfter: time.Second}}
	for name, c := range map[string]struct {
		all  map[string][]life
		from []Unit
		to   []Unit
		told string
		err  string
		took time.Duration
	}{
		"the same": {from: []Unit{conf("a", "1", true), conf("b", "1", false)}, to: []Unit{conf("a", "1", true), conf("b", "1", false)}},
		"reloaded and restarted": {from: []Unit{conf("a", "1", true), conf("b", "1", false)}, to: []Unit{conf("a", "2", true), conf("b", "2", false)},
			told: "RELOAD 2 a, START b 2, TERM b", took: 2 * time.Second},
		"gone and new, in another order": {from: []Unit{conf("a", "1", true), conf("b", "1", true)}, to: []Unit{conf("c", "3", true), conf("b", "1", true)},
			told: "START c 3, TERM a", took: 2 * time.Second},
		"a reload is refused": {all: map[string][]life{"a": {{ready: 1, reload: "no such network", reloadAfter: time.Second}}},
			from: []Unit{conf("a", "1", true)}, to: []Unit{conf("a", "2", true)},
			told: "RELOAD 2 a", err: "a refuses its new configuration: no such network", took: time.Second},
		"a reload kills": {all: map[string][]life{"a": {{ready: 1, reload: "die", reloadAfter: time.Second, prints: "panic: oh\n"}}},
			from: []Unit{conf("a", "1", true)}, to: []Unit{conf("a", "2", true)},
			told: "RELOAD 2 a", err: "a does not serve: exit status 2, panic: oh", took: time.Second},
		"a reload is not answered: started again": {all: map[string][]life{"a": {{ready: 1, reloadAfter: time.Hour, stop: time.Second}, {ready: 2 * time.Second}}},
			from: []Unit{conf("a", "1", true)}, to: []Unit{conf("a", "2", true)},
			told: "RELOAD 2 a, START a 2, TERM a", took: 13 * time.Second},
		"a new one does not become ready": {all: map[string][]life{"a": {{stop: time.Second}}},
			to: []Unit{conf("a", "1", true)}, told: "START a 1, TERM a", err: "a does not serve: exit status 0", took: 11 * time.Second},
		"a new one ends": {all: map[string][]life{"a": {{dies: 2 * time.Second, code: 1, prints: "cannot listen\n"}}},
			to: []Unit{conf("a", "1", true)}, told: "START a 1", err: "a does not serve: exit status 1, cannot listen", took: 2 * time.Second},
		"one waits to be started again: at once": {all: map[string][]life{"a": {{dies: time.Second}, {ready: time.Second}}},
			from: []Unit{conf("a", "1", true)}, to: []Unit{conf("a", "2", true)}, told: "START a 2", took: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := map[string][]life{"a": good, "b": good, "c": good}
				maps.Copy(all, c.all)
				s, starter, stop := supervised(t, all, c.from...)
				defer stop()
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				starter.told = nil
				begin := time.Now()
				err := s.Set(t.Context(), c.to)
				took := time.Since(begin)
				if text := fmt.Sprint(err); text != c.err && (err != nil || c.err != "") {
					t.Errorf("Set: %v, want %s", err, c.err)
				}
				if took.Round(10*time.Millisecond) != c.took {
					t.Errorf("Set took %v, want %v", took, c.took)
				}
				slices.Sort(starter.told) // units do not wait for each other
				if told := strings.Join(starter.told, ", "); told != c.told {
					t.Errorf("told %s, want %s", told, c.told)
				}
				var want []string
				for _, u := range c.to {
					want = append(want, u.Name)
				}
				if names := s.Names(); !slices.Equal(names, want) {
					t.Errorf("units %v, want %v", names, want)
				}
			})
		})
	}
}

// TestSetAtTheEnd: who sets units while the machine ends is told, and nothing is started.
func TestSetAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, starter, stop := supervised(t, map[string][]life{"a": {{ready: 1, stop: time.Second}}, "slow": {{ready: time.Minute}}}, conf("a", "1", true))
		waits := make(chan error, 1)
		go func() { waits <- s.Set(t.Context(), []Unit{conf("a", "1", true), conf("slow", "1", true)}) }()
		time.Sleep(time.Second)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("the end took %v", took)
		}
		if err := <-waits; err == nil {
			t.Error("a Set that the end has overtaken succeeds")
		}
		runs := starter.started("a")
		if err := s.Set(t.Context(), []Unit{conf("b", "1", true)}); !errors.Is(err, errEnded) || starter.started("a") != runs {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestSetGivesUp: ctx bounds the wait; the unit goes on starting.
func TestSetGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := supervised(t, map[string][]life{"a": {{ready: 5 * time.Second}}})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Set(ctx, []Unit{conf("a", "1", true)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(5 * time.Second)
		if st := s.Status(); len(st) != 1 || st[0].State != Ready {
			t.Errorf("%+v", st)
		}
	})
}

func TestLastWords(t *testing.T) {
	line := func(text string) logs.Line { return logs.Line{Text: text} }
	var many, panicked []logs.Line
	for i := range 50 {
		many = append(many, line(fmt.Sprint(i)))
	}
	panicked = append(append(many[:10:10], line("panic: runtime error: index out of range"), line("goroutine 1 [running]:")), many...)
	atOnce := append([]logs.Line{line("fatal error: out of memory")}, many...)
	for _, c := range []struct {
		lines       []logs.Line
		n           int
		first, last string
	}{
		{nil, 0, "", ""},
		{many[:3], 3, "0", "2"},
		{many, keepWords, "30", "49"},
		{panicked, keepWords, "panic: runtime error: index out of range", "17"},
		{atOnce, keepWords, "fatal error: out of memory", "18"},
		{[]logs.Line{line("mine"), {Event: true, Text: "panic: init's own words"}}, 1, "mine", "mine"},
	} {
		got := lastWords(c.lines)
		if len(got) != c.n || c.n > 0 && (got[0] != c.first || got[c.n-1] != c.last) {
			t.Errorf("%d lines: %q, want %d from %q to %q", len(c.lines), got, c.n, c.first, c.last)
		}
	}
}

func TestMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := supervised(t, map[string][]life{"dhcp": {{ready: time.Second}}}, Unit{Name: "dhcp"})
		defer stop()
		time.Sleep(time.Minute)
		const status = `{"name":"dhcp","state":"ready","pid":101,"since_ns":59000000000,"restarts":0}`
		for _, c := range []struct{ method, args, want, err string }{
			{"services", "", "[" + status + "]", "<nil>"},
			{"restart", `{"service":"dns"}`, "", `no service "dns"`},
			{"restart", `{"servise":"dhcp"}`, "", `arguments: json: unknown field "servise"`},
			{"restart", `{"service":"dhcp"}`, status, "<nil>"},
		} {
			got := ""
			err := s.Methods()[c.method](t.Context(), json.RawMessage(c.args), func(v any) error {
				b, err := json.Marshal(v)
				got += string(b)
				return err
			})
			if got != c.want || fmt.Sprint(err) != c.err {
				t.Errorf("%s %s:\n%s, %v\nwant\n%s, %s", c.method, c.args, got, err, c.want, c.err)
			}
		}
		synctest.Wait() // the restart has begun
		time.Sleep(time.Second)
		if st := s.Status()[0]; st.PID != 102 || st.Restarts != 1 {
			t.Errorf("after the restart: %+v", st)
		}
		if got := s.Names(); len(got) != 1 || got[0] != "dhcp" {
			t.Errorf("names: %q", got)
		}
	})
}
