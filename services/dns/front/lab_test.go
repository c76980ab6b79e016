package front

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
)

// echo answers each message with itself.
type echo struct{}

func (echo) Respond(_ time.Time, dst, msg []byte, _ resolver.Sender) []byte {
	if len(msg) < 12 {
		return dst[:0]
	}
	dst = append(dst, msg...)
	dst[2] |= 0x80
	return dst
}

// A house answers questions for who asked: the TXT of any name is the client's address and how it asked. What
// is asked of later. waits until release, wait. keeps its thread until the gate is open, never. and none.
// have no answer, both. has one at once and another later, and that of big. has 60,000 octets.
type house struct {
	asked atomic.Int64

	gate chan struct{} // wait. waits until it is closed

	mu      sync.Mutex
	waiting []func()
}

func (h *house) Respond(_ time.Time, dst, msg []byte, from resolver.Sender) []byte {
	h.asked.Add(1)
	q := new(dns.Msg)
	if q.Unpack(msg) != nil || len(q.Question) != 1 {
		return dst[:0]
	}
	reply := h.answer(q, from)
	switch q.Question[0].Name {
	case "wait.":
		<-h.gate
	case "never.":
		return dst[:0]
	case "later.":
		later := from.Later()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.waiting = append(h.waiting, func() { later.Send(reply) })
		return dst[:0]
	case "none.":
		from.Later().Send(nil)
		return dst[:0]
	case "both.":
		later := from.Later()
		defer later.Send(reply)
	}
	return append(dst, reply...)
}

func (h *house) answer(q *dns.Msg, from resolver.Sender) []byte {
	m := new(dns.Msg).SetReply(q)
	transport := map[bool]string{true: "tcp", false: "udp"}[from.Stream()]
	text := []string{from.From().Addr().String(), transport}
	if q.Question[0].Name == "big." {
		for range 234 {
			text = append(text, strings.Repeat("x", 255))
		}
	}
	head := dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}
	m.Answer = []dns.RR{&dns.TXT{Hdr: head, Txt: text}}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// release sends the answers that wait, of n queries, the last first.
func (h *house) release(t *testing.T, n int) {
	t.Helper()
	testnet.Eventually(t, 10*time.Second, "the queries are there", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.waiting) >= n
	})
	h.mu.Lock()
	all := h.waiting
	h.waiting = nil
	h.mu.Unlock()
	for i := range all {
		all[len(all)-1-i]()
	}
}

// A lab is a router with a LAN, and a client there.
type lab struct {
	t              *testing.T
	router, client *testnet.Namespace
	house          *house
	sockets        *Sockets
	log            lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newLab has a router with 192.0.2.1, .2 and two addresses of IPv6 on its lan, and listens there.
func newLab(t *testing.T, limits Limits) *lab {
	l := &lab{t: t, router: testnet.New(t, "router"), client: testnet.New(t, "client"),
		house: &house{gate: make(chan struct{})}}
	l.connect()
	l.sockets = l.listen("lan", limits)
	return l
}

// connect makes the lan, with all addresses.
func (l *lab) connect() {
	l.router.Connect("lan", l.client, "eth0")
	for _, addr := range []string{"192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64", "2001:db8::2/64", "fe80::1/64"} {
		addAddr(l.router, "lan", addr)
	}
	addAddr(l.client, "eth0", "192.0.2.10/24")
	addAddr(l.client, "eth0", "2001:db8::10/64")
	addAddr(l.client, "eth0", "fe80::10/64")
}

// addAddr gives a link an address that can be used at once: nobody is asked whether it is taken.
func addAddr(n *testnet.Namespace, link, addr string) {
	n.Run("ip", "addr", "add", addr, "dev", link, "nodad")
}

func (l *lab) options(limits Limits) Options {
	log := slog.New(slog.NewTextHandler(&l.log, nil))
	return Options{Worker: func() Worker { return l.house }, Log: log, Limits: limits}
}

// listen serves a link of the router until the test ends.
func (l *lab) listen(link string, limits Limits) *Sockets {
	l.t.Helper()
	var s *Sockets
	err := l.router.Do(func() (err error) {
		s, err = Listen(link, l.options(limits))
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	s.Serve()
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.t.Errorf("close: %v", err)
		}
	})
	return s
}

// dig asks from the client and returns the words of the answer.
func (l *lab) dig(args ...string) string {
	l.t.Helper()
	dig := testnet.Need(l.t, "dig", "bind9-dnsutils")
	return l.ask(dig, append([]string{"+short", "+tries=1", "+time=5"}, args...))
}

func (l *lab) kdig(args ...string) string {
	l.t.Helper()
	kdig := testnet.Need(l.t, "kdig", "knot-dnsutils")
	return l.ask(kdig, append([]string{"+short", "+retry=0", "+timeout=5"}, args...))
}

func (l *lab) ask(program string, args []string) string {
	l.t.Helper()
	return strings.ReplaceAll(strings.TrimSpace(l.client.Run(program, args...)), `"`, "")
}

// dial connects the client to the router.
func (l *lab) dial(network, from, to string) net.Conn {
	l.t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		a := net.ParseIP(from)
		d.LocalAddr = &net.TCPAddr{IP: a}
		if strings.HasPrefix(network, "udp") {
			d.LocalAddr = &net.UDPAddr{IP: a}
		}
	}
	var conn net.Conn
	err := l.client.Do(func() (err error) {
		conn, err = d.Dial(network, to)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// question is a query for the TXT of a name.
func question(t testing.TB, id uint16, name string) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
	m.Id = id
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// framed is a message as it is sent over TCP.
func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// waitFor waits until the counters are as they should be.
func (l *lab) waitFor(what string, are func(Stats) bool) {
	l.t.Helper()
	for end := time.Now().Add(10 * time.Second); !are(l.sockets.Stats()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not %s: %+v", what, l.sockets.Stats())
		}
	}
}

// forge sends a datagram of IPv4 from an address and a port that the client does not have.
func (l *lab) forge(from, to string, msg []byte) {
	l.t.Helper()
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	b = append(append(b, src.Addr().AsSlice()...), dst.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(msg)))
	b = append(append(b, 0, 0), msg...) // without a checksum
	err := l.client.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
		if err := unix.BindToDevice(fd, "eth0"); err != nil {
			return err
		}
		return unix.Sendto(fd, b, 0, &unix.SockaddrInet4{Addr: dst.Addr().As4()})
	})
	if err != nil {
		l.t.Fatal(err)
	}
}
