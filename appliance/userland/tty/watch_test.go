package tty_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
)

// A viewer has a terminal on which a program runs, and looks at it.
type viewer struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	ended  chan error
	mu     sync.Mutex
	screen *emulator.Screen
	sent   strings.Builder
}

// view starts watch on a terminal, in a directory.
func view(t *testing.T, dir string, rows, columns int, args ...string) *viewer {
	t.Helper()
	ours, _ := programs(t)
	v := &viewer{t: t, cmd: exec.Command(filepath.Join(ours, "watch"), args...), screen: emulator.New(rows, columns), ended: make(chan error, 1)}
	v.cmd.Dir, v.cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "TERM=linux", "LC_ALL=C", "GORACE=atexit_sleep_ms=0"}
	var err error
	if v.master, err = pty.StartWithSize(v.cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := v.master.Read(b)
			v.mu.Lock()
			v.sent.Write(b[:n])
			v.screen.Write(b[:n])
			v.mu.Unlock()
			if err != nil {
				v.ended <- v.cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = v.cmd.Process.Kill()
		v.master.Close()
	})
	return v
}

// shows waits until the screen is such.
func (v *viewer) shows(what string, such func(screen string) bool) {
	v.t.Helper()
	var screen string
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
		v.mu.Lock()
		screen = v.screen.String()
		v.mu.Unlock()
		if such(screen) {
			return
		}
	}
	v.t.Fatalf("waited for %s; the screen is\n%s", what, screen)
}

func (v *viewer) showsText(text string) {
	v.t.Helper()
	v.shows(text, func(screen string) bool { return strings.Contains(screen, text) })
}

// TestWatch: what a command prints is seen, anew each time, and nothing of it acts on the terminal.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file+".new", []byte(text), 0o644), os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	write("one\ntwo\n")
	v := view(t, dir, 6, 40, "-n", "0.1", "-d", "cat", "f;", "echo complaint >&2")
	v.shows("the heading, and three lines", func(screen string) bool {
		lines := strings.Split(screen, "\n")
		return strings.HasPrefix(lines[0], "Every 0.1s: cat f; e 20") && len(strings.TrimSpace(lines[0])) == 40 && lines[1] == "" &&
			lines[2] == "one" && lines[3] == "two" && lines[4] == "complaint"
	})
	write("one\nTwo\n")
	v.showsText("Two")
	v.shows("a mark", func(string) bool { return strings.Contains(v.sent.String(), "\x1b[7mT\x1b[m") })
	write("\x1b[2J\x1b]0;title\a\x9b31mred\xff\r\n")
	v.showsText("^[[2J^[]0;title^G\\x9b31mred\\xff")
	write("a\tb\n\u754c\u754c end\n")
	v.showsText("a       b")
	v.showsText("\u754c\u754c end")
	write(strings.Repeat("long ", 9) + "\nx\ny\nz\n")
	v.showsText("long\nlong\nx\n")
	write(strings.Repeat("line\n", 1e5))
	v.showsText("line\nline\nline\n")
	write("small\n")
	v.showsText("small\ncomplaint")
	v.mu.Lock()
	v.screen = emulator.New(4, 60)
	v.mu.Unlock()
	if err := pty.Setsize(v.master, &pty.Winsize{Rows: 4, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	v.showsText("Every 0.1s: cat f; echo complaint >&2")
	v.master.WriteString("\x03")
	var exit *exec.ExitError
	if err := <-v.ended; !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("after ^C: %v; want its end by SIGINT", err)
	}
	for _, unknown := range v.screen.Unknown {
		t.Errorf("the terminal does not know %s", unknown)
	}
	if sent := v.sent.String(); strings.Contains(sent, "\x1b[2J") || strings.Contains(sent, "\a") || strings.Contains(sent, "\x9b") {
		t.Errorf("what the file has reached the terminal: %q", sent)
	}
}
