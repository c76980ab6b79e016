package edit_test

import (
	"io"
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

// deadline is for what ought to happen at once; it only ends a test that fails.
const deadline = 60 * time.Second

// A person sits at a terminal, where a program runs.
type person struct {
	*testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan error

	mu      sync.Mutex
	changed *sync.Cond
	screen  *emulator.Screen
	sent    []byte // all that the program has sent
	closed  bool
}

// program is what a name is run by: ours is the test's own, by the name of the command.
func program(t *testing.T, theirs bool, name string) string {
	t.Helper()
	target, err := os.Executable()
	if theirs {
		target, err = exec.LookPath("busybox")
	}
	link := filepath.Join(t.TempDir(), name)
	if err == nil {
		err = os.Symlink(target, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// sit starts a program in a directory, on a terminal of a size.
func sit(t *testing.T, dir string, rows, columns int, path string, args ...string) *person {
	t.Helper()
	p := &person{T: t, screen: emulator.New(rows, columns), ended: make(chan error, 1)}
	p.changed = sync.NewCond(&p.mu)
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm", "HOME=" + dir, "GORACE=atexit_sleep_ms=0"}
	var err error
	p.master, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		t.Fatal(err)
	}
	go p.look()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		p.master.Close()
	})
	return p
}

// look reads what the program sends, and waits for its end.
func (p *person) look() {
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		_, _ = p.screen.Write(buf[:n])
		p.sent = append(p.sent, buf[:n]...)
		p.closed = err != nil
		p.changed.Broadcast()
		p.mu.Unlock()
		if err != nil {
			p.ended <- p.cmd.Wait()
			return
		}
	}
}

// sees waits until the screen is such.
func (p *person) sees(what string, such func(s *emulator.Screen) bool) {
	p.Helper()
	late := false
	timer := time.AfterFunc(deadline, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		late = true
		p.changed.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !such(p.screen) {
		if p.closed || late {
			p.Fatalf("waited for %s; the screen is\n%s", what, p.screen)
		}
		p.changed.Wait()
	}
}

// bottom waits until the last line contains a text.
func (p *person) bottom(text string) {
	p.Helper()
	p.sees(text+" in the last line", func(s *emulator.Screen) bool { return strings.Contains(s.Line(s.Rows-1), text) })
}

// shows waits until the screen contains a text.
func (p *person) shows(text string) {
	p.Helper()
	p.sees(text, func(s *emulator.Screen) bool { return strings.Contains(s.String(), text) })
}

// types presses keys.
func (p *person) types(keys string) {
	p.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		p.Fatal(err)
	}
}

// leaves waits for the end of the program, and returns how it ended.
func (p *person) leaves() int {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(deadline):
		p.Fatalf("the program does not end; the screen is\n%s", p.screen)
	}
	if len(p.screen.Unknown) > 0 {
		p.Errorf("it sent %s", p.screen.Unknown)
	}
	return p.cmd.ProcessState.ExitCode()
}

// resize changes the size of the terminal.
func (p *person) resize(rows, columns int) {
	p.Helper()
	p.mu.Lock()
	p.screen = emulator.New(rows, columns)
	p.mu.Unlock()
	if err := pty.Setsize(p.master, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		p.Fatal(err)
	}
}
