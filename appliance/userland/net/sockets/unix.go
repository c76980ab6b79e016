package sockets

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A Unix is a socket of Unix.
type Unix struct {
	Type           int // unix.SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
	State          State
	Inode, Peer    uint32
	Name           string // its path, or behind a zero byte an abstract name; empty: none
	Received, Sent uint32 // as those of an Inet
	Shutdown       uint8
	Memory         []byte // SK_MEMINFO_*
	File           *File  // its path leads to
}

// A File is where a path leads to.
type File struct{ Inode, Device uint32 }

// unixQuery is a struct unix_diag_req (linux/unix_diag.h).
type unixQuery struct{ states, show uint32 }

// Len is that of the struct.
func (unixQuery) Len() int { return 24 }

// Serialize makes it.
func (q unixQuery) Serialize() []byte {
	b := binary.NativeEndian.AppendUint32([]byte{unix.AF_UNIX, 0, 0, 0}, q.states)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, q.show)
	return append(b, make([]byte, 8)...)
}

// showAll has the bits of UDIAG_SHOW_NAME, VFS, PEER, RQLEN and MEMINFO.
const showAll = 1 | 2 | 4 | 16 | 32

// EachUnix calls each for the sockets of Unix in some states.
func EachUnix(states uint32, each func(Unix)) error {
	return list(unixQuery{states, showAll}, "sockets of Unix", func(b []byte) error {
		s, err := parseUnix(b)
		if err == nil {
			each(s)
		}
		return err
	})
}

// parseUnix reads a struct unix_diag_msg with its attributes.
func parseUnix(b []byte) (s Unix, err error) {
	const length = 16
	if len(b) < length {
		return s, fmt.Errorf("a socket of %d bytes; expected %d", len(b), length)
	}
	s = Unix{Type: int(b[1]), State: State(b[2]), Inode: binary.NativeEndian.Uint32(b[4:])}
	attributes, err := nl.ParseRouteAttr(b[length:])
	for _, a := range attributes {
		value := a.Value
		switch kind := a.Attr.Type; {
		case kind == 0:
			s.Name = string(value)
		case kind == 1 && len(value) == 8:
			s.File = &File{binary.NativeEndian.Uint32(value), binary.NativeEndian.Uint32(value[4:])}
		case kind == 2 && len(value) == 4:
			s.Peer = binary.NativeEndian.Uint32(value)
		case kind == 4 && len(value) == 8:
			s.Received, s.Sent = binary.NativeEndian.Uint32(value), binary.NativeEndian.Uint32(value[4:])
		case kind == 5:
			s.Memory = value
		case kind == 6 && len(value) == 1:
			s.Shutdown = value[0]
		}
	}
	return s, err
}
