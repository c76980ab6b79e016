package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Stream makes a socket of TCP for a connection to target, with a port of its own, which never waits.
func (o Options) Stream(target netip.Addr) (fd int, local uint16, err error) {
	fd, err = o.socket(target, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	if err != nil {
		return -1, 0, err
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, 0, os.NewSyscallError("getsockname", err)
	}
	return fd, address(own).Port(), nil
}

// socket makes a bound one.
func (o Options) socket(target netip.Addr, kind int) (fd int, err error) {
	family := unix.AF_INET
	source := netip.IPv4Unspecified()
	if target.Is6() {
		family, source = unix.AF_INET6, netip.IPv6Unspecified()
	}
	if o.Source.IsValid() {
		source = o.Source
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := errors.Join(o.set(fd, target.Is6()),
		unix.Bind(fd, Sockaddr(netip.AddrPortFrom(source, 0)))); err != nil {
		unix.Close(fd)
		return -1, o.Explain(err)
	}
	return fd, nil
}

// Route returns the own address that packets to target have, or says why the kernel knows no way there.
// Nothing is sent.
func (o Options) Route(target netip.Addr) (source netip.Addr, err error) {
	fd, err := o.socket(target, unix.SOCK_DGRAM)
	if err != nil {
		return source, err
	}
	defer unix.Close(fd)
	const discard = 9 // any port will do
	if err := unix.Connect(fd, Sockaddr(netip.AddrPortFrom(target, discard))); err != nil {
		return source, fmt.Errorf("no way to %v: %w", target, err)
	}
	own, err := unix.Getsockname(fd)
	return address(own).Addr(), err
}

// Own says why the source cannot be had.
func (o Options) Own() error {
	fd, err := o.socket(o.Source, unix.SOCK_DGRAM)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func address(s unix.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr), uint16(s.Port))
	}
	return netip.AddrPort{}
}

// Sockaddr is an address for system calls. A zone may be the name of a link or its number; one that is not
// there is 0.
func Sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	s := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		if link, err := net.InterfaceByName(zone); err == nil {
			s.ZoneId = uint32(link.Index)
		} else if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
			s.ZoneId = uint32(n)
		}
	}
	return s
}
