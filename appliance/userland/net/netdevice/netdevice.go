// Package netdevice asks the kernel about links, and changes them, as the older commands do: by ioctl(2) on a
// socket (netdevice(7), arp(7)). It reaches no package net, for commands that start without it. It works in
// the network namespace of the calling thread; changes need CAP_NET_ADMIN.
package netdevice

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Socket is one to ask by.
type Socket struct{ fd int }

// Open makes one of a family: unix.AF_INET or AF_INET6.
func Open(family int) (Socket, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return Socket{fd}, os.NewSyscallError("socket", err)
}

// Close closes it.
func (s Socket) Close() { _ = unix.Close(s.fd) }

// Call does a request with what p points to, whose layout is that of the request.
func (s Socket) Call(request uint, p unsafe.Pointer) error {
	_, err := s.CallCounted(request, p)
	return err
}

// A Request is a struct ifreq: the name of a link, and what is said of it.
type Request struct {
	name [unix.IFNAMSIZ]byte
	Data [24]byte
}

// NewRequest is one about a link.
func NewRequest(link string) (*Request, error) {
	r := &Request{}
	if link == "" || len(link) >= len(r.name) {
		return nil, fmt.Errorf("%s: expected the name of a link, at most %d letters", link, len(r.name)-1)
	}
	copy(r.name[:], link)
	return r, nil
}

// Do does a request about a link.
func (s Socket) Do(request uint, r *Request) error { return s.Call(request, unsafe.Pointer(r)) }

// Name is the link's.
func (r *Request) Name() string { return unix.ByteSliceToString(r.name[:]) }

// Number is what the request has of an int.
func (r *Request) Number() int { return int(int32(binary.NativeEndian.Uint32(r.Data[:]))) }

// SetNumber sets it.
func (r *Request) SetNumber(n int) { binary.NativeEndian.PutUint32(r.Data[:], uint32(n)) }

// Flags are those of the link (IFF_*).
func (r *Request) Flags() uint16 { return binary.NativeEndian.Uint16(r.Data[:]) }

// SetFlags sets them.
func (r *Request) SetFlags(flags uint16) { binary.NativeEndian.PutUint16(r.Data[:], flags) }

// Addr is an IPv4 address, of a struct sockaddr_in.
func (r *Request) Addr() [4]byte { return [4]byte(r.Data[4:]) }

// SetAddr sets it.
func (r *Request) SetAddr(a [4]byte) { r.Data = [24]byte{}; copy(r.Data[:], Sockaddr(a)) }

// Hardware is an address of a link layer with its kind (ARPHRD_*), of a struct sockaddr.
func (r *Request) Hardware() (kind uint16, address []byte) {
	return binary.NativeEndian.Uint16(r.Data[:]), r.Data[2:16]
}

// SetHardware sets it.
func (r *Request) SetHardware(kind uint16, address []byte) {
	r.Data = [24]byte{}
	binary.NativeEndian.PutUint16(r.Data[:], kind)
	copy(r.Data[2:16], address)
}

// Sockaddr is a struct sockaddr_in of an IPv4 address.
func Sockaddr(a [4]byte) []byte {
	b := make([]byte, 16)
	binary.NativeEndian.PutUint16(b, unix.AF_INET)
	copy(b[4:], a[:])
	return b
}

// LinkName is the name of the link with an index.
func (s Socket) LinkName(index int) (string, error) {
	r := &Request{}
	r.SetNumber(index)
	err := s.Do(unix.SIOCGIFNAME, r)
	return r.Name(), os.NewSyscallError("SIOCGIFNAME", err)
}

// MAC words an address of a link layer.
func MAC(address []byte) string {
	var b strings.Builder
	for i, digit := range address {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02x", digit)
	}
	return b.String()
}

// Names are those of all addresses of IPv4: links, and labels like eth0:1.
func (s Socket) Names() (all []string, err error) {
	for room := 32; ; room *= 2 {
		buffer := make([]Request, room)
		size := int(unsafe.Sizeof(buffer[0]))
		conf := struct { // ifconf
			length int32
			buffer *Request
		}{int32(room * size), &buffer[0]}
		if err := s.Call(unix.SIOCGIFCONF, unsafe.Pointer(&conf)); err != nil {
			return nil, os.NewSyscallError("SIOCGIFCONF", err)
		}
		if n := int(conf.length) / size; n < room {
			for i := range n {
				all = append(all, buffer[i].Name())
			}
			return all, nil
		}
	}
}

// Ethtool does a request of SIOCETHTOOL with a struct that begins with its command (linux/ethtool.h).
func (s Socket) Ethtool(link string, b []byte) error {
	_, err := s.Private(link, unix.SIOCETHTOOL, unsafe.Pointer(&b[0]))
	runtime.KeepAlive(b)
	return err
}

// Private does a request about a link with a struct of its own, and returns what the kernel counted.
func (s Socket) Private(link string, request uint, p unsafe.Pointer) (n int, err error) {
	r, err := NewRequest(link)
	if err != nil {
		return 0, err
	}
	data := struct { // ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{r.name, p, [16]byte{}}
	return s.CallCounted(request, unsafe.Pointer(&data))
}

// CallCounted is Call of a request that counts.
func (s Socket) CallCounted(request uint, p unsafe.Pointer) (n int, err error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), uintptr(request), uintptr(p))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
