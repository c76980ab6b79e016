package runner

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
)

// TestMain is what programs are started through, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "become" {
		fmt.Fprintln(os.Stderr, Become(os.Args[2:]))
		os.Exit(127)
	}
	os.Exit(m.Run())
}

// A site has programs that write what the tests look at into a directory.
type site struct {
	*Runner
	t       *testing.T
	dir     string
	program string // the first
	log     lockedBuffer
	ended   lockedBuffer // what became of each run
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start has a program, a script, run for what is put, until the test ends. $D is the
// directory. In this process only children may start others.
func start(t *testing.T, script string, o Options) *site {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hooks") // t.TempDir is for its owner only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{t: t, dir: dir}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.program = s.script("pro gram;$x", script) // no shell looks at its name
	o.Through = []string{"/proc/self/exe", "hook", "become"}
	o.Ended = func(program string, event hooks.Name, err error) {
		fmt.Fprintf(&s.ended, "%s %s %v\n", filepath.Base(program), event, err)
	}
	o.Children = children.New()
	o.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	s.Runner = New(o)
	s.Set([]string{s.program})
	ctx, cancel := context.WithCancel(t.Context())
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	var running, collecting sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	collect, collected := context.WithCancel(context.Background())
	collecting.Go(func() { o.Children.Run(collect, chld) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		collected()
		collecting.Wait()
		signal.Stop(chld)
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// script makes a program, and returns its path.
func (s *site) script(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\nD='"+s.dir+"'\n"+text), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// eventually waits until f is true.
func (s *site) eventually(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain until %s; the log: %s", what, s.log.String())
		}
	}
}

func (s *site) logs(text string) {
	s.t.Helper()
	s.eventually("the log has "+text, func() bool { return strings.Contains(s.log.String(), text) })
}

func (s *site) file(name string) string {
	b, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(b)
}

func bound(n int) hooks.Event {
	m := &hooks.Message{IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), Options: []hooks.Option{
		{Code: 15, Data: []byte("x; touch /tmp/gatehouse-was-here")},
		{Code: 17, Data: []byte("a\nip=192.0.2.66\n$(id)`id`\x00")},
	}}
	return hooks.Event{Name: hooks.Bound, Interface: "wan0", Message: m}
}

// TestWhatItGets has the program say what it is and has.
func TestWhatItGets(t *testing.T) {
	t.Setenv("SECRET", "of the parent")
	s := start(t, `
exec 9>"$D/said"
echo "args $# $1" >&9
echo "dir $(pwd)" >&9
echo "user $(id -u) $(id -g) $(id -G)" >&9
echo "stdin $(cat | wc -c)" >&9
echo "pid $$" >&9
ls /proc/self/fd | tr '\n' ' ' >"$D/fds"
grep -E '^(Cap|NoNewPrivs)' /proc/self/status >&9
tr '\0' '\n' </proc/self/environ >"$D/environ"
mv "$D/said" "$D/all"
`, Options{})
	s.Put(bound(100))
	s.eventually("it has run", func() bool { return s.file("all") != "" })
	none := strings.Repeat("0", 16)
	want := "args 1 bound\ndir /\nuser 65534 65534 65534\nstdin 0\npid 1\n"
	for _, set := range []string{"Inh", "Prm", "Eff", "Bnd", "Amb"} {
		want += "Cap" + set + ":\t" + none + "\n"
	}
	if got := s.file("all"); got != want+"NoNewPrivs:\t1\n" {
		t.Errorf("it says\n%s", got)
	}
	env := strings.Split(strings.TrimSpace(s.file("environ")), "\n")
	slices.Sort(env)
	if want := []string{
		path, "domain=bad", "interface=wan0", "ip=192.0.2.100", "rootpath=a\\x0aip=192.0.2.66\\x0a$(id)`id`",
	}; !slices.Equal(slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "PWD=") }), want) {
		t.Errorf("its environment is %q", env)
	}
	if got := s.file("fds"); got != "0 1 2 3 9 " { // 3 is ls's own
		t.Errorf("its descriptors are %s", got)
	}
	s.logs(`msg="has run" hook="pro gram;$x" event=bound`)
}

