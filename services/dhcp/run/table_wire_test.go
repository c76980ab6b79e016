package run_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// A bench is one server in a namespace, and everybody else on the other end of its cable: clients of any
// card, relay agents. The server's link has no ARP: what it sends to an address that it would have to ask for
// goes to its own card, and is told apart from what it sends to a client's card without asking.
type bench struct {
	t      *testing.T
	name   string
	ns     *testnet.Namespace // of the server
	fd     int                // packet socket of the others, which hears all
	server lease.MAC
	link   int
	xid    uint32
	cards  uint32
	given  map[netip.Addr]bool // addresses that the server has named to anybody
	free   netip.Addr          // the last that was taken for free

	marker netip.Addr    // the lease of the marker's client
	taken  [2]netip.Addr // leases of others, on the link and behind the agent
}

// The networks: that of the link, and one behind a relay agent.
var (
	benchServer   = ip("10.20.0.1")
	benchOther    = ip("10.20.0.2") // another server
	benchAgent    = ip("10.30.0.1")
	benchUnserved = ip("10.40.0.1") // a relay agent of a network that is not served
	benchFar      = ip("192.0.2.7")
	benchPrefix   = [2]string{"10.20.", "10.30."}
)

const (
	// The pools, without the prefix. Servers give from both ends of one, or from anywhere.
	benchFirst, benchMiddle, benchLast = "64.0", "95.255", "127.255"
	benchPatience                      = 20 * time.Second
)

// newBench starts a server: start gets its namespace, in which it serves on eth1.
func newBench(t *testing.T, name string, start func(ns *testnet.Namespace)) *bench {
	server, others := testnet.New(t, name), testnet.New(t, "others")
	b := &bench{t: t, name: name, ns: server, given: map[netip.Addr]bool{}}
	server.Connect("eth1", others, "eth0")
	server.Run("ip", "link", "set", "eth1", "arp", "off")
	server.AddAddr("eth1", benchServer.String()+"/16")
	server.AddRoute("default", "10.20.0.3")
	server.Ready("eth1")
	b.server = lease.MAC(server.MAC("eth1"))
	if err := others.Do(func() error { return b.open("eth0") }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(b.fd) })
	start(server)
	b.begin()
	return b
}

func (b *bench) open(link string) (err error) {
	const ipv4 = 0x0008 // in network order
	if b.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ipv4); err != nil {
		return fmt.Errorf("packet socket: %w", err)
	}
	card, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	b.link = card.Index
	return errors.Join(
		unix.Bind(b.fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: b.link}),
		unix.SetsockoptPacketMreq(b.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(b.link), Type: unix.PACKET_MR_PROMISC}),
		unix.SetsockoptTimeval(b.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}))
}

// card returns a card that nobody has had.
func (b *bench) card() lease.MAC {
	b.cards++
	m := lease.MAC{0, 0x16}
	binary.BigEndian.PutUint32(m[2:], b.cards)
	return m
}

// A query is a message of a client, as its fields: what is zero is not there.
type query struct {
	kind          byte
	card          lease.MAC
	ciaddr        netip.Addr
	asked, server netip.Addr // options 50 and 54
	broadcast     bool
	giaddr        netip.Addr
}

func (q *query) bytes(xid uint32) []byte {
	p := make([]byte, 240, 300)
	p[0], p[1], p[2] = 1, 1, 6
	binary.BigEndian.PutUint32(p[4:], xid)
	if q.broadcast {
		p[10] = 0x80
	}
	put := func(at int, a netip.Addr) {
		if a.IsValid() {
			copy(p[at:], a.AsSlice())
		}
	}
	put(12, q.ciaddr)
	put(24, q.giaddr)
	copy(p[28:], q.card[:])
	copy(p[236:], "\x63\x82\x53\x63")
	p = append(p, 53, 1, q.kind)
	for code, a := range map[byte]netip.Addr{50: q.asked, 54: q.server} {
		if a.IsValid() {
			p = append(append(p, code, 4), a.AsSlice()...)
		}
	}
	return append(append(p, 255), make([]byte, 300-len(p)-1)...)
}

// A response is a reply as it came.
type response struct {
	kind           byte // 0: silence
	yiaddr, ciaddr netip.Addr
	way            string
}

