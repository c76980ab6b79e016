package neighbours

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patient is how long the kernel may take to tell.
const patient = 5 * time.Second

// IPv4 asks the kernel which hardware address answers for which IPv4 address, whenever it is wanted. It hears
// of nothing by itself. It is for one goroutine.
type IPv4 struct {
	socket *os.File
	buffer [64 << 10]byte
}

// OpenIPv4 asks in the network namespace of the calling thread.
func OpenIPv4() (*IPv4, error) {
	socket, err := open(0)
	if err != nil {
		return nil, err
	}
	return &IPv4{socket: socket}, nil
}

// List returns all entries that there are. After an error some of the answer may still come: the next List
// reads it away, or fails too.
func (n *IPv4) List() (all []Entry, err error) {
	if err := n.socket.SetReadDeadline(time.Now().Add(patient)); err != nil {
		return nil, fmt.Errorf("neighbours: %w", err)
	}
	if err := ask(n.socket, unix.AF_INET); err != nil {
		return nil, err
	}
	for {
		size, err := n.socket.Read(n.buffer[:])
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return nil, ErrLost
		case err != nil:
			return nil, fmt.Errorf("neighbours: %w", err)
		}
		some, done, err := parse(n.buffer[:size], unix.AF_INET)
		if all = append(all, some...); err != nil || done {
			return all, err
		}
	}
}

// Close ends it.
func (n *IPv4) Close() error { return n.socket.Close() }
