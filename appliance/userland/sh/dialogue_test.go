package sh

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// deadline is for what ought to happen at once; it only ends a test that fails.
const deadline = 60 * time.Second

// dialogue is a shell on a terminal, and a person there.
type dialogue struct {
	*testing.T
	tty    *os.File // the master
	slave  *os.File
	cmd    *exec.Cmd
	dir    string // where the shell started
	before unix.Termios
	output chan []byte
	seen   []byte // all output
	read   int    // of seen, what expect is past
}

// talk starts an interactive shell in an empty directory.
func talk(t *testing.T, env ...string) *dialogue {
	t.Helper()
	d := &dialogue{T: t, dir: shortDir(t), output: make(chan []byte, 1024)}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	// Package pty has made the master blocking; Close would wait for Read.
	fd, err := unix.Dup(int(master.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(fd)
	master.Close()
	d.tty, d.slave = os.NewFile(uintptr(fd), "master"), slave
	d.resize(24, 200)
	d.before = d.modes()
	d.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{"sh"}, Dir: d.dir, Env: append(environment(t), env...),
		Stdin: d.slave, Stdout: d.slave, Stderr: d.slave,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go d.listen()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		d.slave.Close()
		d.tty.Close()
	})
	d.prompt()
	return d
}

// ourselves is an environment in which sh is this program.
func environment(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	program, err := os.Executable()
	for _, name := range []string{"sh", "echo", "test", "["} {
		if err == nil {
			err = os.Symlink(program, dir+"/"+name)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+dir+":/usr/sbin:/usr/bin:/sbin:/bin", "GORACE=atexit_sleep_ms=0")
}

// shortDir makes a directory whose name leaves room on a line.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// listen takes the output off the terminal.
func (d *dialogue) listen() {
	defer close(d.output)
	for {
		buf := make([]byte, 4096)
		n, err := d.tty.Read(buf)
		if err != nil {
			return
		}
		select {
		case d.output <- buf[:n]:
		case <-d.Context().Done():
			return
		}
	}
}

// send types keys.
func (d *dialogue) send(keys string) {
	d.Helper()
	if _, err := d.tty.WriteString(keys); err != nil {
		d.Fatal(err)
	}
}

// expect waits for text in the output after what was expected before, and returns
// what came until then.
func (d *dialogue) expect(text string) string {
	d.Helper()
	late := time.After(deadline)
	for {
		if i := bytes.Index(d.seen[d.read:], []byte(text)); i >= 0 {
			before := string(d.seen[d.read : d.read+i])
			d.read += i + len(text)
			return before
		}
		select {
		case more, open := <-d.output:
			if !open {
				d.Fatalf("the terminal closed before %q; output: %q", text, d.seen[d.read:])
			}
			d.seen = append(d.seen, more...)
		case <-late:
			d.Fatalf("no %q; output: %q", text, d.seen[d.read:])
		}
	}
}

// prompt waits for the prompt.
func (d *dialogue) prompt() string {
	d.Helper()
	host, err := os.Hostname()
	if err != nil {
		d.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	return d.expect(host + ":" + d.dir + "# ")
}

// do types a line and returns what it printed, with the terminal's line ends.
func (d *dialogue) do(line string) string {
	d.Helper()
	d.send(line + "\r")
	out := d.prompt()
	_, out, ok := strings.Cut(out, "\r\n") // the echo of the line
	if !ok {
		d.Fatalf("no echo of %q: %q", line, out)
	}
	return out
}

// want checks what a line prints.
func (d *dialogue) want(line, want string) {
	d.Helper()
	if got := d.do(line); got != strings.ReplaceAll(want, "\n", "\r\n") {
		d.Errorf("%s\n got %q\nwant %q", line, got, want)
	}
}

// end waits for the end of the shell and returns its exit status.
func (d *dialogue) end() int {
	d.Helper()
	over := make(chan error, 1)
	go func() { over <- d.cmd.Wait() }()
	select {
	case err := <-over:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			d.Fatal(err)
		}
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(deadline):
		d.Fatal("the shell does not end")
		return -1
	}
}

// modes returns the modes of the terminal.
func (d *dialogue) modes() unix.Termios {
	d.Helper()
	modes, err := unix.IoctlGetTermios(int(d.slave.Fd()), unix.TCGETS)
	if err != nil {
		d.Fatal(err)
	}
	return *modes
}

// resize changes the size of the window.
func (d *dialogue) resize(rows, columns uint16) {
	d.Helper()
	size := &unix.Winsize{Row: rows, Col: columns}
	if err := unix.IoctlSetWinsize(int(d.slave.Fd()), unix.TIOCSWINSZ, size); err != nil {
		d.Fatal(err)
	}
}

// stop runs a line, presses ^Z once it runs, and expects what is said.
func (d *dialogue) stop(line, said string) {
	d.Helper()
	d.send(line + "\r")
	d.expect("\r\n")
	d.untilForeground()
	d.send("\x1a")
	d.expect("\r\n" + said + "\r\n")
	d.prompt()
}

// untilForeground waits until another process group than the shell's has the terminal, and sleeps there.
func (d *dialogue) untilForeground() {
	d.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		group := 0
		raw, err := d.tty.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
		}
		if err != nil {
			d.Fatal(err)
		}
		if group == d.cmd.Process.Pid {
			continue
		}
		out, err := exec.Command("ps", "-eo", "pgid=,comm=").Output()
		if err != nil {
			d.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) == 2 && f[0] == fmt.Sprint(group) && f[1] == "sleep" {
				return
			}
		}
	}
	d.Fatal("nothing sleeps in the foreground")
}

// untilJobs waits until jobs prints that alone.
func (d *dialogue) untilJobs(want string) {
	d.Helper()
	out := ""
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if out = strings.TrimSpace(d.do("jobs")); out == want {
			return
		}
	}
	d.Fatalf("jobs prints %q, want %q", out, want)
}
