package unit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// The processes of these tests are this binary again, in a role that its first
// argument names.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := roles()[os.Args[1]]; ok {
			os.Exit(role(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

func roles() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"role-unit": unitRole,
		"role-deaf": deafRole,
		"role-unproven": func([]string) int {
			fmt.Print("no newline at the end")
			os.NewFile(3, "answer").WriteString("GREADY\nREADY\n")
			return 0
		},
	}
}

// A conf is the Config of the service of these tests.
type conf struct{ Word, Refuse, Grow string }

// echo serves by saying its word.
type echo struct {
	o    Options
	conf conf
}

func openEcho(c conf, o Options) (*echo, error) {
	if c.Refuse != "" {
		return nil, errors.New(c.Refuse)
	}
	return &echo{o, c}, nil
}

func (e *echo) Run(ctx context.Context, drop, ready func() error) error {
	if err := errors.Join(drop(), ready()); err != nil {
		return err
	}
	<-ctx.Done()
	e.o.Log.Info("bye") // its word may be changed meanwhile
	return nil
}

func (e *echo) Methods() control.Mux {
	answer := func(_ context.Context, _ json.RawMessage, send func(any) error) error { return send([]string{}) }
	return control.Mux{control.Ping: answer, Problems: answer}
}

func (e *echo) Reconfigure(c conf) error {
	if c.Refuse != "" {
		return errors.New(c.Refuse)
	}
	if c == e.conf {
		return errors.New("it serves by that already")
	}
	e.conf = c
	return nil
}

// dumb has no Reconfigure.
type dumb struct{ *echo }

func (d dumb) Reconfigure() {}

// unitRole is a service by both ends of the protocol: its arguments are the directory of the control sockets
// and the user to become.
func unitRole(args []string) int {
	sid, _ := unix.Getsid(0)
	fmt.Println("own session:", sid == os.Getpid(), "env:", os.Environ())
	fmt.Fprintln(os.Stderr, "and a line on stderr \x1b[2J")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	reload := make(chan struct{})
	go func() {
		for range hup {
			reload <- struct{}{}
		}
	}()
	uid, _ := strconv.Atoi(args[1])
	self := Self{Service: roster.Service{Name: "echo", UID: uid, Reloads: args[2] == "reloads"}, RunDir: args[0], Reload: reload,
		Config: os.NewFile(0, "config"), Answer: os.NewFile(3, "answer"), Log: slog.New(slog.DiscardHandler)}
	main := Of(openEcho)
	if args[2] == "dumb" {
		main = Of(func(c conf, o Options) (dumb, error) { e, err := openEcho(c, o); return dumb{e}, err })
	}
	if err := main(ctx, self); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 7
}

func deafRole([]string) int {
	signal.Ignore(syscall.SIGTERM)
	os.NewFile(3, "answer").WriteString("READY\n")
	select {}
}

// reaping runs a Children in this process until the test ends.
func reaping(t *testing.T) *children.Children {
	t.Helper()
	c := children.New()
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx, chld) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		signal.Stop(chld)
	})
	return c
}

// texts are the lines as one.
func texts(lines []logs.Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Service+":"+l.Text)
	}
	return strings.Join(all, " ")
}

func newTestLog() *logs.Log { return logs.New(func() time.Duration { return 0 }) }

// startUnit starts a role as a unit. Tests wait for its channels, never for time.
func startUnit(t *testing.T, c *children.Children, config string, role ...string) (Process, *logs.Log) {
	t.Helper()
	log := newTestLog()
	p, err := Exec{Children: c, Program: "/proc/self/exe", Env: []string{"A=b"}}.Start(
		Spec{Name: "unit", Args: role, Config: []byte(config)}, log.Output("unit"))
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

// answers fails the test unless the unit says so to its Config.
func answers(t *testing.T, p Process, log *logs.Log, refused string) {
	t.Helper()
	select {
	case a := <-p.Answers():
		if a.Refused != refused {
			t.Errorf("it says %q, want %q", a.Refused, refused)
		}
	case <-p.Exited():
		t.Fatalf("it ended: %v, %s", p.Exit(), texts(log.Last("unit", 10)))
	}
}

// TestProtocol has a real process at each end: it drops to a user, takes two other Configs, one larger than
// any pipe, refuses a third, and goes on by the one before it without being asked to change.
func TestProtocol(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p, log := startUnit(t, reaping(t), `{"Word":"one"}`, "role-unit", dir, "501", "reloads")
	answers(t, p, log, "")
	if err := control.Call(t.Context(), dir, "echo", Problems, nil, nil); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ config, refused string }{
		{`{"Word":"two","Grow":"` + strings.Repeat("y", 1<<20) + `"}`, ""},
		{`{"Refuse":"no\nsuch  network"}`, "no such network"},
		{`{"Word":`, "the configuration on descriptor 0: unexpected EOF"},
		{`{"Ward":"four"}`, `the configuration on descriptor 0: json: unknown field "Ward"`},
		{`{"Word":"five"}`, ""},
		{`{"Refuse":"no"}`, "no"},
		{`{"Word":"five"}`, ""},
	} {
		if err := p.Reload([]byte(c.config)); err != nil {
			t.Fatal(err)
		}
		answers(t, p, log, c.refused)
	}
	p.Terminate()
	<-p.Exited()
	if got := p.Exit().String(); got != "exit status 7" {
		t.Errorf("exit: %s", got)
	}
	want := `unit:own session: true env: [A=b] unit:and a line on stderr \x1b[2J`
	if got := texts(log.Last("unit", 10)); got != want {
		t.Errorf("log: %s\nwant %s", got, want)
	}
	p.Terminate() // to a dead one: nothing
	p.Kill()
}

