// Package sockets says what sockets this machine has, and which processes hold them: those of IP and of Unix
// by sock_diag(7), raw ones and those of packets by proc(5). What is shown of it, and how, is left to the
// commands ss and netstat.
//
// A list is no moment's picture: a socket that is made or closed meanwhile may be there or not. It is of the
// network namespace of the calling thread. What others hold, only root sees.
package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A State is one of linux/tcp_states.h. Sockets without connections are Established or Close.
type State uint8

// The states.
const (
	Established State = iota + 1
	SynSent
	SynReceived
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	newSynReceived // what SynReceived is to the kernel itself; it says SynReceived
	last           = newSynReceived
)

// Every has the bits of all states.
const Every = 1<<(last+1) - 1

// Bit is the one of a state in a set.
func (s State) Bit() uint32 { return 1 << s }

// Extensions that may be asked for (linux/inet_diag.h), one bit each.
const (
	Info       = 1 << (infoAttribute - 1)
	Congestion = 1 << (congestionAttribute - 1)
	Memory     = 1 << (memoryAttribute - 1)
)

// Attributes of linux/inet_diag.h.
const (
	infoAttribute       = 2
	congestionAttribute = 4
	memoryAttribute     = 7
	shutdownAttribute   = 8
	v6onlyAttribute     = 11
	markAttribute       = 15
)

// An Inet is a socket of IP.
type Inet struct {
	// unix.IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_RAW of all raw ones, whose protocol is the local port
	Protocol      uint8
	Family        uint8 // unix.AF_INET or AF_INET6, which may have IPv4 in it
	State         State
	Timer         uint8 // of linux/inet_diag.h; 0: none
	Retransmits   uint8
	Expires       uint32 // milliseconds until the timer
	Local, Remote netip.AddrPort
	Link          uint32 // it is bound to; 0: none
	Cookie        uint64
	// Received and Sent are the bytes that wait. Of a socket that listens they are the connections that wait
	// to be accepted, and how many may.
	Received, Sent uint32
	UID, Inode     uint32
	Mark           uint32
	V6Only         bool
	Shutdown       uint8  // of its directions: 1 to receive, 2 to send
	Info           []byte // struct tcp_info, if it was asked for
	Memory         []byte // SK_MEMINFO_*, if it was asked for
	Congestion     string // if it was asked for
}

// Layouts of linux/inet_diag.h: struct inet_diag_msg, in which struct inet_diag_sockid begins at 4.
const (
	idLen    = 48
	queryLen = 8 + idLen
	inetLen  = 4 + idLen + 20
)

// query is a struct inet_diag_req_v2.
type query struct {
	family, protocol, extensions uint8
	states                       uint32
}

// Len is that of the struct.
func (query) Len() int { return queryLen }

// Serialize makes it.
func (q query) Serialize() []byte {
	b := []byte{q.family, q.protocol, q.extensions, 0}
	return append(binary.NativeEndian.AppendUint32(b, q.states), make([]byte, idLen)...)
}

// EachInet calls each for the sockets of a protocol, of TCP or of UDP, in some states.
func EachInet(family, protocol uint8, states uint32, extensions uint8, each func(Inet)) error {
	return list(query{family, protocol, extensions, states}, "sockets of IP protocol "+
		strconv.Itoa(int(protocol)), func(b []byte) error {
		s, err := parseInet(b)
		if err == nil {
			s.Protocol = protocol
			each(s)
		}
		return err
	})
}

// list asks for a list.
func list(q nl.NetlinkRequestData, what string, each func([]byte) error) error {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	request.AddData(q)
	var broken error
	err := request.ExecuteIter(unix.NETLINK_SOCK_DIAG, nl.SOCK_DIAG_BY_FAMILY, func(b []byte) bool {
		if err := each(b); err != nil {
			broken = err
		}
		return true
	})
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil // sockets come and go meanwhile, as they always do
	}
	if errors.Is(err, unix.ENOENT) {
		err = errors.New("this kernel does not list them")
	}
	if err = errors.Join(err, broken); err != nil {
		return fmt.Errorf("list of %s: %w", what, err)
	}
	return nil
}

// parseInet reads a struct inet_diag_msg with its attributes.
func parseInet(b []byte) (s Inet, err error) {
	if len(b) < inetLen {
		return s, fmt.Errorf("a socket of %d bytes; expected %d", len(b), inetLen)
	}
	s = Inet{Family: b[0], State: State(b[1]), Timer: b[2], Retransmits: b[3]}
	id, rest := b[4:4+idLen], b[4+idLen:]
	address := func(port, addr int) netip.AddrPort {
		a := netip.AddrFrom16([16]byte(id[addr:]))
		if s.Family == unix.AF_INET {
			a = netip.AddrFrom4([4]byte(id[addr:]))
		}
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(id[port:]))
	}
	s.Local, s.Remote = address(0, 4), address(2, 20)
	s.Link, s.Cookie = binary.NativeEndian.Uint32(id[36:]), binary.NativeEndian.Uint64(id[40:])
	for i, field := range []*uint32{&s.Expires, &s.Received, &s.Sent, &s.UID, &s.Inode} {
		*field = binary.NativeEndian.Uint32(rest[4*i:])
	}
	attributes, err := nl.ParseRouteAttr(b[inetLen:])
	if err != nil {
		return s, err
	}
	for _, a := range attributes {
		s.take(a.Attr.Type, a.Value)
	}
	return s, nil
}

// take reads an attribute; what is too short says nothing.
func (s *Inet) take(kind uint16, value []byte) {
	switch {
	case kind == infoAttribute:
		s.Info = value
	case kind == memoryAttribute:
		s.Memory = value
	case kind == congestionAttribute:
		s.Congestion = text(value)
	case kind == shutdownAttribute && len(value) == 1:
		s.Shutdown = value[0]
	case kind == v6onlyAttribute && len(value) == 1:
		s.V6Only = value[0] != 0
	case kind == markAttribute && len(value) == 4:
		s.Mark = binary.NativeEndian.Uint32(value)
	}
}

// text is a string of the kernel's, up to its zero.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
