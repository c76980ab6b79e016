package conn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An ARP asks who has an address on one link: RFC 826. It asks as the router itself,
// so that devices that ignore the anonymous probes of RFC 5227 answer too. Probe may
// be called while Answer waits.
type ARP struct {
	socket  *os.File
	ifindex int
	mac     lease.MAC
	source  netip.Addr
}

const (
	arpLen     = 28
	arpRequest = 1
	arpReply   = 2
)

// OpenARP opens a socket for ARP on the link called name, where source is our
// address. It needs CAP_NET_RAW. Without such a link the error is links.ErrAbsent.
func OpenARP(name string, source netip.Addr) (*ARP, error) {
	iface, err := links.Named(name)
	if err != nil {
		return nil, err
	}
	if len(iface.HardwareAddr) != len(lease.MAC{}) {
		return nil, fmt.Errorf("ARP on link %s: it is no Ethernet link", name)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("packet socket for ARP", err)
	}
	a := &ARP{socket: os.NewFile(uintptr(fd), "ARP on "+name), ifindex: iface.Index, mac: lease.MAC(iface.HardwareAddr), source: source}
	err = onlyReplies(fd)
	if err == nil { // it receives from here on
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ARP), Ifindex: iface.Index})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ARP: %w", links.On(name, err)), a.socket.Close())
	}
	return a, nil
}

// onlyReplies has the kernel drop everything but replies: a large LAN asks a lot.
func onlyReplies(fd int) error {
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arpReply, SkipFalse: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filter[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	return os.NewSyscallError("filter ARP", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}))
}

// Probe asks everybody on the link for addr. It never waits.
func (a *ARP) Probe(addr netip.Addr) error {
	to := &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ARP), Ifindex: a.ifindex, Halen: uint8(len(a.mac))}
	for i := range a.mac {
		to.Addr[i] = 0xff
	}
	return sendNow(a.socket, a.request(addr), to)
}

func (a *ARP) request(addr netip.Addr) []byte {
	source, target := a.source.As4(), addr.As4()
	b := []byte{0, 1, 8, 0, byte(len(a.mac)), byte(len(source)), 0, arpRequest}
	b = append(append(b, a.mac[:]...), source[:]...)
	b = append(b, make([]byte, len(a.mac))...)
	return append(b, target[:]...)
}

// Answer waits for the next reply and returns who said to have which address.
// After Close the error is net.ErrClosed.
func (a *ARP) Answer() (addr netip.Addr, by lease.MAC, err error) {
	var b [128]byte
	for {
		n, err := a.socket.Read(b[:])
		switch {
		case errors.Is(err, unix.ENETDOWN): // told once; it hears again when the link is up again
			continue
		case err != nil:
			return addr, by, closed(err)
		}
		if n >= arpLen && binary.BigEndian.Uint64(b[:]) == 0x0001_0800_0604_0002 {
			return netip.AddrFrom4([4]byte(b[14:])), lease.MAC(b[8:14]), nil
		}
	}
}

// Close closes the socket and ends an Answer that waits.
func (a *ARP) Close() error { return a.socket.Close() }

// sendNow sends on a socket that is not to wait.
func sendNow(socket *os.File, b []byte, to unix.Sockaddr) error {
	rc, err := socket.SyscallConn()
	if err != nil {
		return net.ErrClosed
	}
	var sent error
	if err := rc.Control(func(fd uintptr) { sent = unix.Sendto(int(fd), b, unix.MSG_DONTWAIT, to) }); err != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	return os.NewSyscallError("send probe", sent)
}

// closed gives the error of a closed file the identity of that of a closed Conn.
func closed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}
