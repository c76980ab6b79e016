package conn

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A wire is an end of a link on which whole frames are written.
type wire struct {
	t       *testing.T
	fd      int
	to, own ethernet.MAC // the box, and who writes
}

func (n *network) wire() *wire {
	w := &wire{t: n.t, to: ethernet.MAC(n.box.MAC("wan0")), own: ethernet.MAC(n.isp.MAC("eth0"))}
	err := n.isp.Do(func() (err error) {
		l, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Ifindex: l.Index})
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { unix.Close(w.fd) })
	return w
}

// write writes a frame; tags are what stands before the type: of VLANs.
func (w *wire) write(to ethernet.MAC, tags []byte, kind uint16, b []byte) {
	w.t.Helper()
	frame := slices.Concat(to[:], w.own[:], tags, []byte{byte(kind >> 8), byte(kind)}, b)
	if _, err := unix.Write(w.fd, frame); err != nil {
		w.t.Fatal(err)
	}
}

func tag(priority, vlan uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{0x81, 0}, priority<<13|vlan)
}

// reply is a datagram with a message for the box, as a server sends it; its xid is a mark.
func (w *wire) reply(mark uint32, change func(p *packet.Packet)) []byte {
	p := &packet.Packet{Op: packet.BootReply, HType: packet.Ethernet, HLen: 6, XID: mark}
	copy(p.CHAddr[:], w.to[:])
	if change != nil {
		change(p)
	}
	b, _ := p.Append(nil, packet.MinMax)
	return datagram(68, b)
}

// datagram is one from a server to the box.
func datagram(port uint16, payload []byte) []byte {
	server, box := netip.AddrPortFrom(addr("192.0.2.1"), serverPort), netip.AddrPortFrom(addr("192.0.2.100"), port)
	return ethernet.AppendDatagram(nil, server, box, payload)
}

// changed changes bytes of an IP header, and has its checksum right.
func changed(b []byte, change func(b []byte)) []byte {
	change(b)
	head := int(b[0]&15) * 4
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], ethernet.Checksum(b[:head]))
	return b
}

