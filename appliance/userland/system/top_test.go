package system_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
)

// patience is for what ought to happen at once; it only ends a test that fails.
const patience = time.Minute

// A seat is a person at a terminal.
type seat struct {
	*testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{}

	mu     sync.Mutex
	screen *emulator.Screen
}

// sit starts a command of this room at a terminal, as process 1 of its own.
func sit(t *testing.T, rows, columns int, args ...string) *seat {
	t.Helper()
	own, err := os.Executable()
	link := filepath.Join(t.TempDir(), args[0])
	if err == nil {
		err = os.Symlink(own, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	// A program whose name and arguments would clear the screen runs beside it.
	const script = `ln -s /bin/sleep "$(printf 'a\033[2J\nb')"; "./$(printf 'a\033[2J\nb')" 4711 & ` +
		`until { read -r x < /proc/$!/comm; } 2>/dev/null && [ "$x" != dash ]; do :; done; "$@"`
	s := &seat{T: t, screen: emulator.New(rows, columns), ended: make(chan struct{})}
	s.cmd = exec.Command("/usr/bin/unshare", append([]string{"--pid", "--fork", "--mount-proc", "--kill-child", "/bin/dash", "-c", script, "dash", link}, args[1:]...)...)
	s.cmd.Dir = t.TempDir()
	s.cmd.Env = append(os.Environ(), "TERM=linux", "GORACE=atexit_sleep_ms=0")
	if s.master, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	go s.look()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		s.master.Close()
	})
	return s
}

func (s *seat) look() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		_, _ = s.screen.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			_ = s.cmd.Wait() // its state is looked at
			close(s.ended)
			return
		}
	}
}

func (s *seat) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// sees waits until the screen is such.
func (s *seat) sees(what string, such func(text string) bool) {
	s.Helper()
	for end := time.Now().Add(patience); !such(s.text()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited for %s; the screen is\n%s", what, s.text())
		}
	}
}

func (s *seat) types(keys string) {
	s.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.Fatal(err)
	}
}

func (s *seat) leaves() int {
	s.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.Fatalf("it does not end; the screen is\n%s", s.text())
	}
	if len(s.screen.Unknown) > 0 {
		s.Errorf("it sent %q", s.screen.Unknown)
	}
	return s.cmd.ProcessState.ExitCode()
}

// first is the first process of the screen, by what its line has at its end.
func first(text string) string {
	_, rows, _ := strings.Cut(text, " COMMAND\n")
	row, _, _ := strings.Cut(rows, "\n")
	return row
}

func TestTopScreen(t *testing.T) {
	s := sit(t, 24, 80, "top", "-d", "0.2")
	s.sees("the processes", func(text string) bool {
		return strings.HasPrefix(text, "Mem: ") && strings.Contains(text, "\n  PID  PPID USER     STAT   RSS %RSS %CPU COMMAND\n") &&
			strings.Contains(text, " b 4711\n") && strings.Contains(text, "/bin/dash -c ln")
	})
	s.types("N")
	s.sees("the highest number first", func(text string) bool { return strings.Contains(first(text), "/top ") })
	s.types("R")
	s.sees("process 1 first", func(text string) bool { return strings.HasPrefix(first(text), "    1     0 root") })
	s.types("RM")
	s.sees("the largest first", func(text string) bool { return strings.Contains(first(text), "/top ") })
	s.types("1")
	s.sees("each processor", func(text string) bool { return strings.Contains(text, "\nCPU0:") })
	s.types("c")
	s.sees("all processors", func(text string) bool { return strings.Contains(text, "\nCPU:") })
	s.types("\x1b[B\x1b[B")
	s.sees("one process left", func(text string) bool {
		return strings.HasPrefix(first(text), "    1     0") || strings.Contains(first(text), "4711")
	})
	s.types("\x1b[H")
	s.sees("all again", func(text string) bool { return strings.Contains(first(text), "/top ") })

	s.mu.Lock()
	s.screen = emulator.New(15, 40)
	s.mu.Unlock()
	if err := pty.Setsize(s.master, &pty.Winsize{Rows: 15, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	s.sees("a smaller screen", func(text string) bool {
		return strings.HasPrefix(text, "Mem: ") && strings.Contains(text, "\n  PID  PPID USER     STAT   RSS %RSS %CP\n")
	})
	s.types("q")
	if status := s.leaves(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestTopEnds: by ^C, by -n, and when its terminal goes away.
func TestTopEnds(t *testing.T) {
	shows := func(text string) bool { return strings.Contains(text, "4711") }
	s := sit(t, 24, 80, "top")
	s.sees("the processes", shows)
	s.types("\x03")
	if status := s.leaves(); status != 0 {
		t.Errorf("^C: status %d", status)
	}
	s = sit(t, 24, 80, "top", "-n", "2", "-d", "0.1")
	if status := s.leaves(); status != 0 || !shows(s.text()) {
		t.Errorf("-n: status %d\n%s", status, s.text())
	}
	s = sit(t, 24, 80, "top", "-d", "0.1")
	s.sees("the processes", shows)
	s.master.Close()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Error("top goes on without a terminal")
	}
}

// TestTerminalLines: on a terminal, ps cuts its lines, and names do nothing to it.
func TestTerminalLines(t *testing.T) {
	s := sit(t, 24, 60, "ps")
	s.leaves()
	text := s.text()
	for _, want := range []string{"PID   USER     COMMAND\n", "    1 root     /bin/dash -c ln -s /bin/sleep ", " root     ./a [2J b 4711\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > 60 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestWho: whoever leads a session with a terminal is here, and since when, and from where.
func TestWho(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"w", "who", "uptime"} {
		if err := os.Symlink(own, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	const inside = `cd "$0" && ./w && ./who && ./uptime`
	cmd := exec.Command("/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
		"/usr/bin/setsid", "--wait", "--ctty", "/bin/dash", "-c", inside, dir)
	cmd.Env = append(os.Environ(), "SSH_CLIENT=192.0.2.7 4711 22", "LOGNAME=ad\x1bmin", "GORACE=atexit_sleep_ms=0")
	cmd.Stdin = slave
	out, err := cmd.CombinedOutput()
	slave.Close()
	now := time.Now()
	row := fmt.Sprintf("ad min          %-15s 00:00   %s", strings.TrimPrefix(slave.Name(), "/dev/"), now.Format("Jan _2 15:"))
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) != 5 || lines[0] != "USER\t\tTTY\t\tIDLE\tTIME\t\t HOST" || lines[1] != lines[2] ||
		!strings.HasSuffix(lines[1], " 192.0.2.7") || !strings.Contains(lines[3], ",  1 users,  load average: ") {
		t.Errorf("%v: %s", err, out)
	}
	if !strings.HasPrefix(lines[1], row[:len(row)-3]) {
		t.Errorf("%s\nwant %s", lines[1], row)
	}
}
