package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
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
		"role-deaf":     deafRole,
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

// startUnit starts a role as a unit. Tests wait for its channels, never for time.
func startUnit(t *testing.T, c *children.Children, role string, config string) (Process, *logs.Log) {
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
