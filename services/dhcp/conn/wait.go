package conn

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

const (
	// soon is how close messages follow each other while much comes, and many how many do so until that is
	// believed: more than those of a few clients.
	soon = 3 * time.Millisecond
	many = 16
	// lull is after how long without a message no more is to come.
	lull = 10 * time.Millisecond
)

// A queue is the messages of a socket, which blocks, waited for in one of two ways:
//
//	              many messages, each soon after the other
//	   ┌─────────────────────────────────────────────────────┐
//	   │                                                     ▼
//	Go's poller                                          the kernel
//	   ▲                                                     │
//	   └──────────────────── a lull ─────────────────────────┘
//
// A thread that waits in the kernel costs half while much comes. But it keeps a processor of Go's scheduler,
// whose monitor then looks at that again and again for ten milliseconds: while little comes that costs more
// than the message. The poller is told of the socket only while it is waited for there: else each message
// would wake it, too.
type queue struct {
	socket int
	poll   *os.File // epoll(7) of socket alone, which the poller waits for
	raw    syscall.RawConn
	began  time.Time
	last   atomic.Int64 // when a message was waited for in vain or not, since began
	streak atomic.Int32 // messages so far that came soon
}

func (q *queue) open(socket int) error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // as os.NewFile wants it
		return os.NewSyscallError("epoll", err)
	}
	q.socket, q.began, q.poll = socket, time.Now(), os.NewFile(uintptr(fd), "epoll of DHCP messages")
	if q.raw, err = q.poll.SyscallConn(); err != nil {
		return err
	}
	limit := unix.NsecToTimeval(int64(lull))
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return os.NewSyscallError("SO_RCVTIMEO", err)
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{}))
}

// wait waits until there is a message, or the socket was shut. Of several who wait in the kernel one is
// woken.
func (q *queue) wait() error {
	for q.streak.Load() >= many {
		var nothing [1]unix.Mmsghdr
		switch _, errno := mmsg.Receive(q.socket, nothing[:], unix.MSG_PEEK); errno {
		case 0:
			return nil
		case unix.EAGAIN:
			q.streak.Store(0)
		default:
			return os.NewSyscallError("receive", errno)
		}
	}
	err := q.rest()
	now := int64(time.Since(q.began))
	if now-q.last.Swap(now) < int64(soon) {
		q.streak.Add(1)
	} else {
		q.streak.Store(0)
	}
	return err
}

// rest waits in the poller. What has come before is told as if it came now.
func (q *queue) rest() error {
	armed := false
	err := q.raw.Read(func(fd uintptr) bool {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT}
		if !armed {
			armed = true
			return unix.EpollCtl(int(fd), unix.EPOLL_CTL_MOD, q.socket, &event) != nil
		}
		return take(fd, &event) // and it is told no more
	})
	if err != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	return nil
}

// take takes the event of an epoll instance, if there is one. It does not wait, so Go's scheduler is not
// told.
func take(epoll uintptr, event *unix.EpollEvent) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(event)), 1, 0, 0, 0)
	return n > 0 || errno != 0
}

func (q *queue) close() error {
	if q.poll == nil {
		return nil
	}
	return q.poll.Close()
}