// TestHears writes frames of all kinds, and has those heard that it should be, in their
// order.
func TestHears(t *testing.T) {
	n := newNetwork(t)
	// What is for a link above arrives at sockets of the one below it too. A macvlan stands for
	// a VLAN link here: the kernel does the same for both, and not every one has VLANs.
	n.box.Run("ip", "link", "add", "link", "wan0", "name", "above", "type", "macvlan")
	n.box.Up("above")
	c, w := n.open(), n.wire()
	var above *Conn
	n.in(func() (err error) { above, err = Open("above", 0); return err })
	defer above.Close()
	other := ethernet.MAC{2, 9, 9, 9, 9, 9}
	heard := func(mark uint32, to ethernet.MAC, tags []byte, change func(b []byte) []byte) {
		b := w.reply(mark, nil)
		if change != nil {
			b = change(b)
		}
		w.write(to, tags, unix.ETH_P_IP, b)
	}
	ip := func(f func(b []byte)) func([]byte) []byte { return func(b []byte) []byte { return changed(b, f) } }
	heard(1, w.to, nil, nil)
	heard(2, ethernet.Everybody(), nil, nil)
	heard(3, w.to, tag(5, 0), nil) // a priority and no VLAN
	heard(4, w.to, nil, func(b []byte) []byte { return append(b, make([]byte, 20)...) })
	heard(5, w.to, nil, ip(func(b []byte) { b[12], b[26], b[27] = 198, 0, 0 })) // without a checksum
	heard(6, w.to, nil, ip(func(b []byte) { b[6] = 0x40 }))                     // do not fragment
	heard(7, w.to, nil, withOptions)
	// Not for us:
	heard(101, other, nil, nil)
	heard(102, above.MAC, nil, nil)
	owned := w.reply(1, func(p *packet.Packet) { copy(p.CHAddr[:], above.MAC[:]) })
	w.write(above.MAC, nil, unix.ETH_P_IP, owned)
	heard(103, w.to, tag(0, 8), nil) // a VLAN that is no link here
	heard(104, w.to, nil, ip(func(b []byte) { b[6] = 0x20 }))
	heard(105, w.to, nil, ip(func(b []byte) { b[7] = 9 }))
	heard(106, w.to, nil, ip(func(b []byte) { b[9] = 6 }))
	heard(107, w.to, nil, func(b []byte) []byte { b[23] = 69; return b })
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(108, func(p *packet.Packet) { p.CHAddr[5]++ }))
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(109, func(p *packet.Packet) { p.CHAddr[0]++ }))
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(110, func(p *packet.Packet) { p.Op = packet.BootRequest }))
	w.write(w.to, nil, unix.ETH_P_IPV6, w.reply(111, nil))
	heard(112, w.to, nil, func(b []byte) []byte { return b[:40] })
	// For us, and damaged:
	heard(113, w.to, nil, func(b []byte) []byte { b[200]++; return b })
	heard(114, w.to, nil, func(b []byte) []byte { b[10]++; return b })
	heard(115, w.to, nil, ip(func(b []byte) { b[3] += 40 }))
	n.box.Run("ip", "link", "set", "wan0", "mtu", "9000")
	n.isp.Run("ip", "link", "set", "eth0", "mtu", "9000")
	heard(116, w.to, nil, func(b []byte) []byte { return append(b, make([]byte, 4000)...) })
	heard(8, w.to, nil, nil)
	for want := uint32(1); want <= 8; want++ {
		m, err := c.Read()
		if err != nil || binary.BigEndian.Uint32(m.Payload[4:]) != want || m.MAC != w.own {
			t.Fatalf("read %d from %s, %v; want %d", binary.BigEndian.Uint32(m.Payload[4:]), m.MAC, err, want)
		}
		if want == 5 && m.From != addr("198.0.2.1") || want != 5 && m.From != addr("192.0.2.1") {
			t.Errorf("%d is from %s", want, m.From)
		}
	}
	if got, want := c.Counts(), (Counts{Received: 8, Malformed: 1, Checksum: 2, TooLong: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if m, err := above.Read(); err != nil || binary.BigEndian.Uint32(m.Payload[4:]) != 1 || m.MAC != w.own {
		t.Errorf("the link above: %v", err)
	}
}

// withOptions gives an IP header the options no-operation.
func withOptions(b []byte) []byte {
	return changed(slices.Concat(b[:20], []byte{1, 1, 1, 1}, b[20:]), func(b []byte) {
		b[0]++
		b[3] += 4
	})
}

// TestFlood: of a flood as much is kept as fits, it is read at a pace, and what comes
// afterwards is heard.
func TestFlood(t *testing.T) {
	n := newNetwork(t)
	c, w := n.open(), n.wire()
	b := w.reply(1, nil)
	for range 20000 {
		w.write(w.to, nil, unix.ETH_P_IP, b)
	}
	start := time.Now()
	for range readBurst + 20 {
		if _, err := c.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 20*readEvery {
		t.Errorf("it was read within %s", took)
	}
	kept := 20000 - int(c.Counts().Lost)
	if kept < readBurst+20 || kept > 2000 {
		t.Errorf("%d messages were kept", kept)
	}
	for range kept - readBurst - 20 {
		if _, err := c.packet.Read(c.buf[:]); err != nil { // at no pace
			t.Fatal(err)
		}
	}
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(2, nil))
	if m, err := c.Read(); err != nil || binary.BigEndian.Uint32(m.Payload[4:]) != 2 {
		t.Errorf("after the flood: %v", err)
	}
}

// TestPriority counts what leaves with the priority that was wished for.
func TestPriority(t *testing.T) {
	n := newNetwork(t)
	rules := write(t, t.TempDir(), "rules", `table netdev t {
		chain c {
			type filter hook egress device "wan0" priority 0; policy accept;
			meta priority 0:5 counter
		}
	}`)
	nft := testnet.Need(t, "nft", "nftables")
	n.box.Run(nft, "-f", rules)
	var c *Conn
	n.in(func() (err error) { c, err = Open("wan0", 5); return err })
	defer c.Close()
	n.send(c, Way{}, question(c, packet.Discover, 1))
	n.in(func() error { return c.Announce(t.Context(), addr("192.0.2.100"), 1) })
	if out := n.box.Run(nft, "list", "ruleset"); !strings.Contains(out, "counter packets 2 ") {
		t.Error(out)
	}
}

func TestCloseEndsRead(t *testing.T) {
	n := newNetwork(t)
	var c *Conn
	n.in(func() (err error) { c, err = Open("wan0", 0); return err })
	ended := make(chan error)
	go func() { _, err := c.Read(); ended <- err }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
