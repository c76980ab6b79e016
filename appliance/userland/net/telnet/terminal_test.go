package telnet

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A screen is the other side of a terminal: what is typed, and what was shown.
type screen struct {
	master, slave *os.File
	lock          sync.Mutex
	shown         bytes.Buffer
}

func openScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, slave: slave}
	t.Cleanup(func() { slave.Close(); master.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			s.lock.Lock()
			s.shown.Write(buf[:n])
			s.lock.Unlock()
		}
	}()
	return s
}

func (s *screen) text() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.shown.String()
}

func (s *screen) mode(t *testing.T) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

func (s *screen) size(t *testing.T, columns, rows uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
}

func (s *screen) key(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// TestTerminal: what a server sends does nothing to the terminal until it takes keys; then they go one by
// one, the size of the window too, and ^] e leaves the terminal as it was.
func TestTerminal(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := openScreen(t)
	s.size(t, 100, 40)
	before := s.mode(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ended := make(chan int, 1)
	t.Setenv("TERM", "vt100")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		ended <- Commands()["telnet"].Main()(ctx, []string{"telnet", "127.0.0.1", port}, s.slave, s.slave, os.Stderr)
	}()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	say := func(text string) {
		if _, err := server.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	var heard []byte
	hears := func(want string) {
		t.Helper()
		_ = server.SetReadDeadline(time.Now().Add(20 * time.Second))
		for !strings.Contains(string(heard), want) {
			buf := make([]byte, 1024)
			n, err := server.Read(buf)
			if heard = append(heard, buf[:n]...); err != nil {
				t.Fatalf("the server waits for %q and has %q: %v", want, heard, err)
			}
		}
		heard = nil
	}
	shows := func(want string) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, fmt.Sprintf("%q is shown", want), func() bool { return strings.Contains(s.text(), want) })
	}

	say("a banner \x1b[31mred\r\n")
	shows(`a banner \u001b[31mred`)
	s.key(t, "line\n")
	hears("line\r\n")

	say("\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfd\x1f")
	hears("\xff\xfa\x18\x00vt100\xff\xf0\xff\xfb\x1f\xff\xfa\x1f\x00\x64\x00\x28\xff\xf0")
	if m := s.mode(t); m.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
		t.Errorf("lines are collected: %x", m.Lflag)
	}
	say("\x1b[32mgreen")
	shows("\x1b[32mgreen")
	s.key(t, "k\x03")
	hears("k\x03")
	s.size(t, 80, 24)
	hears("\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")

	s.key(t, "\x1d")
	shows("exit telnet")
	s.key(t, "x")
	shows("continuing...")
	s.key(t, "\x1d")
	s.key(t, "e")
	select {
	case status := <-ended:
		if status != 0 || s.mode(t) != before {
			t.Errorf("status %d, the terminal is as before: %v", status, s.mode(t) == before)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}
