package nft_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// patience bounds what should come at once; only a failure waits for so long.
const patience = 20 * time.Second

// A lab is the box between its networks, each with one host on an interface eth0:
//
//	wan 192.0.2.1 ── eth0 192.0.2.10 ┌─────┐ eth1 192.168.32.1 ── lan   192.168.32.50
//	    2001:db8::1  2001:db8::10    │ box │ eth2 192.168.33.1 ── guest 192.168.33.50
//	                                 └─────┘ eth3 192.168.34.1 ── stranger (in no zone)
//
// and in IPv6 2001:db8:32::/64 and so on, with the same last numbers. Every host answers TCP port 80 and UDP
// port 5000 with the address that it sees; the box also TCP 22 and 23 and UDP 67.
type lab struct {
	box, wan, lan, guest, stranger netns
	pings                          *atomic.Uint32 // echo requests so far
}

// newLab loads the firewall before there is any interface, as the appliance does.
func newLab(t *testing.T, policy firewall.Policy) lab {
	l := lab{newNetns(t, "box"), newNetns(t, "wan"), newNetns(t, "lan"), newNetns(t, "guest"), newNetns(t, "stranger"),
		new(atomic.Uint32)}
	for _, ns := range []netns{l.box, l.wan, l.lan, l.guest, l.stranger} {
		ns.sysctl(t, "ipv6/conf/default/accept_dad", "0") // addresses work at once
		ns.sysctl(t, "ipv6/conf/default/router_solicitations", "0")
		ns.run(t, "ip link set lo up")
	}
	load(t, l.box, compile(t, policy))
	for _, key := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		l.box.sysctl(t, key, "1")
	}
	l.connect(t, 0, l.wan, "192.0.2.10/24 2001:db8::10/64", "192.0.2.1/24 2001:db8::1/64")
	for i, ns := range []netns{l.lan, l.guest, l.stranger} {
		n := 32 + i
		l.connect(t, i+1, ns, fmt.Sprintf("192.168.%d.1/24 2001:db8:%d::1/64 fd00:%d::1/64", n, n, n),
			fmt.Sprintf("192.168.%d.50/24 2001:db8:%d::50/64 fd00:%d::50/64", n, n, n))
		ns.run(t, fmt.Sprintf("ip route add default via 192.168.%d.1", n))
		ns.run(t, fmt.Sprintf("ip -6 route add default via 2001:db8:%d::1", n))
	}
	l.box.run(t, "ip route add default via 192.0.2.1")
	l.box.run(t, "ip -6 route add default via 2001:db8::1")
	l.wan.run(t, "ip route add 192.168.0.0/16 via 192.0.2.10") // a neighbour who knows our networks
	l.wan.run(t, "ip -6 route add 2001:db8::/33 via 2001:db8::10")
	for _, ns := range []netns{l.box, l.wan, l.lan, l.guest} {
		serveTCP(t, ns, ":80")
		serveUDP(t, ns, ":5000")
	}
	serveTCP(t, l.box, ":22")
	serveTCP(t, l.box, ":23")
	serveUDP(t, l.box, ":67")
	return l
}

// connect joins the box's interface eth<n> with a host's eth0 and gives both their addresses.
func (l lab) connect(t *testing.T, n int, host netns, boxAddrs, hostAddrs string) {
	l.box.run(t, fmt.Sprintf("ip link add eth%d address %v type veth peer name eth0 address 02:00:00:00:00:%02x netns %s",
		n, boxMAC(n), n, host.Name()))
	for _, end := range []struct {
		ns         netns
		dev, addrs string
	}{{l.box, fmt.Sprintf("eth%d", n), boxAddrs}, {host, "eth0", hostAddrs}} {
		end.ns.run(t, "ip link set "+end.dev+" up")
		for _, a := range strings.Fields(end.addrs) {
			end.ns.run(t, "ip addr add "+a+" dev "+end.dev)
		}
	}
}

func boxMAC(n int) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 1, byte(n)} }

func (ns netns) sysctl(t *testing.T, key, value string) {
	t.Helper()
	ns.do(t, func() {
		if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0); err != nil {
			t.Error(err)
		}
	})
}

// serveTCP tells everybody who connects the address he has.
func serveTCP(t *testing.T, ns netns, addr string) {
	var l net.Listener
	var err error
	ns.do(t, func() { l, err = net.Listen("tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerTCP(c)
		}
	}()
}

// answerTCP answers at once, and again for every byte it gets.
func answerTCP(c net.Conn) {
	defer c.Close()
	from := netip.MustParseAddrPort(c.RemoteAddr().String()).Addr().Unmap()
	for one := make([]byte, 1); ; {
		if _, err := fmt.Fprintf(c, "%s\n", from); err != nil {
			return
		}
		if _, err := io.ReadFull(c, one); err != nil {
			return
		}
	}
}

func listenUDP(t *testing.T, ns netns, addr string) net.PacketConn {
	var c net.PacketConn
	var err error
	ns.do(t, func() { c, err = net.ListenPacket("udp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serveUDP tells everybody who sends something the address he has.
func serveUDP(t *testing.T, ns netns, addr string) {
	c := listenUDP(t, ns, addr)
	go func() {
		for buf := make([]byte, 1<<16); ; {
			_, from, err := c.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				c.WriteTo([]byte(netip.MustParseAddrPort(from.String()).Addr().Unmap().String()), from)
			}
		}
	}()
}

// sendRaw puts IP packets on the wire of a host's eth0, towards the box or, if a packet is for everybody, to
// all.
func (l lab) sendRaw(t *testing.T, from netns, packets ...[]byte) {
	t.Helper()
	box := boxMAC(map[netns]int{l.wan: 0, l.lan: 1, l.guest: 2, l.stranger: 3}[from])
	from.do(t, func() {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Error(err)
			return
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		for _, packet := range packets {
			to := &unix.SockaddrLinklayer{Ifindex: eth0.Index}
			linkAddress(to, packet, box)
			if err := unix.Sendto(fd, packet, 0, to); err != nil {
				t.Errorf("raw packet from %s: %v", from.Name(), err)
			}
		}
	})
}

// linkAddress says what Ethernet must know of an IP packet.
func linkAddress(to *unix.SockaddrLinklayer, packet []byte, box net.HardwareAddr) {
	proto, dst := uint16(unix.ETH_P_IP), netip.Addr{}
	if packet[0]>>4 == 6 {
		proto, dst = unix.ETH_P_IPV6, netip.AddrFrom16([16]byte(packet[24:40]))
	} else {
		dst = netip.AddrFrom4([4]byte(packet[16:20]))
	}
	to.Halen = uint8(copy(to.Addr[:], box))
	if dst.IsMulticast() || dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		copy(to.Addr[:], []byte{255, 255, 255, 255, 255, 255})
	}
	to.Protocol = binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, proto))
}

// counters are the packets that the box's rules counted, by the names of the counters.
func (l lab) counters(t *testing.T) map[string]int {
	t.Helper()
	packets := map[string]int{}
	for name, c := range countersOf(t, l.box, firewall.TableName) {
		packets[name] = int(c.Packets)
	}
	return packets
}

func countersOf(t *testing.T, ns netns, table string) map[string]firewall.Count {
	t.Helper()
	var counts map[string]firewall.Count
	var err error
	ns.do(t, func() { counts, err = nft.Counters(table) })
	if err != nil {
		t.Fatal(err)
	}
	return counts
}
