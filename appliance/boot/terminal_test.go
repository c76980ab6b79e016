package boot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pty opens a pseudo terminal: our end, and the path of the other one.
func pty(t *testing.T) (*os.File, string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	var errUnlock, errNumber error
	var n uint32
	raw, err := master.SyscallConn() // Fd would take its deadlines away
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		errUnlock = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, errNumber = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
	})
	if err := errors.Join(errUnlock, errNumber); err != nil {
		t.Fatal(err)
	}
	// Hold the other end open: at its last close the terminal is hung up.
	path := fmt.Sprintf("/dev/pts/%d", n)
	hold, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hold.Close() })
	return master, path
}

func TestAsk(t *testing.T) {
	master, tty := pty(t)
	asked := make(chan error, 1)
	go func() { asked <- Linux(nil).Ask(t.Context(), tty, "\r\nPress Enter\r\n") }()
	r := bufio.NewReader(master)
	for want := range strings.Lines("\r\r\nPress Enter\r\r\n") { // the terminal makes \n into \r\n
		if got, err := r.ReadString('\n'); got != want || err != nil {
			t.Errorf("the terminal shows %q, %v; want %q", got, err, want)
		}
	}
	master.WriteString("\r") // what the key sends
	if err := <-asked; err != nil {
		t.Errorf("Ask: %v", err)
	}
}

func TestAskEndsWithContext(t *testing.T) {
	_, tty := pty(t)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() { asked <- Linux(nil).Ask(ctx, tty, "Press Enter") }()
	cancel()
	if err := <-asked; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Ask: %v", err)
	}
	if err := Linux(nil).Ask(t.Context(), "/dev/nonexistent", ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no terminal: %v", err)
	}
}

// The shell has the terminal as its own, and leaves it as it was.
func TestShell(t *testing.T) {
	master, tty := pty(t)
	before, err := modes(tty)
	if err != nil {
		t.Fatal(err)
	}
	script := `stty raw -echo; echo "by way of /dev/tty, $TERM, $PATH" >/dev/tty; exit 3`
	if err := Linux(reaping(t)).Shell(tty, []string{"/bin/sh", "-c", script}); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(master).ReadString('\n')
	if want := "by way of /dev/tty, vt220, /bin:/sbin"; strings.TrimSpace(line) != want || err != nil {
		t.Errorf("the terminal shows %q, %v; want %q", line, err, want)
	}
	after, err := modes(tty)
	if err != nil || *after != *before {
		t.Errorf("modes %+v, %v; before the shell %+v", after, err, before)
	}
	if err := Linux(reaping(t)).Shell(tty, []string{"/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no shell: %v", err)
	}
	if err := Linux(nil).Shell(os.DevNull, []string{"/bin/sh"}); err == nil {
		t.Error("a shell on what is no terminal")
	}
}

func modes(tty string) (*unix.Termios, error) {
	f, err := openTTY(tty)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
}

// TestLock: the console is open, locked, and open again.
func TestLock(t *testing.T) {
	var l Lock
	locked, changed := l.now()
	if locked {
		t.Error("locked though nobody said so")
	}
	l.Set(false)
	select {
	case <-changed:
		t.Error("what was said twice is told as a change")
	default:
	}
	for _, want := range []bool{true, false, true} {
		_, changed := l.now()
		l.Set(want)
		<-changed
		if locked, _ := l.now(); locked != want {
			t.Errorf("locked: %v, want %v", locked, want)
		}
	}
	if locked, _ := (*Lock)(nil).now(); locked {
		t.Error("a lock that is not there is locked")
	}
}
