package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// sources is how many hosts there are, by their link-local addresses: each asks seldom enough to have its
// share of answers.
const sources = 2000

// patience is how long an answer is waited for. The protocol has it come in half a second, and after three
// seconds more if it goes to everybody.
const patience = time.Second

// hosts are those of a LAN, all by one socket.
type hosts struct {
	fd    int
	index int
	next  int // who asks next

	mu      sync.Mutex
	sent    [sources]time.Time // when each has asked and is not answered yet
	answers []time.Duration
}

// address is that of a host.
func address(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 13: 1, 14: byte(i >> 8), 15: byte(i)})
}

// newHosts makes the hosts, which the server's kernel knows: what it takes to find them is none of the
// server's.
func newHosts(ctx context.Context, n *wire.Network) (*hosts, error) {
	for namespace, setting := range map[string]string{
		n.Server: "net.ipv6.conf.all.forwarding=1",
		// What the kernel of the hosts makes of answers is done in the time of who sends them.
		n.Clients: "net.ipv6.conf." + wire.RelayLink + ".accept_ra=0",
	} {
		set := exec.CommandContext(ctx, "ip", "netns", "exec", namespace, "sysctl", "-q", "-w", setting)
		if out, err := set.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("sysctl: %w: %s", err, out)
		}
	}
	h := &hosts{}
	var mac net.HardwareAddr
	err := n.Among(func() error {
		link, err := net.InterfaceByName(wire.RelayLink)
		if err != nil {
			return err
		}
		h.index, mac = link.Index, link.HardwareAddr
		return h.open()
	})
	if err != nil {
		return nil, err
	}
	var addrs, neighbours []string
	for i := range sources {
		addrs = append(addrs, fmt.Sprintf("addr add %s/64 dev %s nodad", address(i), wire.RelayLink))
		neighbours = append(neighbours,
			fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", address(i), mac, wire.ServerLink))
	}
	return h, errors.Join(script(ctx, n.Clients, addrs), script(ctx, n.Server, neighbours))
}

func (h *hosts) open() (err error) {
	if h.fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC,
		unix.IPPROTO_ICMPV6); err != nil {
		return os.NewSyscallError("ICMPv6 socket", err)
	}
	filter := unix.ICMPv6Filter{}
	for i := range filter.Data {
		filter.Data[i] = ^uint32(0)
	}
	const advertisement = 134
	filter.Data[advertisement>>5] &^= 1 << (advertisement & 31)
	const buffer = 4 << 20
	return errors.Join(
		unix.SetsockoptICMPv6Filter(h.fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter),
		unix.SetsockoptInt(h.fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255),
		unix.SetsockoptInt(h.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
		unix.SetsockoptInt(h.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer),
		unix.SetsockoptTimeval(h.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
}

func (h *hosts) close() error { return unix.Close(h.fd) }

// ask has hosts ask at a pace, each at its time whatever the server does, and waits for the answers.
func (h *hosts) ask(ctx context.Context, asked, pace int) (s sample, err error) {
	h.answers, h.sent = h.answers[:0], [sources]time.Time{}
	over, heard := make(chan struct{}), make(chan error, 1)
	go func() { heard <- h.hear(over) }()
	began := time.Now()
	for i := range asked {
		if err = ctx.Err(); err != nil {
			break
		}
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(pace))))
		if err = h.solicit(); err != nil {
			break
		}
	}
	for end := time.Now().Add(patience); time.Now().Before(end) && h.got() < asked; {
		time.Sleep(10 * time.Millisecond)
	}
	close(over)
	if err = errors.Join(err, <-heard); err != nil {
		return s, err
	}
	slices.Sort(h.answers)
	s.lost = asked - len(h.answers)
	if n := len(h.answers); n > 0 {
		s.p50, s.p99 = h.answers[n/2], h.answers[n*99/100]
	}
	return s, nil
}

func (h *hosts) got() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.answers)
}

// solicit has the next host ask.
func (h *hosts) solicit() error {
	i := h.next
	h.next = (h.next + 1) % sources
	solicitation := [8]byte{133} // its checksum is the kernel's
	var control [64]byte
	head := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	head.Level, head.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	head.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
	info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&control[unix.CmsgLen(0)]))
	info.Addr, info.Ifindex = address(i).As16(), uint32(h.index)
	to := &unix.SockaddrInet6{Addr: netip.MustParseAddr("ff02::2").As16(), ZoneId: uint32(h.index)}
	h.mu.Lock()
	h.sent[i] = time.Now()
	h.mu.Unlock()
	oob := control[:unix.CmsgSpace(unix.SizeofInet6Pktinfo)]
	return os.NewSyscallError("send", unix.Sendmsg(h.fd, solicitation[:], oob, to, 0))
}

// hear notes answers until it is over. What goes to everybody is an answer to all that wait.
func (h *hosts) hear(over <-chan struct{}) error {
	var octets [1500]byte
	var control [64]byte
	for {
		n, oobn, _, _, err := unix.Recvmsg(h.fd, octets[:], control[:], 0)
		now := time.Now()
		select {
		case <-over:
			return nil
		default:
		}
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < 16 {
			return errors.Join(err, errors.New("no advertisement"))
		}
		messages, err := unix.ParseSocketControlMessage(control[:oobn])
		if err != nil || len(messages) == 0 {
			return errors.Join(err, errors.New("the kernel does not say whom an advertisement was sent to"))
		}
		h.heard(now, (*unix.Inet6Pktinfo)(unsafe.Pointer(&messages[0].Data[0])).Addr)
	}
}

func (h *hosts) heard(now time.Time, to [16]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first, last := int(to[14])<<8|int(to[15]), int(to[14])<<8|int(to[15])
	if to[0] == 0xff {
		first, last = 0, sources-1
	}
	for i := first; i <= last && i < sources; i++ {
		if !h.sent[i].IsZero() {
			h.answers = append(h.answers, now.Sub(h.sent[i]))
			h.sent[i] = time.Time{}
		}
	}
}
