package children

import (
	"bytes"
	"context"
	"fmt"
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
		"role-exit":    func(args []string) int { n, _ := strconv.Atoi(args[0]); return n },
		"role-orphans": orphansRole,
		"role-pid1":    pid1Role,
	}
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
	c := New()
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
