// Package sockdiag ends TCP connections of this machine itself, by the address that they are bound to
// (sock_diag(7)). A connection whose address the machine has no more neither gets an answer nor an error: it
// hangs until its own timers give up, which takes a quarter of an hour with tcp_retries2 as it is, and for
// ever if it only listens. Here its process gets ECONNABORTED at once, as with `ss -K`.
//
// Only connections are ended: sockets that listen on an address belong to who follows addresses
// (appliance/links), and those of UDP have no conversation that could hang. What is forwarded is no socket of
// this machine: see firewall/conntrack.
//
// It works in the network namespace of the calling thread, and needs CAP_NET_ADMIN there and a kernel with
// CONFIG_INET_DIAG_DESTROY.
package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ErrUnsupported is what End returns, wrapped, if the kernel cannot list TCP sockets or cannot end them.
var ErrUnsupported = errors.New("the kernel ends no connections (CONFIG_INET_DIAG_DESTROY)")

// ofConnections are the states of a socket with another end (linux/tcp_states.h), one bit each: SYN_SENT and
// SYN_RECV, ESTABLISHED, and those of one that is being closed. Not among them are LISTEN and CLOSE, and
// TIME_WAIT, which no process has.
const ofConnections = 1<<unix.BPF_TCP_ESTABLISHED | 1<<unix.BPF_TCP_SYN_SENT | 1<<unix.BPF_TCP_SYN_RECV |
	1<<unix.BPF_TCP_FIN_WAIT1 | 1<<unix.BPF_TCP_FIN_WAIT2 | 1<<unix.BPF_TCP_CLOSE_WAIT |
	1<<unix.BPF_TCP_LAST_ACK | 1<<unix.BPF_TCP_CLOSING

const (
	// ended is how many are found before they are ended, so that memory is bounded.
	ended = 1024
	// passes bounds how often End looks for more.
	passes = 64
)

// End ends the TCP connections from or to one of the addresses, and says how many. Those to one of them are
// the other ends of connections that the machine has with itself.
func End(addrs []netip.Addr) (n int, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} { // the latter with IPv4 in it too
		for range passes {
			all, err := find(family, addrs)
			if err != nil {
				return n, fmt.Errorf("list TCP connections: %w", unsupported(err))
			}
			for _, c := range all {
				switch err := c.end(); {
				case err == nil:
					n++
				case !errors.Is(err, unix.ENOENT): // it ended by itself
					return n, fmt.Errorf("end the TCP connection from %v to %v: %w", c.local, c.remote,
						unsupported(err))
				}
			}
			if len(all) < ended {
				break
			}
		}
	}
	return n, nil
}

// unsupported is ErrUnsupported for what kernels say that were built without it.
func unsupported(err error) error {
	// ENOENT: nobody lists TCP sockets; EOPNOTSUPP: nobody ends them.
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}

// find returns connections from or to one of the addresses: at most ended.
func find(family uint8, addrs []netip.Addr) (all []connection, err error) {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	request.AddData(query{family: family, states: ofConnections})
	var broken error
	err = request.ExecuteIter(unix.NETLINK_SOCK_DIAG, nl.SOCK_DIAG_BY_FAMILY, func(b []byte) bool {
		c, err := parse(b)
		switch {
		case err != nil:
			broken = err
		case len(all) < ended && (slices.Contains(addrs, c.local) || slices.Contains(addrs, c.remote)):
			all = append(all, c)
		}
		return true
	})
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil // connections come and go meanwhile, as they always do
	}
	if err == nil {
		err = broken
	}
	return all, err
}

// A connection is one socket of the kernel's list.
type connection struct {
	family        uint8
	id            [idLen]byte // as the kernel has it: ports, addresses, link, cookie
	local, remote netip.Addr
}

// end has the kernel end this very socket: its cookie says which one it is.
func (c connection) end() error {
	request := nl.NewNetlinkRequest(nl.SOCK_DESTROY, unix.NLM_F_ACK)
	request.AddData(query{family: c.family, id: c.id})
	_, err := request.Execute(unix.NETLINK_SOCK_DIAG, 0)
	return err
}

// Layouts of linux/inet_diag.h.
const (
	idLen     = 48        // struct inet_diag_sockid
	queryLen  = 8 + idLen // struct inet_diag_req_v2
	socketLen = 24 + idLen
	idAt      = 4 // in struct inet_diag_msg
	localAt   = 4 // in an id
	remoteAt  = 20
)

// parse reads a struct inet_diag_msg.
func parse(b []byte) (c connection, err error) {
	if len(b) < socketLen {
		return c, fmt.Errorf("a socket of %d bytes; expected %d", len(b), socketLen)
	}
	c.family = b[0]
	copy(c.id[:], b[idAt:])
	switch c.family {
	case unix.AF_INET:
		c.local = netip.AddrFrom4([4]byte(c.id[localAt:]))
		c.remote = netip.AddrFrom4([4]byte(c.id[remoteAt:]))
	case unix.AF_INET6:
		c.local = netip.AddrFrom16([16]byte(c.id[localAt:])).Unmap()
		c.remote = netip.AddrFrom16([16]byte(c.id[remoteAt:])).Unmap()
	default:
		return c, fmt.Errorf("a socket of the address family %d", c.family)
	}
	return c, nil
}

// A query is a struct inet_diag_req_v2 for TCP.
type query struct {
	family uint8
	states uint32
	id     [idLen]byte
}

// Len is that of the struct.
func (query) Len() int { return queryLen }

// Serialize makes it.
func (q query) Serialize() []byte {
	b := make([]byte, 4, queryLen)
	b[0], b[1] = q.family, unix.IPPROTO_TCP
	b = binary.NativeEndian.AppendUint32(b, q.states)
	return append(b, q.id[:]...)
}