// TestLimits: each process of a program has them, and root and empty hands cannot Become.
func TestLimits(t *testing.T) {
	s := start(t, `
cat /proc/self/limits >"$D/l"
(cat /proc/self/oom_score_adj; nice) >"$D/n"
(ulimit -n 100) 2>/dev/null && echo raised >"$D/raised"
mv "$D/l" "$D/limits"
`, Options{})
	s.Put(bound(1))
	s.logs(`msg="has run"`)
	for _, want := range []string{
		"cpu time 10 10", "file size 1048576 1048576", "data size 134217728 134217728", "core file size 0 0",
		"processes 128 128", "open files 64 64",
	} {
		if text := strings.Join(strings.Fields(s.file("limits")), " "); !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if got := s.file("n"); got != "1000\n10\n" || s.file("raised") != "" {
		t.Errorf("it dies first, and comes last: %q; a limit was raised: %q", got, s.file("raised"))
	}
	if os.Getuid() != 0 {
		t.Fatal("this test must be root")
	}
	if err := Become([]string{"/bin/true"}); err == nil {
		t.Error("root becomes a program")
	}
}

// TestSeveral: for one event programs run one after the other, in their order, whatever becomes of each.
func TestSeveral(t *testing.T) {
	s := start(t, `echo "a $1" >>"$D/told"; exit 1`, Options{})
	b := s.script("b", `sleep 0.2; echo "b $1" >>"$D/told"`)
	s.Set([]string{s.program, filepath.Join(s.dir, "absent"), b})
	s.Put(hooks.Event{Name: hooks.Deconfig, Interface: "wan0"})
	s.Put(bound(1))
	want := "a deconfig\nb deconfig\na bound\nb bound\n"
	s.eventually("all were told", func() bool { return s.file("told") == want })
	s.Set(nil)
	s.Put(bound(2)) // nobody is there to be told
	s.Set([]string{b})
	s.Put(hooks.Event{Name: hooks.NAK, Interface: "wan0"})
	s.eventually("the one that is left is told", func() bool { return s.file("told") == want+"b nak\n" })
	const ended = "pro gram;$x deconfig exit status 1\nabsent deconfig exit status 127\nb deconfig <nil>\n"
	if got := s.ended.String(); !strings.HasPrefix(got, ended) {
		t.Errorf("what became of them:\n%s", got)
	}
}

// TestSomebodyElse runs it as another user, who is never root.
func TestSomebodyElse(t *testing.T) {
	s := start(t, `echo "$(id -u) $(id -g) $(id -G)"`, Options{UID: 1234, GID: 5678})
	s.Put(bound(1))
	s.logs(`line="1234 5678 5678"`)
	if r := New(Options{UID: -1}); r.o.UID != Nobody || r.o.GID != Nobody || r.o.Timeout != Timeout {
		t.Errorf("%d, %d, %v", r.o.UID, r.o.GID, r.o.Timeout)
	}
}

// left returns the processes that have an argument.
func left(argument string) (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if slices.Contains(strings.Split(string(b), "\x00"), argument) {
			all = append(all, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return all
}

// TestTimeIsUp kills a program with all that it has started, in sessions of their own too.
func TestTimeIsUp(t *testing.T) {
	long := fmt.Sprint(100000 + os.Getpid())
	script := "sleep LONG & setsid sleep LONG & trap '' TERM HUP INT; echo ready >\"$D/ready\"; sleep LONG"
	s := start(t, strings.ReplaceAll(script, "LONG", long), Options{Timeout: 8 * time.Second}) // of which it is seen to run
	s.Put(bound(1))
	s.eventually("it is running", func() bool { return s.file("ready") != "" && len(left(long)) == 3 })
	s.logs(`msg="was killed: its time was up" hook="pro gram;$x" event=bound after=8s`)
	if all := left(long); all != nil {
		t.Errorf("still there: %q", all)
	}
	s.Put(bound(2))
	s.eventually("the next one is running", func() bool { return len(left(long)) == 3 })
}

// TestLeavesNothing: what a program leaves running ends with it, and what it wrote is logged.
func TestLeavesNothing(t *testing.T) {
	long := fmt.Sprint(200000 + os.Getpid())
	s := start(t, "setsid sleep "+long+" & echo done; exit 3", Options{})
	s.Put(bound(1))
	s.logs(`level=ERROR msg="has failed" hook="pro gram;$x" event=bound end="exit status 3"`)
	if all := left(long); all != nil || !strings.Contains(s.log.String(), "line=done") {
		t.Errorf("still there: %q; the log: %s", all, s.log.String())
	}
}

// TestStops: the end of Run is the end of the program.
func TestStops(t *testing.T) {
	long := fmt.Sprint(300000 + os.Getpid())
	t.Run("", func(t *testing.T) {
		s := start(t, "sleep "+long, Options{})
		s.Put(bound(1))
		s.eventually("it is running", func() bool { return len(left(long)) == 1 })
	})
	if all := left(long); all != nil {
		t.Errorf("still there: %q", all)
	}
}

// TestOutput: lines are cut, made printable and counted.
func TestOutput(t *testing.T) {
	s := start(t, `
printf 'no colour: \033[31m\n'
printf '%0300d\n' 7 >&2
for i in $(seq 50); do echo "line $i"; done
printf 'no end'
`, Options{})
	s.Put(bound(1))
	s.logs(`msg="has run"`)
	log := s.log.String()
	for _, want := range []string{
		`line="no colour: \\x1b[31m"`, "line=" + strings.Repeat("0", maxLine) + "…\n", `line="line 38"`,
		"lines_left_out=13",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(log, "line 39") {
		t.Error("more lines were logged")
	}
}

// TestOutputWithoutEnd: a program that writes on and on gets an error in the end.
func TestOutputWithoutEnd(t *testing.T) {
	s := start(t, `while printf '%01000d\n' 1; do :; done; echo "$?" >"$D/ended"`, Options{})
	s.Put(bound(1))
	s.eventually("it gets an error", func() bool { return s.file("ended") != "" })
	s.logs("its output was closed")
	if n := strings.Count(s.log.String(), "line="); n != maxLines {
		t.Errorf("%d lines were logged", n)
	}
}

// TestOneAtATime puts a thousand events in while the program runs for the first: it is told
// that there was no lease for a while, and of the last one.
func TestOneAtATime(t *testing.T) {
	s := start(t, `
mkdir "$D/running" || echo twice >>"$D/told"
echo "$1 $ip" >>"$D/told"
[ "$ip" = 192.0.2.1 ] && while ! [ -e "$D/go" ]; do sleep 0.05; done
rmdir "$D/running"
`, Options{})
	s.Put(bound(1))
	s.eventually("it is running", func() bool { return s.file("told") != "" })
	began := time.Now()
	for range 1000 {
		s.Put(hooks.Event{Name: hooks.LeaseFail, Interface: "wan0"})
		s.Put(hooks.Event{Name: hooks.Deconfig, Interface: "wan0"})
		s.Put(bound(2))
		s.Put(bound(3))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Put has waited: %s", took)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.eventually("it is told of the last", func() bool {
		return strings.HasSuffix(s.file("told"), "bound 192.0.2.3\n")
	})
	if got := s.file("told"); got != "bound 192.0.2.1\nleasefail \ndeconfig \nbound 192.0.2.3\n" {
		t.Errorf("it was told\n%s", got)
	}
}

// TestCannotStart: it is said, and the next event is tried.
func TestCannotStart(t *testing.T) {
	s := start(t, "echo there", Options{})
	if err := os.Chmod(s.program, 0o700); err != nil { // root's only
		t.Fatal(err)
	}
	s.Put(bound(1))
	s.logs("permission denied")
	s.eventually("its end is told", func() bool { return s.ended.String() == "pro gram;$x bound exit status 127\n" })
	if err := os.Chmod(s.program, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Put(bound(2))
	s.logs("line=there")
}
