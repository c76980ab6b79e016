package conn

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Local says what the link-local address of a link is good for.
type Local uint8

// What it may be.
const (
	Missing   Local = iota
	Tentative       // it is being looked for on the link (RFC 4862 5.4)
	Duplicate       // another station has it: it must not be used
	Usable
)

// String returns it in words.
func (l Local) String() string {
	return [...]string{"it has none", "it is not known yet whether another station has it",
		"another station has it", "it is usable"}[l&3]
}

// A State is what of a link matters to router discovery.
type State struct {
	Carrier bool
	// Forwarding is net.ipv6.conf.LINK.forwarding: the kernel is a router there.
	Forwarding bool
	Local      Local
	Addr       netip.Addr // the link-local one
	// Own are all IPv6 addresses of the link that the kernel uses.
	Own []netip.Addr
}

// Look asks the kernel, by rtnetlink(7), for the state of the link with that index. It needs no privilege and
// no file. A link that is gone has none of all.
func Look(index int) (State, error) {
	var s State
	if err := dump(syscall.RTM_GETLINK, func(m *syscall.NetlinkMessage) { s.link(m, index) }); err != nil {
		return s, err
	}
	err := dump(syscall.RTM_GETADDR, func(m *syscall.NetlinkMessage) { s.address(m, index) })
	return s, err
}

// dump calls f with what the kernel has of IPv6.
func dump(what int, f func(m *syscall.NetlinkMessage)) error {
	b, err := syscall.NetlinkRIB(what, syscall.AF_INET6)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	all, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return fmt.Errorf("what the kernel says of links: %w", err)
	}
	for i := range all {
		f(&all[i])
	}
	return nil
}

// attributes calls f with each behind a head.
func attributes(b []byte, head int, f func(kind uint16, value []byte)) {
	for b = b[min(head, len(b)):]; len(b) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&^uint16(unix.NLA_F_NESTED), b[unix.SizeofRtAttr:size])
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
}

func (s *State) link(m *syscall.NetlinkMessage, index int) {
	const devconfForwarding = 0 // DEVCONF_FORWARDING of linux/ipv6.h
	b := m.Data
	if m.Header.Type != syscall.RTM_NEWLINK || len(b) < unix.SizeofIfInfomsg ||
		int(int32(binary.NativeEndian.Uint32(b[4:]))) != index {
		return
	}
	const needed = unix.IFF_UP | unix.IFF_RUNNING
	s.Carrier = binary.NativeEndian.Uint32(b[8:])&needed == needed
	attributes(b, unix.SizeofIfInfomsg, func(kind uint16, value []byte) {
		if kind != unix.IFLA_PROTINFO {
			return
		}
		attributes(value, 0, func(kind uint16, conf []byte) {
			if kind == unix.IFLA_INET6_CONF && len(conf) >= 4*(devconfForwarding+1) {
				s.Forwarding = binary.NativeEndian.Uint32(conf[4*devconfForwarding:]) != 0
			}
		})
	})
}

func (s *State) address(m *syscall.NetlinkMessage, index int) {
	b := m.Data
	if m.Header.Type != syscall.RTM_NEWADDR || len(b) < unix.SizeofIfAddrmsg ||
		int(binary.NativeEndian.Uint32(b[4:])) != index {
		return
	}
	scope := b[3]
	flags, addr := uint32(b[2]), netip.Addr{}
	attributes(b, unix.SizeofIfAddrmsg, func(kind uint16, value []byte) {
		switch {
		case kind == unix.IFA_FLAGS && len(value) >= 4:
			flags = binary.NativeEndian.Uint32(value)
		case kind == unix.IFA_ADDRESS && len(value) == 16:
			addr = netip.AddrFrom16([16]byte(value))
		}
	})
	local := Usable
	switch {
	case flags&unix.IFA_F_DADFAILED != 0:
		local = Duplicate
	case flags&unix.IFA_F_TENTATIVE != 0 && flags&unix.IFA_F_OPTIMISTIC == 0:
		local = Tentative
	}
	const maxOwn = 256
	if local == Usable && addr.IsValid() && len(s.Own) < maxOwn {
		s.Own = append(s.Own, addr)
	}
	better := local > s.Local || local == s.Local && addr.Less(s.Addr)
	if scope == unix.RT_SCOPE_LINK && addr.IsLinkLocalUnicast() && better {
		s.Local, s.Addr = local, addr
	}
}
