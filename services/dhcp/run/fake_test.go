package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// cable is a Conn whose other end is the test.
type cable struct {
	in     chan []byte
	out    chan *dhcpv4.DHCPv4
	closed chan struct{}
	once   sync.Once
	// waits is who waits; what is taken from in is in next until it is read.
	waits chan struct{}
	next  chan []byte

	mu      sync.Mutex
	readErr error
	sendErr error
	gone    error     // what Check returns
	from    lease.MAC // the card that sends all that is read; zero: the one that it names
	watched bool
	// onSend sees every reply before it leaves.
	onSend func(*dhcpv4.DHCPv4)
}

func newCable() *cable {
	return &cable{in: make(chan []byte, 5000), out: make(chan *dhcpv4.DHCPv4, 5000), closed: make(chan struct{}),
		waits: make(chan struct{}, 1), next: make(chan []byte, 1)}
}

func (c *cable) set(readErr, sendErr error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readErr, c.sendErr = readErr, sendErr
}

func (c *cable) Wait() error {
	c.mu.Lock()
	err := c.readErr
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.waits <- struct{}{}
	defer func() { <-c.waits }()
	if len(c.next) > 0 {
		return nil
	}
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
	}
	select {
	case b := <-c.in:
		c.next <- b
		return nil
	case <-c.closed:
		return net.ErrClosed
	}
}

func (c *cable) Read(p []byte) (int, lease.MAC, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case b := <-c.next:
		switch {
		case !c.watched:
			return copy(p, b), lease.MAC{}, nil
		case c.from == lease.MAC{} && len(b) >= 34:
			return copy(p, b), lease.MAC(b[28:34]), nil
		}
		return copy(p, b), c.from, nil
	default:
		return 0, lease.MAC{}, nil
	}
}

func (c *cable) Watch(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = on
	return nil
}

func (c *cable) Send(_ dhcp.Destination, reply []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sendErr != nil {
		return c.sendErr
	}
	p, err := dhcpv4.FromBytes(reply)
	if err != nil {
		return err
	}
	if c.onSend != nil {
		c.onSend(p)
	}
	c.out <- p
	return nil
}

func (c *cable) Check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

func (c *cable) Close() error { c.once.Do(func() { close(c.closed) }); return nil }

// rig is a running service on one cable and one disk, in a bubble of virtual time.
type rig struct {
	t     *testing.T
	s     *Service
	cable *cable
	// neighbours answer probes.
	neighbours neighbours
	disk       *leasefiletest.Disk
	log        *logBuffer
	stop       func() error // ends Run and returns its error
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(s))
}

func config() dhcp.Config {
	ip := netip.MustParseAddr
	return dhcp.Config{Subnets: []dhcp.Subnet{{
		Name: "lan", Interface: "eth1", Address: ip("10.0.0.1"), Prefix: netip.MustParsePrefix("10.0.0.0/8"),
		Router: ip("10.0.0.1"), Pool: []lease.Range{{First: ip("10.1.0.0"), Last: ip("10.1.255.255")}}, LeaseTime: time.Hour,
	}}}
}

// inBubble runs f with a service that serves.
func inBubble(t *testing.T, conf dhcp.Config, disk *leasefiletest.Disk, prepare func(*cable), f func(*rig)) {
	inBubbleWith(t, conf, disk, func(r *rig, _ *Options) {
		if prepare != nil {
			prepare(r.cable)
		}
	}, f)
}

// inBubbleWith is inBubble with other options.
func inBubbleWith(t *testing.T, conf dhcp.Config, disk *leasefiletest.Disk, prepare func(*rig, *Options), f func(*rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, cable: newCable(), disk: disk, log: new(logBuffer), neighbours: newNeighbours()}
		o := Options{FS: disk, Log: slog.New(slog.NewTextHandler(r.log, nil)),
			Listen: func(string, netip.Addr) (Conn, error) { return r.cable, nil },
			Probe:  func(*dhcp.Subnet) (Prober, error) { return &r.neighbours, nil }}
		prepare(r, &o)
		var err error
		r.s, err = Open(conf, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- r.s.Run(ctx, func() error { return nil }, func() error { return nil }) }()
		r.stop = func() error { cancel(); return <-ended }
		synctest.Wait()
		f(r)
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func card(n int) net.HardwareAddr {
	return net.HardwareAddr{0, 0x16, 0x3e, byte(n >> 16), byte(n >> 8), byte(n)}
}

func ask(n int, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) []byte {
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(card(n)), dhcpv4.WithMessageType(kind)}, mods...)...)
	if err != nil {
		panic(err)
	}
	return p.ToBytes()
}

func selecting(addr string) []dhcpv4.Modifier {
	return []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(addr))),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP("10.0.0.1")))}
}

// say sends one message and returns the replies that follow.
func (r *rig) say(msg []byte) []*dhcpv4.DHCPv4 {
	r.cable.in <- msg
	synctest.Wait()
	return r.replies()
}

func (r *rig) replies() (all []*dhcpv4.DHCPv4) {
	for {
		select {
		case p := <-r.cable.out:
			all = append(all, p)
		default:
			return all
		}
	}
}

// dora takes a lease for card n; an empty string: no ACK came.
func (r *rig) dora(n int) string {
	r.t.Helper()
	offers := r.say(ask(n, dhcpv4.MessageTypeDiscover))
	if len(offers) != 1 {
		r.t.Fatalf("%d offers", len(offers))
	}
	addr := offers[0].YourIPAddr.String()
	acks := r.say(ask(n, dhcpv4.MessageTypeRequest, selecting(addr)...))
	if len(acks) == 0 {
		return ""
	}
	if acks[0].MessageType() != dhcpv4.MessageTypeAck || acks[0].YourIPAddr.String() != addr {
		r.t.Fatalf("offered %s, then %s", addr, acks[0].Summary())
	}
	return addr
}

// durable returns the leases that would be found after a power cut now.
func durable(disk *leasefiletest.Disk) (map[string]lease.Lease, error) {
	found := map[string]lease.Lease{}
	_, _, err := leasefile.Open(disk.PowerCut(rand.New(rand.NewPCG(0, 0))), func(l lease.Lease) { found[l.Addr.String()] = l })
	return found, err
}

var errDisk = errors.New("the disk is on fire")

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("unexpected: %w", err))
		}
		return v
	}
}

func must4(s string) net.IP { return net.ParseIP(s).To4() }