// TestNotReloaded: a service without Reconfigure says so, and a roster that says otherwise is a mistake.
func TestNotReloaded(t *testing.T) {
	dir := t.TempDir()
	p, log := startUnit(t, reaping(t), `{"Word":"one"}`, "role-unit", dir, "0", "dumb")
	answers(t, p, log, "")
	if err := p.Reload([]byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	answers(t, p, log, errNotReloaded.Error())
	p.Terminate()
	<-p.Exited()
	err := Of(func(c conf, o Options) (dumb, error) { return dumb{&echo{o, c}}, nil })(t.Context(),
		Self{Service: roster.Service{Name: "echo", Reloads: true}, Config: strings.NewReader(`{}`), RunDir: dir})
	if err == nil || !strings.Contains(err.Error(), "has no Reconfigure") {
		t.Errorf("got %v", err)
	}
}

// TestRefusedStart: what a service says when it does not start is its last line.
func TestRefusedStart(t *testing.T) {
	p, log := startUnit(t, reaping(t), `{"Refuse":"no such network"}`, "role-unit", t.TempDir(), "0", "reloads")
	<-p.Exited()
	if got := texts(log.Last("unit", 1)); got != "unit:error: no such network" || p.Exit().Code != 1 {
		t.Errorf("%v, log: %s", p.Exit(), got)
	}
}

func TestAnswer(t *testing.T) {
	for _, a := range []Answer{{}, {"why"}, {strings.Repeat("long ", maxWord)}} {
		got, err := parseAnswer([]byte(a.String() + "\n"))
		if err != nil || got != a && !strings.HasPrefix(a.Refused, got.Refused) || len(a.String()) >= maxWord {
			t.Errorf("%.20q was read as %.20q, %v", a, got, err)
		}
	}
	for _, line := range []string{"", "\n", "REFUSED", "REFUSED \n", "READY now\n", "ready\n"} {
		if a, err := parseAnswer([]byte(line)); err == nil {
			t.Errorf("%q was read as %+v", line, a)
		}
	}
}

func TestKillDeafUnit(t *testing.T) {
	p, _ := startUnit(t, reaping(t), "", "role-deaf")
	answers(t, p, newTestLog(), "")
	p.Terminate()
	p.Kill()
	<-p.Exited()
	if got := p.Exit().String(); got != "killed by signal 9 (killed)" {
		t.Errorf("exit: %s", got)
	}
}

func TestNotReadyAndNoNewline(t *testing.T) {
	p, log := startUnit(t, reaping(t), "", "role-unproven")
	<-p.Exited()
	select {
	case <-p.Answers():
		t.Error("ready, though it never said so")
	default:
	}
	if got := texts(log.Last("unit", 10)); got != "unit:no newline at the end" {
		t.Errorf("log: %s", got)
	}
}

// A unit's own child that holds its output open must not hide its end.
func TestOutputHeldOpen(t *testing.T) {
	c := reaping(t)
	log := newTestLog()
	p, err := Exec{Children: c, Program: "/bin/sh"}.Start(
		Spec{Name: "unit", Args: []string{"-c", "sleep 1000 & echo $!; exit 5"}}, log.Output("unit"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	lines := log.Last("unit", 10)
	if len(lines) != 1 || p.Exit().Code != 5 {
		t.Fatalf("%v, log %+v", p.Exit(), lines)
	}
	pid, err := strconv.Atoi(lines[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
}

func TestStartFails(t *testing.T) {
	c := reaping(t)
	before := openFiles(t)
	for range 20 {
		if _, err := (Exec{Children: c, Program: "/nonexistent"}).Start(Spec{Name: "x"}, newTestLog().Output("x")); err == nil {
			t.Fatal("started a program that is not there")
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after failed starts", before, after)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
