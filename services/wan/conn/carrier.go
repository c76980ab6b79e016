package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// The kernel tells of links that go down, and of those that come up while they had
	// not gone down for it, once a second at most, and all links share that second
	// (net/core/link_watch.c). So after each word of any link ours is looked at lookEvery
	// for as long. (In a namespace beside others, theirs are not heard, and may delay ours.)
	lookEvery = 50 * time.Millisecond
	lookFor   = 1100 * time.Millisecond
	// linkMessage is more than a message about one link can have without its virtual
	// functions and statistics.
	linkMessage = 32 << 10
	// carrierPause keeps a socket that fails at once from taking all the time.
	carrierPause = time.Second
)

// WatchCarrier tells whether the link called name can send and receive, at first and at
// each change, until ctx ends. It is up when the cable is in, it is set up, and the kernel's
// queue takes packets (IFF_LOWER_UP, IFF_RUNNING); one that is not there is down. A link that
// went down and came up again while nobody looked, or was replaced by another of its name,
// is told as down and up. It takes a tenth of a second at most, needs no privileges, and is
// about the network namespace of the calling thread. tell must not wait long.
func WatchCarrier(ctx context.Context, name string, tell func(up bool)) error {
	w := &carrierWatch{name: name, tell: tell}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("carrier: netlink socket", err)
	}
	w.socket = os.NewFile(uintptr(fd), "carrier of "+name)
	defer w.socket.Close()
	links := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}
	if err := unix.Bind(fd, links); err != nil {
		return os.NewSyscallError("carrier: bind netlink socket", err)
	}
	if self, err := unix.Getsockname(fd); err == nil {
		w.port = self.(*unix.SockaddrNetlink).Pid
	}
	defer context.AfterFunc(ctx, func() { w.socket.Close() })()
	w.until = time.Now().Add(lookFor) // something may have happened before it listened
	w.look()
	for ctx.Err() == nil {
		w.step(ctx)
	}
	return ctx.Err()
}

// A carrierWatch is the watch of one link.
type carrierWatch struct {
	name   string
	tell   func(up bool)
	socket *os.File
	told   bool
	last   carrier
	port   uint32    // of the socket: answers to look have it
	until  time.Time // until when the link is looked at, whatever is told
	looked time.Time
	buf    [linkMessage]byte
}

// carrier is what matters of a link.
type carrier struct {
	index int32
	up    bool
	downs uint32 // how often its carrier was lost
}

// step takes what the kernel says next, or looks when it is time to.
func (w *carrierWatch) step(ctx context.Context) {
	deadline := time.Time{}
	if time.Now().Before(w.until) {
		deadline = w.looked.Add(lookEvery)
	}
	_ = w.socket.SetReadDeadline(deadline)
	n, err := w.socket.Read(w.buf[:])
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.look()
	case err == nil:
		w.read(w.buf[:n])
	default: // ENOBUFS: something was missed
		w.until = time.Now().Add(lookFor)
		w.look()
		if !errors.Is(err, unix.ENOBUFS) {
			select {
			case <-time.After(carrierPause):
			case <-ctx.Done():
			}
		}
	}
}

// look asks the kernel for the link; read reads what it says.
func (w *carrierWatch) look() {
	const skipStats = 1 << 3 // RTEXT_FILTER_SKIP_STATS
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	b = appendAttr(b, unix.IFLA_IFNAME, append([]byte(w.name), 0))
	b = appendAttr(b, unix.IFLA_EXT_MASK, binary.NativeEndian.AppendUint32(nil, skipStats))
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_GETLINK)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	w.looked = time.Now()
	_, _ = w.socket.Write(b) // what fails is tried again, as long as there is a reason to look
}

// appendAttr appends a netlink attribute: struct rtattr, its value, and padding.
func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%unix.NLMSG_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// read takes the messages of the kernel.
func (w *carrierWatch) read(b []byte) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		kind, asked := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint32(b[12:]) == w.port
		switch body := b[unix.SizeofNlMsghdr:size]; kind {
		case unix.NLMSG_ERROR: // of look: there is no such link
			w.found(carrier{})
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if !asked {
				w.until = time.Now().Add(lookFor)
			}
			name, c, ok := readLink(body)
			switch {
			case !ok:
			case name == w.name && kind == unix.RTM_NEWLINK:
				w.found(c)
			case c.index == w.last.index: // it is gone, or called something else
				w.found(carrier{})
			}
		}
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
}

// readLink reads struct ifinfomsg with its attributes. What says not all of a link has no
// count, and is not ok: what bridges say of their ports, also when one leaves them.
func readLink(b []byte) (name string, c carrier, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return "", c, false
	}
	counted := false
	const needed = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
	c.index = int32(binary.NativeEndian.Uint32(b[4:]))
	c.up = binary.NativeEndian.Uint32(b[8:])&needed == needed
	for b = b[unix.SizeofIfInfomsg:]; len(b) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		switch value := b[unix.SizeofRtAttr:size]; binary.NativeEndian.Uint16(b[2:]) {
		case unix.IFLA_IFNAME:
			name = string(bytes.TrimRight(value, "\x00"))
		case unix.IFLA_CARRIER_DOWN_COUNT:
			if len(value) >= 4 {
				c.downs, counted = binary.NativeEndian.Uint32(value), true
			}
		}
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return name, c, name != "" && counted
}

// found compares with what was told.
func (w *carrierWatch) found(c carrier) {
	was := w.last
	w.last = c
	switch {
	case !w.told || c.up != was.up:
		w.told = true
		w.tell(c.up)
	case c.up && (c.index != was.index || c.downs != was.downs):
		w.tell(false)
		w.tell(true)
	}
}
