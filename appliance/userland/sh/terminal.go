package sh

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Size of a terminal that does not know its own, as a serial line.
const (
	defaultColumns = 80
	defaultRows    = 24
)

// terminal is the terminal of an interactive shell and its modes.
type terminal struct {
	stdin *os.File
	lines *os.File // for the line editor: reads end when it is closed

	group int // that was in the foreground before the shell; 0: there is no job control

	mu     sync.Mutex // a hang-up closes it
	closed bool       // its modes are no longer the shell's
	before unix.Termios
	modes  unix.Termios // for commands
}

// openTerminal takes over the terminal that stdin is.
func openTerminal(stdin *os.File) (*terminal, error) {
	t := &terminal{stdin: stdin}
	modes, err := unix.IoctlGetTermios(t.fd(), unix.TCGETS)
	if err != nil {
		return nil, os.NewSyscallError("tcgetattr", err)
	}
	t.before, t.modes = *modes, *modes
	if !sane(modes) {
		t.modes.Iflag |= unix.ICRNL | unix.IXON
		t.modes.Oflag |= unix.OPOST | unix.ONLCR
		t.modes.Lflag |= unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ISIG | unix.IEXTEN
	}
	t.lines = t.reopen()
	return t, nil
}

// fd is the terminal for ioctls. Fd makes no difference to stdin, which programs
// inherit anyway.
func (t *terminal) fd() int { return int(t.stdin.Fd()) }

// reopen opens the terminal anew, so that a read can be ended by closing that
// file. Without /proc and /dev/tty, it returns stdin.
func (t *terminal) reopen() *os.File {
	for _, name := range []string{fmt.Sprintf("/proc/self/fd/%d", t.fd()), "/dev/tty"} {
		if f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0); err == nil {
			return f
		}
	}
	return t.stdin
}

// close restores the modes from before the shell.
func (t *terminal) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(t.before)
	t.closed = true
	if t.lines != t.stdin {
		t.lines.Close()
	}
}

// set sets modes; what is typed ahead is kept. An error means that the terminal
// has hung up, as the next read finds.
func (t *terminal) set(modes unix.Termios) {
	if !t.closed {
		_ = unix.IoctlSetTermios(t.fd(), unix.TCSETS, &modes)
	}
}

// raw is for the line editor. Output is processed as usual, for the sake of jobs in
// the background; so is Enter, because a program may read what is pasted now.
func (t *terminal) raw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	modes := t.modes
	modes.Iflag &^= unix.IXON | unix.INLCR | unix.IGNCR | unix.ISTRIP
	modes.Iflag |= unix.ICRNL
	modes.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL | unix.ISIG | unix.IEXTEN
	modes.Cc[unix.VMIN], modes.Cc[unix.VTIME] = 1, 0
	t.set(modes)
}

// lend gives a job the modes that it had.
func (t *terminal) lend(modes unix.Termios) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(modes)
}

// cooked is for commands.
func (t *terminal) cooked() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(t.modes)
}

// settle keeps what a command has set (stty), unless it is unfit for people: then
// the command did not get to restoring it.
func (t *terminal) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	modes, err := unix.IoctlGetTermios(t.fd(), unix.TCGETS)
	if err == nil && sane(modes) {
		t.modes = *modes
	}
	t.set(t.modes)
}

// current are the modes that a command has left.
func (t *terminal) current() *unix.Termios {
	modes, err := unix.IoctlGetTermios(t.fd(), unix.TCGETS)
	if err != nil {
		return nil
	}
	return modes
}

// restore gives back the modes for commands, whatever a command that has stopped has set.
func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(t.modes)
}

// echo switches the echo of cooked mode.
func (t *terminal) echo(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	modes := t.modes
	if !on {
		modes.Lflag &^= unix.ECHO
	}
	t.set(modes)
}

// sane reports whether lines, their echo, ^C and the ends of lines work.
func sane(t *unix.Termios) bool {
	const local, output = unix.ICANON | unix.ECHO | unix.ISIG, unix.OPOST | unix.ONLCR
	return t.Lflag&local == local && t.Oflag&output == output && t.Iflag&unix.ICRNL != 0
}

// size is the size of the window.
func (t *terminal) size() (columns, rows int) {
	w, err := unix.IoctlGetWinsize(t.fd(), unix.TIOCGWINSZ)
	if err != nil || w.Col == 0 || w.Row == 0 {
		return defaultColumns, defaultRows
	}
	return int(w.Col), int(w.Row)
}

// waiting reports whether input is there to be read.
func (t *terminal) waiting() bool {
	n, err := unix.IoctlGetInt(t.fd(), unix.TIOCINQ)
	return err == nil && n > 0
}
