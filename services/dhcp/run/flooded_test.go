package run_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// Bounds of what a flood may cost the process: memory in KiB, the journal in bytes.
// Forty thousand messages would go far beyond them if there were no bounds.
const (
	floodMemory  = 32 << 10
	floodJournal = 512 << 10
)

// perBreath is how many messages of a flood follow each other: some thousands a second,
// more than which the network of the test does not carry to the clients either.
const perBreath = 4

// flooded has somebody send what he can, each message from another card, while real
// clients take and renew leases: they are served before the flood ends, nobody loses
// what he has, and the process keeps within bounds.
func flooded(t *testing.T, binary string) {
	l := newLAN(t)
	root := newRoot(t, binary)
	p, pid := l.start(root)
	early := l.client("early", "")
	early.udhcpc()
	early.told("bound")
	memory := resident(t, pid)

	f := &flood{wire: l.client("evil", "").wire(), r: rand.New(rand.NewPCG(1, 12))}
	f.begin(t, f.discovers)
	l.client("late", "").wants(t, "192.168.32.")
	l.client("web1", "00:16:3e:20:00:11").wants(t, "192.168.32.11")
	early.wants(t, "192.168.32.100")
	f.end(t, 20_000)
	if n := size(t, root); n > 1000 {
		t.Errorf("a flood of DISCOVERs has written %d bytes", n)
	}
	f.begin(t, f.leases)
	l.client("web1", "00:16:3e:20:00:11").wants(t, "192.168.32.11")
	early.wants(t, "192.168.32.100")
	f.end(t, 40_000)

	found := journal(t, root+"/perm/dhcp")
	for addr, mac := range map[string]net.HardwareAddr{"192.168.32.100": early.MAC("eth0"), "192.168.32.11": {0, 0x16, 0x3e, 0x20, 0, 0x11}} {
		if l := found[ip(addr)]; l.State != lease.Bound || l.MAC.String() != mac.String() {
			t.Errorf("after the flood %s is %+v", addr, l)
		}
	}
	if now := resident(t, pid); now > memory+floodMemory {
		t.Errorf("%d KiB of memory, before the flood %d", now, memory)
	}
	if n := size(t, root); n > floodJournal {
		t.Errorf("the journal has %d bytes", n)
	}
	if n := strings.Count(p.Output(), "\n"); int64(n) > f.sent.Load()/10 {
		t.Errorf("%d lines were logged", n)
	}
	t.Logf("%d messages; memory %d KiB, before %d; journal %d bytes; log %d lines",
		f.sent.Load(), resident(t, pid), memory, size(t, root), strings.Count(p.Output(), "\n"))
}

// wants has the client get an address that begins so.
func (c *client) wants(t *testing.T, addr string) {
	t.Helper()
	p := c.udhcpc()
	if got := c.told("bound")["ip"]; !strings.HasPrefix(got, addr) {
		t.Errorf("%s has %s, want %s", c.Name(), got, addr)
	}
	c.stop(p)
}

// flood is somebody who sends what he can.
type flood struct {
	wire udpWire
	r    *rand.Rand
	sent atomic.Int64
	stop chan struct{}
	done chan error
}

// begin sends what next makes until end: bursts, with a breath between, so that the
// network of the test is not what is tested.
func (f *flood) begin(t *testing.T, next func() []*dhcpv4.DHCPv4) {
	f.stop, f.done = make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-f.stop:
				f.done <- nil
				return
			case <-time.After(time.Millisecond):
			}
			for range perBreath {
				for _, m := range next() {
					if err := f.wire.Send(m); err != nil {
						f.done <- fmt.Errorf("the flood dries up: %w", err)
						return
					}
					f.sent.Add(1)
				}
			}
		}
	}()
}

// end ends it after n messages.
func (f *flood) end(t *testing.T, n int64) {
	t.Helper()
	testnet.Eventually(t, 5*patience, "the flood is over", func() bool { return f.sent.Load() >= n })
	close(f.stop)
	if err := <-f.done; err != nil {
		t.Fatal(err)
	}
}

func (f *flood) message(kind dhcpv4.MessageType, mac net.HardwareAddr, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind)}, mods...)...)
	if err != nil {
		panic(err) // there is nothing in it that could be wrong
	}
	return m
}

func (f *flood) card() net.HardwareAddr {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(mac[2:], f.r.Uint32())
	return mac
}

func (f *flood) addr() netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, 32, byte(100 + f.r.IntN(100))})
}

// discovers ask for whatever there is, and more.
func (f *flood) discovers() []*dhcpv4.DHCPv4 {
	return []*dhcpv4.DHCPv4{f.message(dhcpv4.MessageTypeDiscover, f.card(), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(f.addr().AsSlice())),
		dhcpv4.WithGeneric(dhcpv4.OptionClientIdentifier, make([]byte, f.r.IntN(250))))}
}

// leases take an address and give it back, and try that with those of others.
func (f *flood) leases() []*dhcpv4.DHCPv4 {
	mac, addr := f.card(), f.addr()
	back := append(slices.Repeat([]dhcpv4.MessageType{dhcpv4.MessageTypeRelease}, 200), dhcpv4.MessageTypeDecline, dhcpv4.MessageTypeInform)
	wanted, server := dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 168, 32, 1)))
	return []*dhcpv4.DHCPv4{
		f.message(dhcpv4.MessageTypeRequest, mac, wanted, server),
		f.message(back[f.r.IntN(len(back))], mac,
			wanted, server, dhcpv4.WithClientIP(addr.AsSlice())),
	}
}

// resident is the memory that a process has, in KiB: proc(5).
func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmRSS: %s", status)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// size is that of the journal without its room, in bytes.
func size(t *testing.T, root string) int64 {
	t.Helper()
	f, err := os.Open(root + "/perm/dhcp/" + leasefile.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := leasefile.Read(f, func(lease.Lease) {})
	if err != nil {
		t.Fatal(err)
	}
	return s.Size - s.Room
}
