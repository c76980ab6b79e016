package vmtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Wire is a cable between one card and the test itself, which sends and receives whole Ethernet frames on it.
// It needs no privilege, and it carries what the machine's kernel puts on it unchanged: VLAN tags, full
// checksums.
type Wire struct {
	conn *net.UnixConn
}

// maxFrame is larger than any frame that a card without offloads sends.
const maxFrame = 64 << 10

// NewWire makes a cable: its one end for a card, and the test's end.
func NewWire() (Port, *Wire, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return Port{}, nil, fmt.Errorf("wire: %w", err)
	}
	ours := os.NewFile(uintptr(fds[1]), "wire")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		unix.Close(fds[0])
		return Port{}, nil, fmt.Errorf("wire: %w", err)
	}
	return Port{File: os.NewFile(uintptr(fds[0]), "card"), kind: "dgram"}, &Wire{conn.(*net.UnixConn)}, nil
}

// Send puts a frame on the wire. A frame that the card has no room for, now and a millisecond later, is lost
// without an error, as on a real wire, and as before the machine has brought the card up.
func (w *Wire) Send(frame []byte) error {
	raw, err := w.conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	for range 2 {
		// There is no deadline, which could pass before the first try and lose a frame that there is room
		// for.
		var failed error
		err := raw.Write(func(fd uintptr) bool {
			_, failed = unix.Write(int(fd), frame)
			return true
		})
		if err != nil {
			return fmt.Errorf("wire: %w", err)
		}
		if failed == nil {
			return nil
		}
		if !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.ENOBUFS) {
			return fmt.Errorf("wire: %w", failed)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Receive waits for the next frame until the deadline, then fails with os.ErrDeadlineExceeded.
func (w *Wire) Receive(deadline time.Time) ([]byte, error) {
	if err := w.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	frame := make([]byte, maxFrame)
	n, err := w.conn.Read(frame)
	return frame[:n], err
}

// Close pulls the cable out.
func (w *Wire) Close() error { return w.conn.Close() }
