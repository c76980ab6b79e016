package rtnl

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// Watch tells that a link or an address of the calling thread's network namespace may have changed, until ctx
// ends. What changes while nobody listens is told once. It needs no privileges.
func Watch(ctx context.Context) (changed <-chan struct{}, err error) {
	m, err := openMonitor(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err != nil {
		return nil, err
	}
	news := make(chan struct{}, 1)
	go m.follow(ctx, func(netcfg.Notice) { wake(news) })
	return news, nil
}

// wake makes sure that something is in a channel that holds one.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// A monitor is a socket on which the kernel tells what happens: rtnetlink(7).
type monitor struct{ socket *os.File }

// monitorPause keeps a socket that fails at once from taking all the time.
const monitorPause = time.Second

func openMonitor(groups uint32) (*monitor, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("network: netlink socket", err)
	}
	m := &monitor{os.NewFile(uintptr(fd), "rtnetlink")}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(os.NewSyscallError("network: bind netlink socket", err), m.socket.Close())
	}
	return m, nil
}

// follow calls tell with each notice until ctx ends, and closes the monitor.
func (m *monitor) follow(ctx context.Context, tell func(netcfg.Notice)) {
	defer m.socket.Close()
	defer context.AfterFunc(ctx, func() { m.socket.Close() })()
	// The kernel sends each message by itself; the attributes behind its head are not read.
	var b [noticeLen]byte
	for {
		n, err := m.socket.Read(b[:])
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			tell(parseNotice(b[:n]))
		case errors.Is(err, unix.ENOBUFS):
			tell(netcfg.Notice{Lost: true})
		default:
			tell(netcfg.Notice{Lost: true})
			pause(ctx, monitorPause)
		}
	}
}

// noticeLen is the length of struct nlmsghdr and struct ifinfomsg: netlink(7), rtnetlink(7).
const noticeLen = unix.NLMSG_HDRLEN + unix.SizeofIfInfomsg

// parseNotice reads the head of a message. What is none of a link is another thing.
func parseNotice(b []byte) netcfg.Notice {
	if len(b) < noticeLen {
		return netcfg.Notice{}
	}
	kind, info := binary.NativeEndian.Uint16(b[4:]), b[unix.NLMSG_HDRLEN:]
	index, flags := int32(binary.NativeEndian.Uint32(info[4:])), binary.NativeEndian.Uint32(info[8:])
	if kind == unix.RTM_DELLINK || kind == unix.RTM_NEWLINK && flags&unix.IFF_UP == 0 {
		return netcfg.Notice{Down: int(index)}
	}
	return netcfg.Notice{}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
