package tcpdump

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// output is what a command prints while a test reads it.
type output struct {
	lock sync.Mutex
	b    bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.b.String()
}

// A running is our command in a namespace.
type running struct {
	out, complaints output
	stop            context.CancelFunc
	ended           chan int
}

// start starts it, and waits until it listens.
func start(t *testing.T, n *testnet.Namespace, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, ended: make(chan int, 1)}
	go func() {
		_ = n.Do(func() error {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			c := Commands()["tcpdump"]
			r.ended <- c.Main()(ctx, append([]string{"tcpdump"}, args...), strings.NewReader(""), &r.out, &r.complaints)
			return nil
		})
	}()
	t.Cleanup(stop)
	testnet.Eventually(t, 20*time.Second, "it listens: "+r.complaints.String(), func() bool {
		return strings.Contains(r.complaints.String(), "listening on")
	})
	return r
}

// end ends it, as ^C does, once it has printed something, and returns its status.
func (r *running) end(t *testing.T, text string) int {
	t.Helper()
	testnet.Eventually(t, 20*time.Second, "it prints "+text, func() bool { return strings.Contains(r.out.String(), text) })
	r.stop()
	select {
	case status := <-r.ended:
		return status
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
		return 0
	}
}

// sender sends packets on eth0 of a namespace.
func sender(t *testing.T, n *testnet.Namespace) func(to ethernet.MAC, proto uint16, b []byte) {
	var s *rawsocket.Packet
	err := n.Do(func() error {
		l, err := net.InterfaceByName("eth0")
		if err == nil {
			s, err = rawsocket.Open(l.Index, rawsocket.Options{Name: "test"})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return func(to ethernet.MAC, proto uint16, b []byte) {
		if err := s.Send(to, proto, b); err != nil {
			t.Error(err)
		}
	}
}

// TestCapture: packets of a link and of all links, of a VLAN with its tag, what is for others, and the counts
// at the end.
func TestCapture(t *testing.T) {
	a, b := testnet.New(t, "a"), testnet.New(t, "b")
	a.Connect("eth0", b, "eth0")
	a.Ready("eth0")
	b.Ready("eth0")
	send := sender(t, a)
	other := ethernet.MAC{2, 9, 9, 9, 9, 9}
	datagram := frame(t, ip4("10.9.0.1", "10.9.0.2", layers.IPProtocolUDP), udp(1234, 9999), gopacket.Payload("payload!"))
	ping := frame(t, ip4("10.9.0.1", "10.9.0.3", layers.IPProtocolUDP), udp(1234, 9998), gopacket.Payload("payload!"))
	tagged := append([]byte{0, 5, 8, 0}, datagram...)
	file := filepath.Join(t.TempDir(), "file")

	one := start(t, b, "-lni", "eth0", "-e", "-t", "udp dst port 9999 and host 10.9.0.1")
	vlan := start(t, b, "-lni", "eth0", "-et", "vlan 5 and udp port 9999")
	all := start(t, b, "-lnt", "udp port 9999")
	allVLAN := start(t, b, "-lnt", "vlan 5 and udp port 9999 and not outbound")
	into := start(t, b, "-i", "eth0", "-w", file, "-c", "1", "udp port 9999")
	send(other, 0x0800, ping)
	send(other, 0x0800, datagram)
	send(other, 0x8100, tagged)
	if status := one.end(t, "> 10.9.0.2.9999: UDP, length 8\n"); status != 0 ||
		!strings.Contains(one.out.String(), "> 02:09:09:09:09:09, ethertype IPv4 (0x0800), length 50: 10.9.0.1.1234") ||
		strings.Contains(one.out.String(), "9998") || !strings.Contains(one.complaints.String(), " received by filter\n0 packets dropped by kernel\n") {
		t.Errorf("status %d\n%s%s", status, &one.out, &one.complaints)
	}
	if status := vlan.end(t, "9999"); status != 0 || strings.Count(vlan.out.String(), "\n") != 1 ||
		!strings.Contains(vlan.out.String(), "ethertype 802.1Q (0x8100), length 54: vlan 5, p 0, ethertype IPv4 (0x0800), 10.9.0.1.1234 > 10.9.0.2.9999") ||
		!strings.Contains(vlan.complaints.String(), "1 packet captured\n") {
		t.Errorf("status %d\n%s%s", status, &vlan.out, &vlan.complaints)
	}
	if status := all.end(t, "eth0  P   IP 10.9.0.1.1234 > 10.9.0.2.9999: UDP, length 8\n"); status != 0 {
		t.Errorf("status %d\n%s%s", status, &all.out, &all.complaints)
	}
	if status := allVLAN.end(t, "eth0  P   IP 10.9.0.1.1234 > 10.9.0.2.9999: UDP, length 8\n"); status != 0 ||
		strings.Count(allVLAN.out.String(), "\n") != 1 {
		t.Errorf("status %d\n%s%s", status, &allVLAN.out, &allVLAN.complaints)
	}
	if status := into.end(t, ""); status != 0 {
		t.Errorf("status %d\n%s", status, &into.complaints)
	}
	// what was written, Debian's reads
	written, err := os.ReadFile(file)
	if mine, _, status := ours(t, "-ntr", file); err != nil || status != 0 || string(mine) != "IP 10.9.0.1.1234 > 10.9.0.2.9999: UDP, length 8\n" {
		t.Errorf("%s, %v, %d bytes", mine, err, len(written))
	}
}

// TestDown: what is sent by the box itself is seen, and a link that goes down ends nothing.
func TestDown(t *testing.T) {
	a, b := testnet.New(t, "a"), testnet.New(t, "b")
	a.Connect("eth0", b, "eth0")
	a.Ready("eth0")
	b.Ready("eth0")
	send := sender(t, a)
	datagram := frame(t, ip4("10.9.0.1", "10.9.0.2", layers.IPProtocolUDP), udp(1234, 9999), gopacket.Payload("payload!"))
	r := start(t, a, "-lnt", "-c", "2", "udp and outbound")
	send(ethernet.Everybody(), 0x0800, datagram)
	testnet.Eventually(t, 20*time.Second, "the first", func() bool { return strings.Contains(r.out.String(), "eth0  Out IP 10.9.0.1") })
	b.Down("eth0")
	b.Up("eth0")
	a.Ready("eth0")
	send(ethernet.Everybody(), 0x0800, datagram)
	if status := <-r.ended; status != 0 || strings.Count(r.out.String(), "eth0  Out IP ") != 2 {
		t.Errorf("status %d\n%s%s", status, &r.out, &r.complaints)
	}
}
