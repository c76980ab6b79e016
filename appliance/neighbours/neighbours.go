// Package neighbours hears from the kernel which hardware address answers for which IPv6 address on the links
// of this machine, and asks it about IPv4: its neighbour table (rtnetlink(7), ip-neighbour(8)).
//
// The table has those only that the machine has spoken with, or that have spoken to it. The kernel bounds it
// (gc_thresh3 in ip-sysctl.rst, 1024 addresses of a family unless it is told otherwise). Nothing is changed
// in it, and no privilege is needed.
//
// What it says is as good as neighbour discovery is: whoever is on a link can claim any address there.
package neighbours

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// An Entry is an address of a neighbour. Entries without a hardware address, and those that are not learned
// but set, are left out.
type Entry struct {
	Link int // its index
	Addr netip.Addr
	MAC  ethernet.MAC
	// Confirmed: the neighbour has it just now. Otherwise it has said so, or has had it before, and nobody
	// has asked since.
	Confirmed bool
}

// ErrLost is returned by Read when the kernel could not tell everything. Ask has it tell all there is.
var ErrLost = errors.New("neighbours: messages of the kernel were lost")

// A Table is a socket on which the kernel tells of neighbours. Read is for one goroutine; Ask and Close are
// for any.
type Table struct {
	socket *os.File
	buffer [64 << 10]byte
}

// Open hears of the neighbours in the network namespace of the calling thread.
func Open() (*Table, error) {
	socket, err := open(1 << (unix.RTNLGRP_NEIGH - 1))
	if err != nil {
		return nil, err
	}
	return &Table{socket: socket}, nil
}

// Close ends Read, which returns os.ErrClosed then.
func (t *Table) Close() error { return t.socket.Close() }

// Ask has the kernel tell all entries that there are; Read returns them with what else happens.
func (t *Table) Ask() error {
	return ask(t.socket, unix.AF_INET6)
}

// Read waits for entries, which may be none.
func (t *Table) Read() ([]Entry, error) {
	n, err := t.socket.Read(t.buffer[:])
	switch {
	case errors.Is(err, unix.ENOBUFS):
		return nil, ErrLost
	case errors.Is(err, os.ErrClosed):
		return nil, os.ErrClosed
	case err != nil:
		return nil, fmt.Errorf("neighbours: %w", err)
	}
	all, _, err := parse(t.buffer[:n], unix.AF_INET6)
	return all, err
}

func ask(socket *os.File, family byte) error {
	var b [unix.NLMSG_HDRLEN + unix.SizeofNdMsg]byte
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_GETNEIGH)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b[unix.NLMSG_HDRLEN] = family
	if _, err := socket.Write(b[:]); err != nil {
		return fmt.Errorf("neighbours: ask the kernel: %w", err)
	}
	return nil
}

// open makes a socket that hears of some groups.
func open(groups uint32) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("neighbours: netlink socket", err)
	}
	socket := os.NewFile(uintptr(fd), "neighbours")
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(os.NewSyscallError("neighbours: bind netlink socket", err), socket.Close())
	}
	return socket, nil
}
