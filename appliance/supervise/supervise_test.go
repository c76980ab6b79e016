package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
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

func (s *lives) Start(u Unit, out io.WriteCloser) (Process, error) {
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
		ready: make(chan struct{}), exited: make(chan struct{}), end: make(chan children.Exit, 3)}
	go p.run(out)
	return p, nil
}

func (s *lives) started(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[name]
}

type pretended struct {
	all           *lives
	name          string
	life          life
	pid           int
	ready, exited chan struct{}
	end           chan children.Exit
	exit          children.Exit
}

func (p *pretended) run(out io.WriteCloser) {
	io.WriteString(out, p.life.prints)
	if p.life.ready > 0 {
		time.AfterFunc(p.life.ready, func() { close(p.ready) })
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

func (p *pretended) PID() int                { return p.pid }
func (p *pretended) Ready() <-chan struct{}  { return p.ready }
func (p *pretended) Exited() <-chan struct{} { return p.exited }
func (p *pretended) Exit() children.Exit     { return p.exit }

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
	s, err := New(units, starter, newTestLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
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
		}, Unit{Name: "dhcp"}, Unit{Name: "dns"}, Unit{Name: "ntp", Refused: "the site names no servers"})

		time.Sleep(2100 * time.Millisecond)
		got := s.Status()
		for i, want := range []Status{
			{Name: "dhcp", State: Ready, PID: got[0].PID, Since: 1100 * time.Millisecond},
			{Name: "dns", State: Backoff, Since: 100 * time.Millisecond, Retry: 150 * time.Millisecond,
				LastExit: "exit status 1", LastWords: []string{"cannot listen:", "address in use"}},
			{Name: "ntp", State: Failed, Since: 2100 * time.Millisecond, LastExit: "not started: the site names no servers"},
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
		}, Unit{Name: "dhcp"}, Unit{Name: "dns"}, Unit{Name: "ntp", Refused: "no servers"})
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
		for name, want := range map[string]string{"ntp": "ntp is not run: no servers", "x": `no service "x"`} {
			if err := s.Restart(name); err == nil || err.Error() != want {
				t.Errorf("Restart(%s): %v, want %s", name, err, want)
			}
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

func TestNewRefuses(t *testing.T) {
	for _, units := range [][]Unit{{{Name: ""}}, {{Name: "a"}, {Name: "b"}, {Name: "a"}}} {
		if _, err := New(units, nil, nil); err == nil {
			t.Errorf("New(%v) succeeds", units)
		}
	}
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
