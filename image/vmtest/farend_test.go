package vmtest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A farEnd is a broker's end of a 6in4 tunnel (RFC 4213), for machines whose kernel has no such device:
// between a raw socket for protocol 41 and a TUN device of its namespace.
type farEnd struct {
	server   netip.Addr
	address  netip.Addr // in the tunnel
	raw, tun *os.File
	icmp     *os.File
	dead     atomic.Bool  // nothing passes either way
	path     atomic.Int64 // the largest packet outside that a router on the way passes; 0: any
	tooLarge atomic.Int64 // packets that it did not
	received atomic.Int64 // packets from the tunnel

	mu       sync.Mutex
	endpoint netip.Addr  // whose packets are taken
	probes   []time.Time // when the other end asked for an echo, also of one that is dead
}

// newFarEnd starts one at an address of the namespace, with a device tunnel0.
func newFarEnd(t *testing.T, ns *testnet.Namespace, server, endpoint netip.Addr, address string,
	routed ...string) *farEnd {
	t.Helper()
	f := &farEnd{server: server, endpoint: endpoint, address: netip.MustParsePrefix(address).Addr()}
	err := ns.Do(func() (err error) {
		if f.tun, err = openTUN("tunnel0"); err != nil {
			return err
		}
		if f.raw, err = rawSocket(unix.IPPROTO_IPV6, server); err != nil {
			return err
		}
		f.icmp, err = rawSocket(unix.IPPROTO_ICMP, server)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.AddAddr("tunnel0", address)
	ns.Up("tunnel0")
	for _, r := range routed {
		ns.Run("ip", "-6", "route", "add", r, "dev", "tunnel0")
	}
	var running sync.WaitGroup
	running.Go(f.in)
	running.Go(f.out)
	t.Cleanup(func() {
		for _, file := range []*os.File{f.tun, f.raw, f.icmp} {
			file.Close()
		}
		running.Wait()
	})
	return f
}

func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = os.NewSyscallError("TUNSETIFF", unix.IoctlIfreq(fd, unix.TUNSETIFF, req))
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// rawSocket is one for a protocol over IPv4, which sends from an address.
func rawSocket(proto int, from netip.Addr) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprint("protocol ", proto)), nil
}

// follow has the tunnel end at another address, as an update of the endpoint does.
func (f *farEnd) follow(endpoint netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endpoint = endpoint
}

func (f *farEnd) other() netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.endpoint
}

// probed notes when it is asked for an echo (RFC 4443 4.1), which is for its own address.
func (f *farEnd) probed(inner []byte) {
	const icmpv6, echoRequest = 58, 128
	if len(inner) > 40 && inner[6] == icmpv6 && inner[40] == echoRequest && netip.AddrFrom16([16]byte(inner[24:40])) == f.address {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.probes = append(f.probes, time.Now())
	}
}

// probe is when the nth probe after a moment came.
func (f *farEnd) probe(after time.Time, n int) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.probes {
		if at.After(after) {
			if n--; n == 0 {
				return at
			}
		}
	}
	return time.Time{}
}

// in takes packets out of the tunnel.
func (f *farEnd) in() {
	var b [64 << 10]byte
	for {
		n, err := f.raw.Read(b[:])
		if err != nil {
			return
		}
		head := int(b[0]&15) * 4
		src := netip.AddrFrom4([4]byte(b[12:16]))
		if src != f.other() || n < head+40 {
			continue
		}
		f.probed(b[head:n])
		if f.dead.Load() {
			continue
		}
		if path := f.path.Load(); path > 0 && int64(n) > path {
			f.refuse(b[:n], src, int(path))
			continue
		}
		f.received.Add(1)
		inner := b[head:n]
		finish(inner)
		_, _ = f.tun.Write(inner) // what the namespace does not take is lost, as on a wire
	}
}

// out puts packets into the tunnel.
func (f *farEnd) out() {
	var b [64 << 10]byte
	for {
		n, err := f.tun.Read(b[:])
		if err != nil {
			return
		}
		if b[0]>>4 == 6 && !f.dead.Load() {
			send(f.raw, b[:n], f.other())
		}
	}
}

func send(raw *os.File, b []byte, to netip.Addr) {
	conn, err := raw.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Write(func(fd uintptr) bool {
		return unix.Sendto(int(fd), b, 0, &unix.SockaddrInet4{Addr: to.As4()}) != unix.EAGAIN
	})
}

// refuse says that a packet is too large for the way (RFC 1191 4), as a router does that may not fragment it.
func (f *farEnd) refuse(b []byte, src netip.Addr, mtu int) {
	f.tooLarge.Add(1)
	m := make([]byte, 8, 36)
	m[0], m[1] = 3, 4
	binary.BigEndian.PutUint16(m[6:], uint16(mtu))
	m = append(m, b[:28]...)
	binary.BigEndian.PutUint16(m[2:], ^fold(words(0, m)))
	send(f.icmp, m, src)
}

// finish completes the checksum of TCP where that was left to a card, as on the taps here: then the field has
// the sum of the pseudo-header. Others are not touched.
func finish(p []byte) {
	const tcp, header, field = 6, 40, 16
	if p[6] != tcp || len(p) < header+20 {
		return
	}
	length := int(binary.BigEndian.Uint16(p[4:]))
	if length > len(p)-header {
		return
	}
	pseudo := words(uint32(length)+tcp, p[8:40])
	at := p[header+field : header+field+2]
	if binary.BigEndian.Uint16(at) == fold(pseudo) {
		at[0], at[1] = 0, 0
		binary.BigEndian.PutUint16(at, ^fold(words(pseudo, p[header:header+length])))
	}
}

// words adds the 16-bit words of b (RFC 1071).
func words(s uint32, b []byte) uint32 {
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// maxSegment is what a TCP connection puts into a packet.
func maxSegment(c *net.TCPConn) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	control := raw.Control(func(fd uintptr) {
		n, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG)
	})
	if control != nil {
		return 0, control
	}
	return n, err
}
