package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// A network is a box with wan0, whose other end is eth0 of a provider.
type network struct {
	t        *testing.T
	box, isp *testnet.Namespace
}

func newNetwork(t *testing.T) *network {
	n := &network{t, testnet.New(t, "box"), testnet.New(t, "isp")}
	n.connect()
	n.isp.AddAddr("eth0", "192.0.2.1/24")
	return n
}

// connect puts a card into either side, with a cable between.
func (n *network) connect() {
	n.box.Connect("wan0", n.isp, "eth0")
	n.box.Ready("wan0")
	n.isp.Ready("eth0")
}

// open opens a Conn on wan0.
func (n *network) open() (c *Conn) {
	n.t.Helper()
	if err := n.box.Do(func() (err error) { c, err = Open("wan0", 0); return err }); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	c.packet.Deadline(time.Now().Add(time.Minute)) // for a Read in vain
	return c
}

// addr reads an address of a test.
func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// in runs f in the namespace of the box, for what opens sockets of its own.
func (n *network) in(f func() error) {
	n.t.Helper()
	if err := n.box.Do(f); err != nil {
		n.t.Error(err)
	}
}

// sniff has tcpdump write what it sees to a file, and returns a function that returns the
// text of it.
func sniff(t *testing.T, n *testnet.Namespace, link string, filter ...string) (text func() string) {
	t.Helper()
	args := append([]string{"-lenvv", "-tt", "--immediate-mode", "-i", link}, filter...)
	p := n.Start(exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), args...))
	testnet.Eventually(t, 10*time.Second, "tcpdump listens", func() bool {
		return strings.Contains(p.Output(), "listening on")
	})
	return p.Output
}

// question is a message of ours, for tests that have no client.
func question(c *Conn, kind packet.MessageType, xid uint32, options ...packet.Option) *packet.Packet {
	p := &packet.Packet{Op: packet.BootRequest, HType: packet.Ethernet, HLen: 6, XID: xid}
	copy(p.CHAddr[:], c.MAC[:])
	p.Options = append([]packet.Option{{Code: packet.OptionMessageType, Data: []byte{byte(kind)}}}, options...)
	return p
}

func (n *network) send(c *Conn, w Way, p *packet.Packet) {
	n.t.Helper()
	b, _ := p.Append(nil, packet.MinMax)
	n.in(func() error { return c.Send(n.t.Context(), w, b) })
}

// answer reads until a message of the type comes.
func (n *network) answer(c *Conn, want packet.MessageType) (p packet.Packet, m Message) {
	n.t.Helper()
	defer time.AfterFunc(20*time.Second, func() { c.packet.Deadline(time.Now()) }).Stop()
	for {
		m, err := c.Read()
		if err != nil {
			n.t.Fatalf("%s was not heard: %v", want, err)
		}
		if err := p.Unmarshal(bytes.Clone(m.Payload)); err != nil {
			n.t.Fatal(err)
		}
		if p.Type() == want {
			return p, m
		}
	}
}

// until has requests sent until a server answers: it may only just have started.
func (n *network) until(c *Conn, want packet.MessageType, w Way, p *packet.Packet) (packet.Packet, Message) {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	defer cancel()
	b, _ := p.Append(nil, packet.MinMax)
	go func() {
		for ctx.Err() == nil {
			_ = n.box.Do(func() error { return c.Send(ctx, w, b) })
			time.Sleep(500 * time.Millisecond)
		}
	}()
	return n.answer(c, want)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProviders gets, renews and gives back a lease of each, with checksums by the card and
// by the kernel, and looks that the kernel answers none of it by ICMP.
func TestProviders(t *testing.T) {
	ethtool := testnet.Need(t, "ethtool", "ethtool")
	for _, p := range wantest.Providers() {
		for _, offload := range []string{"on", "off"} {
			t.Run(fmt.Sprintf("%s, tx %s", p.Name, offload), func(t *testing.T) {
				n := newNetwork(t)
				n.isp.Run(ethtool, "-K", "eth0", "tx", offload)
				wire := sniff(t, n.isp, "eth0", "icmp or udp")
				p.Start(t, n.isp, "192.0.2.100")
				c := n.open()
				ours := n.lease(c)
				n.box.AddAddr("wan0", ours.String()+"/24")
				network := netip.PrefixFrom(ours, 24).Masked()
				renewal := question(c, packet.Request, 0x4243)
				renewal.CIAddr = ours
				to := Way{To: addr("192.0.2.1"), From: ours, Network: network}
				n.send(c, to, renewal)
				ack, m := n.answer(c, packet.ACK)
				if ack.XID != 0x4243 || ack.YIAddr != ours || m.From != to.To || m.MAC != ethernet.MAC(n.isp.MAC("eth0")) {
					t.Errorf("renewed: %+v from %s, %s", ack, m.From, m.MAC)
				}
				release := question(c, packet.Release, 0x4244,
					packet.Option{Code: packet.OptionServerID, Data: to.To.AsSlice()})
				release.CIAddr = ours
				n.send(c, to, release)
				testnet.Eventually(t, 10*time.Second, "the release is on the wire", func() bool {
					return strings.Contains(wire(), "xid 0x4244")
				})
				counts := c.Counts()
				partial := p.Kernel && offload == "on"
				if partial != (counts.Partial > 0) || counts.Checksum+counts.Malformed > 0 {
					t.Errorf("counts %+v", counts)
				}
				for line := range strings.Lines(wire()) {
					ours := strings.Contains(line, "BOOTP/DHCP, Request")
					if strings.Contains(line, "ICMP") || ours && !strings.Contains(line, "[udp sum ok]") {
						t.Errorf("on the wire: %s", line)
					}
				}
			})
		}
	}
}

// lease gets 192.0.2.100 of whoever is there.
func (n *network) lease(c *Conn) netip.Addr {
	n.t.Helper()
	offer, m := n.until(c, packet.Offer, Way{}, question(c, packet.Discover, 0x4242))
	if m.From != addr("192.0.2.1") || m.MAC != ethernet.MAC(n.isp.MAC("eth0")) || offer.XID != 0x4242 {
		n.t.Errorf("offered from %s, %s: %+v", m.From, m.MAC, offer)
	}
	n.send(c, Way{}, question(c, packet.Request, 0x4242,
		packet.Option{Code: packet.OptionRequestedAddr, Data: offer.YIAddr.AsSlice()},
		packet.Option{Code: packet.OptionServerID, Data: offer.Option(packet.OptionServerID)},
	))
	ack, _ := n.answer(c, packet.ACK)
	if ack.YIAddr != addr("192.0.2.100") || binary.BigEndian.Uint32(ack.Option(packet.OptionLeaseTime)) != 3600 {
		n.t.Fatalf("leased %+v", ack)
	}
	return ack.YIAddr
}
