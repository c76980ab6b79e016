// Package mmsg sends and receives datagrams several at a time, by sendmmsg(2) and recvmmsg(2), which neither
// the standard library nor golang.org/x/sys/unix has as functions.
//
// It guarantees that a call is one system call and allocates nothing. The descriptor may be a blocking one: a
// thread that waits in the kernel is cheaper than Go's poller while much comes.
//
// SetRoom says how much may wait to be received, by the memory of the machine.
//
// Of a call with MSG_DONTWAIT Go's scheduler is not told. There is nothing for it to do in so short a time,
// and the first call that it is told of after all processors were idle wakes the runtime's monitor thread
// (sysmon), which then looks around some times: where a datagram comes now and then, that costs more than the
// datagram.
package mmsg

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Receive fills headers with datagrams, and returns how many those are. With the flag MSG_WAITFORONE of
// recvmmsg(2) it waits for the first only. Name and control lengths are as the kernel leaves them: they must
// be set again for each call.
func Receive(fd int, headers []unix.Mmsghdr, flags int) (int, unix.Errno) {
	return call(unix.SYS_RECVMMSG, fd, headers, flags)
}

// Send sends the datagrams of headers in their order, and returns how many went. The error is that of the
// first that did not, and is told only if none went before it.
func Send(fd int, headers []unix.Mmsghdr, flags int) (int, unix.Errno) {
	return call(unix.SYS_SENDMMSG, fd, headers, flags)
}

// call makes the system call. Its last argument is the time limit of recvmmsg, which works only between
// messages and is of no use.
func call(number uintptr, fd int, headers []unix.Mmsghdr, flags int) (int, unix.Errno) {
	if len(headers) == 0 {
		return 0, 0
	}
	for {
		var n uintptr
		var errno unix.Errno
		// Each with its own conversion of the pointer: that keeps it alive only in a direct call.
		if flags&unix.MSG_DONTWAIT != 0 {
			n, _, errno = unix.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&headers[0])),
				uintptr(len(headers)), uintptr(flags), 0, 0)
		} else {
			n, _, errno = unix.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&headers[0])),
				uintptr(len(headers)), uintptr(flags), 0, 0)
		}
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR: // a signal of Go's scheduler
			continue
		}
		return 0, errno
	}
}

// Vector returns what a header's Iov points to for b.
func Vector(b []byte) unix.Iovec {
	v := unix.Iovec{Base: unsafe.SliceData(b)}
	v.SetLen(len(b))
	return v
}
