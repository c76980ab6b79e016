package front

import (
	"encoding/binary"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

// A udpSocket is the datagram socket of one family on a link.
type udpSocket struct {
	fd       int
	v6       bool
	port     uint16
	link     string
	loopback bool // what comes in is of this machine
	counts   *counters
	log      *slog.Logger
	shutting atomic.Bool
	crowd    crowd

	// mu keeps fd from being closed, and its number from being that of another file, while others than the
	// thread use it.
	mu     sync.RWMutex
	closed bool
	drops  uint32 // when it was closed
}

func newUDP(fd int, f family, s *Sockets) *udpSocket {
	return &udpSocket{
		fd: fd, v6: f.domain == unix.AF_INET6, port: s.o.Port, link: s.link, loopback: s.link == "lo",
		counts: &s.counts, log: s.o.Log,
	}
}

// serve receives and answers until shut. Its thread waits in the kernel: that is 0.6 µs a query cheaper than
// Go's poller.
func (u *udpSocket) serve(w Worker, stop <-chan struct{}) {
	b := newBatch(u)
	failed := false
	for {
		b.reset()
		n, errno := mmsg.Receive(u.fd, b.in[:], unix.MSG_WAITFORONE)
		if u.shutting.Load() {
			return
		}
		if errno != 0 {
			if !failed {
				err := os.NewSyscallError("recvmmsg", errno)
				u.log.Error("dns: cannot receive, tries again", "link", u.link, "cause", err)
			}
			failed = true
			pause(stop)
			continue
		}
		failed = false
		now := time.Now()
		b.yield(now)
		b.send(b.answer(w, now, n, false))
		if u.crowd.gauge.Busy(now, n, n == batchSize) && u.crowd.gauge.Late(now, u.unread()) {
			u.byTurns(w, b)
		}
	}
}

// shut ends serve, wherever it is. Shutting down a socket without a peer returns ENOTCONN, and yet has every
// receive from then on, and the one that waits, return at once: Linux has kept that for this very use since
// it was written.
func (u *udpSocket) shut() {
	u.shutting.Store(true)
	_ = unix.Shutdown(u.fd, unix.SHUT_RD)
}

// close closes the socket when serve has ended.
func (u *udpSocket) close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drops = u.dropped()
	u.closed = true
	return os.NewSyscallError("close", unix.Close(u.fd))
}

// overflow returns how many messages the kernel had no room for. It counts them in any case, so they are
// asked for and not received with each message (SO_RXQ_OVFL).
func (u *udpSocket) overflow() uint64 {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.closed {
		return uint64(u.drops)
	}
	return uint64(u.dropped())
}

func (u *udpSocket) dropped() uint32 { return u.meminfo()[unix.SK_MEMINFO_DROPS] }

// meminfo is what the kernel says of the socket's memory; of one that cannot say, nothing.
func (u *udpSocket) meminfo() (info [unix.SK_MEMINFO_VARS]uint32) {
	size := uint32(unsafe.Sizeof(info))
	_, _, _ = unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(u.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info
}

// A path is how a message came, and so how its reply goes back: the client's address, and ours that it asked.
// Of each pair one is used. The kernel writes them when it receives, and reads the same when it sends.
type path struct {
	peer4 unix.RawSockaddrInet4
	peer6 unix.RawSockaddrInet6
	asked4
	asked6
}

// asked4 and asked6 are control messages as recvmsg(2) and sendmsg(2) have them.
type asked4 struct {
	head unix.Cmsghdr
	info unix.Inet4Pktinfo
}

type asked6 struct {
	head unix.Cmsghdr
	info unix.Inet6Pktinfo
}

// address has h point to the addresses of p.
func (p *path) address(h *unix.Msghdr, v6 bool) {
	if v6 {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&p.peer6)), uint32(unsafe.Sizeof(p.peer6))
		h.Control = (*byte)(unsafe.Pointer(&p.asked6))
		h.SetControllen(int(unsafe.Sizeof(p.asked6)))
		return
	}
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&p.peer4)), uint32(unsafe.Sizeof(p.peer4))
	h.Control = (*byte)(unsafe.Pointer(&p.asked4))
	h.SetControllen(int(unsafe.Sizeof(p.asked4)))
}

// from returns the client. A link-local address has the link as its zone.
func (p *path) from(u *udpSocket) netip.AddrPort {
	if !u.v6 {
		return netip.AddrPortFrom(netip.AddrFrom4(p.peer4.Addr), port(p.peer4.Port))
	}
	return netip.AddrPortFrom(zoned(netip.AddrFrom16(p.peer6.Addr), u.link), port(p.peer6.Port))
}

// port returns a port that the kernel has written in network order.
func port(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}

// later sends a reply when Respond has returned.
type later struct {
	u    *udpSocket
	path path
}

// Send implements resolver.Later.
func (l *later) Send(reply []byte) {
	if len(reply) == 0 {
		return
	}
	var headers [1]unix.Mmsghdr
	vector := mmsg.Vector(reply)
	l.path.address(&headers[0].Hdr, l.u.v6)
	headers[0].Hdr.Iov = &vector
	headers[0].Hdr.SetIovlen(1)
	l.u.mu.RLock()
	defer l.u.mu.RUnlock()
	if l.u.closed {
		return
	}
	l.u.count(l.u.sendAll(headers[:]))
}

// sendAll sends replies without waiting. Of those that cannot be sent it counts why, and goes on with the
// next.
func (u *udpSocket) sendAll(replies []unix.Mmsghdr) (sent int) {
	for len(replies) > 0 {
		n, errno := mmsg.Send(u.fd, replies, unix.MSG_DONTWAIT)
		if errno != 0 {
			u.counts.unsent.add(errno)
			n = 1
		} else {
			sent += n
		}
		replies = replies[n:]
	}
	return sent
}

func (u *udpSocket) count(sent int) { u.counts.udp.replies.Add(uint64(sent)) }