// send sends a query and returns its transaction: from nobody to everybody, or from the relay agent to the
// server.
func (b *bench) send(q query) uint32 {
	b.t.Helper()
	b.xid++
	src, dst, to := netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), ethernet.Everybody()
	if q.giaddr.IsValid() {
		src, dst, to = netip.AddrPortFrom(q.giaddr, 67), netip.AddrPortFrom(benchServer, 67), b.server
	}
	frame := append(append(append([]byte{}, to[:]...), q.card[:]...), 8, 0)
	frame = ethernet.AppendDatagram(frame, src, dst, q.bytes(b.xid))
	if err := unix.Sendto(b.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: b.link, Halen: 6}); err != nil {
		b.t.Fatalf("%s: send: %v", b.name, err)
	}
	return b.xid
}

// next returns the next reply and its transaction.
func (b *bench) next(what string) (r response, xid uint32) {
	b.t.Helper()
	buf := make([]byte, 2048)
	for end := time.Now().Add(benchPatience); time.Now().Before(end); {
		n, _, err := unix.Recvfrom(b.fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			b.t.Fatalf("%s: receive: %v", b.name, err)
		}
		if n < 14 || lease.MAC(buf[6:]) != b.server {
			continue
		}
		d, err := ethernet.ReadDatagram(buf[14:n], true)
		if p := d.Payload; err == nil && d.Source.Port() == 67 && len(p) >= 240 && p[0] == 2 {
			return b.read(lease.MAC(buf), d), binary.BigEndian.Uint32(p[4:])
		}
	}
	b.t.Fatalf("%s does not answer %s", b.name, what)
	return r, 0
}

func (b *bench) read(to lease.MAC, d ethernet.Datagram) response {
	addr := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(d.Payload[at:])) }
	r := response{ciaddr: addr(12), yiaddr: addr(16)}
	for o := d.Payload[240:]; len(o) > 2 && o[0] != 255; o = o[2+int(o[1]):] {
		if o[0] == 53 {
			r.kind = o[2]
			break
		}
	}
	b.given[r.yiaddr] = true
	switch ip, port := d.Destination.Addr(), d.Destination.Port(); {
	case port == 67 && ip == addr(24) && to == b.server:
		r.way = "agent"
	case port != 68:
		r.way = fmt.Sprintf("%s to %s", d.Destination, to)
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) && (to == ethernet.Everybody() || to == b.server):
		r.way = "broadcast"
	case ip == r.yiaddr && to == lease.MAC(d.Payload[28:]):
		r.way = "card"
	case ip == r.ciaddr && to == b.server:
		r.way = "ciaddr"
	default:
		r.way = fmt.Sprintf("%s to %s", d.Destination, to)
	}
	return r
}

// ask sends a query that is answered, and returns the answer.
func (b *bench) ask(q query) response {
	b.t.Helper()
	xid := b.send(q)
	for {
		if r, of := b.next(fmt.Sprintf("%+v", q)); of == xid {
			return r
		}
	}
}

// maybe sends a query that may not be answered. Servers handle one message after the other, and those that
// store leases answer in that order: that it is silent is known by the answers to others that were sent after
// it. There are two, since two processors may carry packets past each other.
func (b *bench) maybe(q query) (r response) {
	b.t.Helper()
	return b.answerTo(b.send(q))
}

// answerTo returns the answer to a message that was sent, none if it is not answered.
func (b *bench) answerTo(xid uint32) (r response) {
	b.t.Helper()
	for range 2 {
		mark := b.send(query{kind: request, card: b.markerCard(), ciaddr: b.marker})
		for of := uint32(0); of != mark; {
			var x response
			if x, of = b.next("the marker"); of == xid {
				r = x
			}
		}
		if r.kind != 0 {
			break
		}
	}
	return r
}

func (b *bench) markerCard() lease.MAC { return lease.MAC{0, 0x16, 0xff, 0, 0, 1} }

// take takes a lease on the link (0) or behind the agent (1).
func (b *bench) take(card lease.MAC, where int) netip.Addr {
	b.t.Helper()
	var giaddr netip.Addr
	if where == 1 {
		giaddr = benchAgent
	}
	o := b.ask(query{kind: discover, card: card, giaddr: giaddr})
	a := b.ask(query{kind: request, card: card, giaddr: giaddr, asked: o.yiaddr, server: benchServer})
	if o.kind != offer || a.kind != ack || a.yiaddr != o.yiaddr {
		b.t.Fatalf("%s: no lease: %+v, then %+v", b.name, o, a)
	}
	return a.yiaddr
}

