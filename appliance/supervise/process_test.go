package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/logs"
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
		"role-unit":     unitRole,
		"role-exit":     func(args []string) int { n, _ := strconv.Atoi(args[0]); return n },
		"role-orphans":  orphansRole,
		"role-deaf":     deafRole,
		"role-pid1":     pid1Role,
		"role-unproven": func([]string) int { fmt.Print("no newline at the end"); return 0 },
	}
}

// unitRole is a service by the unit protocol.
func unitRole([]string) int {
	config, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 9
	}
	fmt.Printf("config %d bytes: %.20s\n", len(config), config)
	fmt.Fprintln(os.Stderr, "and a line on stderr \x1b[2J")
	sid, _ := unix.Getsid(0)
	fmt.Println("own session:", sid == os.Getpid(), "env:", os.Environ())
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	ready := os.NewFile(3, "ready")
	io.WriteString(ready, "READY\n")
	ready.Close()
	<-term
	fmt.Println("bye")
	return 7
}

func deafRole([]string) int {
	signal.Ignore(syscall.SIGTERM)
	os.NewFile(3, "ready").WriteString("READY\n")
	select {}
}

// orphansRole leaves processes behind that end after it, some at once.
func orphansRole(args []string) int {
	n, _ := strconv.Atoi(args[0])
	for i := range n {
		script := "exit 3"
		if i%2 == 0 {
			script = "sleep 0.05; exit 4"
		}
		if _, err := os.StartProcess("/bin/sh", []string{"sh", "-c", script}, &os.ProcAttr{}); err != nil {
			return 9
		}
	}
	return 0
}

// reaping runs a Children in this process until the test ends.
func reaping(t *testing.T) *Children {
	t.Helper()
	c := NewChildren()
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

// startUnit starts a role as a unit. Tests wait for its channels, never for time.
func startUnit(t *testing.T, c *Children, role string, config string) (Process, *logs.Log) {
	t.Helper()
	log := newTestLog()
	p, err := Exec{Children: c, Program: "/proc/self/exe", Env: []string{"A=b"}}.Start(
		Unit{Name: "unit", Args: []string{role}, Config: json.RawMessage(config)}, log.Output("unit"))
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

func TestUnitProtocol(t *testing.T) {
	config := `{"x":"` + strings.Repeat("y", 1<<20) + `"}` // larger than any pipe
	p, log := startUnit(t, reaping(t), "role-unit", config)
	<-p.Ready()
	p.Terminate()
	<-p.Exited()
	if got := p.Exit().String(); got != "exit status 7" {
		t.Errorf("exit: %s", got)
	}
	want := fmt.Sprintf(`unit:config %d bytes: {"x":"yyyyyyyyyyyyyy unit:and a line on stderr \x1b[2J unit:own session: true env: [A=b] unit:bye`, len(config))
	if got := texts(log.Last("unit", 10)); got != want {
		t.Errorf("log: %s\nwant %s", got, want)
	}
	p.Terminate() // to a dead one: nothing
	p.Kill()
}

func TestKillDeafUnit(t *testing.T) {
	p, _ := startUnit(t, reaping(t), "role-deaf", "")
	<-p.Ready()
	p.Terminate()
	p.Kill()
	<-p.Exited()
	if got := p.Exit().String(); got != "killed by signal 9 (killed)" {
		t.Errorf("exit: %s", got)
	}
}

func TestNotReadyAndNoNewline(t *testing.T) {
	p, log := startUnit(t, reaping(t), "role-unproven", "")
	<-p.Exited()
	select {
	case <-p.Ready():
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
		Unit{Name: "unit", Args: []string{"-c", "sleep 1000 & echo $!; exit 5"}}, log.Output("unit"))
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
		if _, err := (Exec{Children: c, Program: "/nonexistent"}).Start(Unit{Name: "x"}, newTestLog().Output("x")); err == nil {
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

// TestPID1 is the reaper's work as PID 1 has it, in a process that the kernel
// gives its orphans to: pid1Role says what it saw.
func TestPID1(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "role-pid1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || string(out) != "all well\n" {
		t.Errorf("%v\n%s%s", err, out, stderr.Bytes())
	}
}

func pid1Role([]string) int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		return 1
	}
	c := NewChildren()
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	go c.Run(context.Background(), chld)

	var wg sync.WaitGroup
	problems := make(chan string, 1000)
	start := func(want int, args ...string) {
		child, err := c.Start("/proc/self/exe", append([]string{"gatehouse"}, args...), &os.ProcAttr{})
		if err != nil {
			problems <- err.Error()
			return
		}
		wg.Go(func() {
			<-child.Done()
			if got := child.Exit(); got.Code != want || got.Signal != 0 {
				problems <- fmt.Sprintf("%v: %v, want exit status %d", args, got, want)
			}
		})
	}
	// Children that end at once, from several goroutines, among orphans that do.
	var starters sync.WaitGroup
	for g := range 4 {
		starters.Go(func() {
			for i := range 12 {
				start((g*12+i)%64, "role-exit", fmt.Sprint((g*12+i)%64))
				if i%4 == 0 {
					start(0, "role-orphans", "4")
				}
			}
		})
	}
	starters.Wait()
	wg.Wait()
	// No zombie may be left, once the slowest orphan has ended.
	for zombies, until := childrenLeft(), time.Now().Add(20*time.Second); zombies != ""; zombies = childrenLeft() {
		if time.Now().After(until) {
			problems <- "still there: " + zombies
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	close(problems)
	for p := range problems {
		fmt.Println(p)
	}
	if len(c.running) > 0 {
		fmt.Println("still entered:", len(c.running))
	}
	fmt.Println("all well")
	return 0
}

// childrenLeft lists the processes whose parent is this one.
func childrenLeft() string {
	var left []string
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			continue // gone
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			left = append(left, filepath.Base(filepath.Dir(p))+" "+f[0])
		}
	}
	return strings.Join(left, ", ")
}

func TestExitString(t *testing.T) {
	for _, c := range []struct {
		exit Exit
		want string
	}{
		{Exit{Code: 0}, "exit status 0"},
		{Exit{Code: -1, Signal: syscall.SIGSEGV}, "killed by signal 11 (segmentation fault)"},
		{Exit{Code: -1, Err: os.ErrNotExist}, "cannot start: file does not exist"},
	} {
		if got := c.exit.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