// begin waits for the server, and gives those their leases who are there all the time.
func (b *bench) begin() {
	b.t.Helper()
	for i := 0; ; i++ {
		b.send(query{kind: discover, card: b.markerCard()})
		if b.listens() {
			break
		}
		if i == int(benchPatience/time.Second) {
			b.t.Fatalf("%s does not begin to answer", b.name)
		}
	}
	for where := range 2 {
		b.taken[where] = b.take(b.card(), where)
	}
	b.marker = b.take(b.markerCard(), 0)
	b.free = ip(benchPrefix[0] + benchMiddle)
}

// listens waits a second for any answer.
func (b *bench) listens() bool {
	buf := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(b.fd, buf, 0)
		if err != nil {
			return false
		}
		if n > 14 && lease.MAC(buf[6:]) == b.server {
			return true
		}
	}
}

// forget has the server's kernel forget whom it knows on the link: it keeps some hundred at most, of all
// namespaces, and dnsmasq writes each client there to reach its card.
func (b *bench) forget() { b.ns.Run("ip", "neigh", "flush", "dev", "eth1", "nud", "all") }

// nobodys returns an address of a pool that was never given.
func (b *bench) nobodys(where int) netip.Addr {
	for {
		b.free = b.free.Prev()
		a := b.free.As4()
		a[1] = []byte{20, 30}[where]
		if !b.given[netip.AddrFrom4(a)] {
			return netip.AddrFrom4(a)
		}
	}
}

// benches are the servers that are compared: this one, and two that have been used for decades.
func benches() map[string]func(t *testing.T) *bench {
	pool := func(where int) (first, last string) {
		return benchPrefix[where] + benchFirst, benchPrefix[where] + benchLast
	}
	first0, last0 := pool(0)
	first1, last1 := pool(1)
	return map[string]func(t *testing.T) *bench{
		"here": func(t *testing.T) *bench {
			return newBench(t, "here", func(ns *testnet.Namespace) {
				sub := dhcp.Subnet{
					Name: "lan", Interface: "eth1", Address: benchServer, Prefix: netip.MustParsePrefix("10.20.0.0/16"), Router: benchServer,
					Pool: []lease.Range{{First: ip(first0), Last: ip(last0)}}, LeaseTime: time.Hour,
				}
				behind := dhcp.Subnet{
					Name: "behind", Relayed: true, Prefix: netip.MustParsePrefix("10.30.0.0/16"), Router: benchAgent,
					Pool: []lease.Range{{First: ip(first1), Last: ip(last1)}}, LeaseTime: time.Hour,
				}
				serveBench(t, ns, dhcp.Config{Subnets: []dhcp.Subnet{sub, behind}})
			})
		},
		"dnsmasq": func(t *testing.T) *bench {
			return newBench(t, "dnsmasq", func(ns *testnet.Namespace) {
				ns.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), "-d", "-C", "/dev/null", "-p", "0", "--no-ping", "--quiet-dhcp",
					"--dhcp-authoritative", "--dhcp-lease-max=20000", "--leasefile-ro", "--interface=eth1",
					fmt.Sprintf("--dhcp-range=%s,%s,255.255.0.0,1h", first0, last0), fmt.Sprintf("--dhcp-range=%s,%s,255.255.0.0,1h", first1, last1)))
			})
		},
		"dhcpd": func(t *testing.T) *bench {
			return newBench(t, "dhcpd", func(ns *testnet.Namespace) {
				dir := t.TempDir()
				conf := fmt.Sprintf("authoritative; ping-check false; dont-use-fsync true; default-lease-time 3600;\n"+
					"subnet 10.20.0.0 netmask 255.255.0.0 { range %s %s; }\nsubnet 10.30.0.0 netmask 255.255.0.0 { range %s %s; }\n", first0, last0, first1, last1)
				for name, text := range map[string]string{"conf": conf, "leases": ""} {
					if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				ns.Start(exec.Command(testnet.Need(t, "dhcpd", "isc-dhcp-server"), "-4", "-q", "-d", "-cf", dir+"/conf", "-lf", dir+"/leases",
					"--no-pid", "-user", "root", "-group", "root", "eth1"))
			})
		},
	}
}

// serveBench runs this server in a namespace, its journal in memory.
func serveBench(t *testing.T, ns *testnet.Namespace, conf dhcp.Config) {
	var s *run.Service
	if err := ns.Do(func() (err error) {
		s, err = run.Open(conf, run.Options{FS: new(leasefiletest.Disk), Log: slog.New(slog.DiscardHandler)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() error { return nil }, func() error { return nil }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service: %v", err)
		}
	})
}
