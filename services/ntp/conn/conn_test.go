package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel/kerneltest"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// ahead is how far the time that is served is ahead of the machine's.
const ahead = 400 * 24 * time.Hour

// A lab is a router that serves its lan, and a client there.
type lab struct {
	t              *testing.T
	router, client *testnet.Namespace
	server         *server.Server
	sockets        *Sockets
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, router: testnet.New(t, "router"), client: testnet.New(t, "client"), server: server.New(server.Limits{}, 1)}
	l.server.Set(server.State{Stratum: 2, RefID: wire.RefID{192, 0, 2, 99}, Reference: wire.FromUnix(time.Now().Add(ahead).UnixNano())})
	l.router.Connect("lan", l.client, "eth0")
	for _, addr := range []string{"192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64", "2001:db8::2/64", "fe80::1/64"} {
		l.router.Run("ip", "addr", "add", addr, "dev", "lan", "nodad")
	}
	for _, addr := range []string{"192.0.2.10/24", "2001:db8::10/64", "fe80::10/64"} {
		l.client.Run("ip", "addr", "add", addr, "dev", "eth0", "nodad")
	}
	l.sockets = l.listen("lan")
	awaitTimes(t)
	return l
}

// awaitTimes waits until the kernel marks what comes in: from the first socket that wants it on, it takes a
// while (netstamp_work in net/core/dev.c). The socket keeps it doing so until the test ends.
func awaitTimes(t *testing.T) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var opt error
	if err := errors.Join(raw.Control(func(fd uintptr) { opt = wantTimes(int(fd)) }), opt); err != nil {
		t.Fatal(err)
	}
	var octets [8]byte
	var control [256]byte
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := c.WriteTo(octets[:], c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_, n, _, _, err := c.ReadMsgUDPAddrPort(octets[:], control[:])
		if err != nil {
			t.Fatal(err)
		}
		if _, marked := kernelTime(control[:n]); marked {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the kernel does not mark packets with their times")
		}
	}
}

// listen serves a link of the router until the test ends.
func (l *lab) listen(link string) *Sockets {
	l.t.Helper()
	began := time.Now()
	var s *Sockets
	err := l.router.Do(func() (err error) {
		s, err = Listen(link, Options{
			Server: l.server, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Uptime: func() time.Duration { return time.Since(began) + time.Hour },
			Offset: func() time.Duration { return ahead },
		})
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

func question() []byte {
	h := wire.Header{Version: 4, Mode: wire.ModeClient, Transmit: 0xfeedfacecafebeef}
	return h.Append(nil)
}

// ask asks an address from the client, which answers or refuses.
func (l *lab) ask(to string) (a Answer, h wire.Header, err error) {
	return l.askFor(to, 20*time.Second)
}

// askFor asks an address from the client, and waits so long.
func (l *lab) askFor(to string, patience time.Duration) (a Answer, h wire.Header, err error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	err = l.client.Do(func() error {
		return NewAsker(kernel.New()).Ask(ctx, netip.MustParseAddrPort(to), question(), func(got Answer) bool {
			a = got
			h, _, err = wire.Read(got.Octets)
			return true
		})
	})
	return a, h, err
}

// TestAnswers come from the address that was asked, by both families, with times that follow one another.
func TestAnswers(t *testing.T) {
	l := newLab(t)
	l.router.AddAddr("lo", "198.51.100.1/32") // an address of another link
	l.client.AddRoute("198.51.100.1/32", "192.0.2.1")
	for server, client := range map[string]string{
		"192.0.2.1:123": "192.0.2.10", "192.0.2.2:123": "192.0.2.10", "198.51.100.1:123": "192.0.2.10",
		"[2001:db8::1]:123": "2001:db8::10", "[2001:db8::2]:123": "2001:db8::10", "[fe80::1%eth0]:123": "fe80::10%eth0",
	} {
		a, h, err := l.ask(server)
		if err != nil {
			t.Errorf("%s: %v", server, err)
			continue
		}
		if a.Local.String() != client || h.Mode != wire.ModeServer || h.Stratum != 2 || h.Origin != 0xfeedfacecafebeef {
			t.Errorf("%s to %s: %+v", server, a.Local, h)
		}
		if !a.Sent.Kernel || !a.Received.Kernel {
			t.Errorf("%s: the kernel has not said when: %+v %+v", server, a.Sent, a.Received)
		}
		// Both have one clock: sent, arrived, answered, received.
		arrived, answered := h.Receive.Unix(0)-int64(ahead), h.Transmit.Unix(0)-int64(ahead)
		if a.Sent.Real > arrived+1 || arrived > answered || answered > a.Received.Real+1 {
			t.Errorf("%s: sent %d, arrived after %d, answered after %d, received after %d ns", server, a.Sent.Real,
				arrived-a.Sent.Real, answered-a.Sent.Real, a.Received.Real-a.Sent.Real)
		}
		if free, real := a.Received.Free-a.Sent.Free, a.Received.Real-a.Sent.Real; a.Jump != 0 ||
			(free-time.Duration(real)).Abs() > time.Duration(real)/10 {
			t.Errorf("%s: %v free, %v real, a jump of %v", server, free, time.Duration(real), a.Jump)
		}
	}
	if c := l.server.Counts(); c != (server.Counts{Answered: 6}) {
		t.Errorf("%+v", c)
	}
	all, known := l.server.Clients(9)
	if known != 3 {
		t.Errorf("clients: %+v", all)
	}
	for _, c := range all {
		if c.Addr.IsLinkLocalUnicast() && c.Addr.String() != "fe80::10%lan" {
			t.Errorf("a client is %s", c.Addr)
		}
	}
}

// TestClockJumps between a question and its answer: that is said, whatever the times are.
func TestClockJumps(t *testing.T) {
	l := newLab(t)
	clock := kerneltest.New(time.Hour, 50)
	var a Answer
	err := l.client.Do(func() error {
		return NewAsker(clock).Ask(t.Context(), netip.MustParseAddrPort("192.0.2.1:123"), question(), func(got Answer) bool {
			a = got
			return true
		})
	})
	if off := time.Duration(a.Received.Real - time.Now().UnixNano()); err != nil || a.Jump != 0 || !a.Sent.Kernel ||
		!a.Received.Kernel || off < time.Hour-time.Minute || off > time.Hour+time.Minute {
		t.Errorf("a clock that is an hour ahead: %+v, %v", a, err)
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, from, err := c.ReadFrom(make([]byte, 100))
		clock.Jump(-400 * time.Second)
		if err == nil {
			_, _ = c.WriteTo(question(), from)
		}
	}()
	err = NewAsker(clock).Ask(t.Context(), c.LocalAddr().(*net.UDPAddr).AddrPort(), question(), func(got Answer) bool {
		a = got
		return true
	})
	if err != nil || (a.Jump+400*time.Second).Abs() > time.Second || a.Sent.Kernel {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAsksOfAnyPort: two questions have different ones.
func TestAsksOfAnyPort(t *testing.T) {
	l := newLab(t)
	var ports []int
	err := l.client.Do(func() error {
		listener, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
		for range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			asked := make(chan int, 1)
			go func() {
				defer cancel()
				if _, from, err := listener.ReadFrom(make([]byte, 100)); err == nil {
					asked <- from.(*net.UDPAddr).Port
				}
			}()
			to := listener.LocalAddr().(*net.UDPAddr).AddrPort()
			if err := NewAsker(kernel.New()).Ask(ctx, to, question(), nil); !errors.Is(err, context.Canceled) {
				t.Errorf("nobody answers: %v", err)
			}
			ports = append(ports, <-asked)
		}
		return nil
	})
	if err != nil || ports[0] == ports[1] && ports[1] == ports[2] && ports[2] == ports[3] {
		t.Errorf("ports %v, %v", ports, err)
	}
}

// refusal is what an address that does not answer says. All machines of this kernel share so many ICMP errors
// a second (net.ipv4.icmp_msgs_per_sec): while others use them up it says nothing, and is asked again.
func (l *lab) refusal(to string) (err error) {
	for range 10 {
		if _, _, err = l.askFor(to, 2*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return err
}

// TestRefused: a machine without a server says so at once, and a network without a way too.
func TestRefused(t *testing.T) {
	l := newLab(t)
	if err := l.refusal("192.0.2.1:124"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("no server: %v", err)
	}
	if _, _, err := l.ask("203.0.113.1:123"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("no way: %v", err)
	}
}

// TestAskBounds: what is no answer is looked at for so long, and no more are asked at a time.
func TestAskBounds(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, from, err := c.ReadFrom(make([]byte, 100))
		for range maxAnswers + 5 {
			if err == nil {
				_, err = c.WriteTo([]byte("no"), from)
			}
		}
	}()
	to := c.LocalAddr().(*net.UDPAddr).AddrPort()
	seen := 0
	a := NewAsker(kernel.New())
	err = a.Ask(t.Context(), to, question(), func(Answer) bool { seen++; return false })
	if err == nil || seen != maxAnswers {
		t.Errorf("%d were looked at, %v", seen, err)
	}
	for range maxAsking {
		a.places <- struct{}{}
	}
	if err := a.Ask(t.Context(), to, question(), nil); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
}

// TestOnlyTheLink: what comes in by another link has no answer.
func TestOnlyTheLink(t *testing.T) {
	l := newLab(t)
	l.router.Connect("dmz", l.client, "eth1")
	l.router.AddAddr("dmz", "203.0.113.1/24")
	l.client.AddAddr("eth1", "203.0.113.10/24")
	if err := l.refusal("203.0.113.1:123"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("asked by another link: %v", err)
	}
}

// TestUnanswered sends what must not be answered, and then a question that is: all before it was seen.
func TestUnanswered(t *testing.T) {
	l := newLab(t)
	l.router.Sysctl("ipv4.conf.lan.route_localnet", "1") // or the kernel drops what claims to be from there
	l.router.Sysctl("ipv4.conf.all.rp_filter", "0")
	l.router.Sysctl("ipv4.conf.lan.rp_filter", "0")
	for _, from := range []string{"192.0.2.10:0", "127.0.0.9:1053", "240.0.0.1:1053"} {
		l.forge(from, "192.0.2.1:123")
	}
	for _, to := range []string{"192.0.2.255:123", "255.255.255.255:123", "224.0.1.1:123"} {
		l.forge("192.0.2.10:1053", to)
	}
	if _, _, err := l.ask("192.0.2.1:123"); err != nil {
		t.Error(err)
	}
	if c := l.server.Counts(); c.Answered != 1 {
		t.Errorf("%+v", c)
	}
	if _, _, err := l.askFor("[ff02::101%eth0]:123", 2*time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a multicast of IPv6: %v", err)
	}
	l.forge("192.0.2.255:1053", "192.0.2.1:123") // answered, and the kernel does not send it
	if _, _, err := l.ask("[2001:db8::1]:123"); err != nil {
		t.Error(err)
	}
}

// TestLinkGoes: its sockets say so, close, and the next ones serve.
func TestLinkGoes(t *testing.T) {
	l := newLab(t)
	l.router.Run("ip", "link", "del", "lan")
	err := l.router.Do(l.sockets.Check)
	if !errors.Is(err, links.ErrAbsent) {
		t.Errorf("the link is gone: %v", err)
	}
	err = l.router.Do(func() error { _, err := Listen("lan", Options{}); return err })
	if !errors.Is(err, links.ErrAbsent) {
		t.Errorf("listen without it: %v", err)
	}
	l.router.Connect("lan", l.client, "eth0")
	l.router.AddAddr("lan", "192.0.2.1/24")
	l.client.AddAddr("eth0", "192.0.2.10/24")
	l.listen("lan")
	if _, _, err := l.ask("192.0.2.1:123"); err != nil {
		t.Errorf("with another link: %v", err)
	}
}

// TestAllocatesNothing: a batch of questions that the kernel could have brought.
func TestAllocatesNothing(t *testing.T) {
	s := server.New(server.Limits{Burst: 1 << 30}, 1)
	o := Options{Server: s, Uptime: func() time.Duration { return time.Hour }, Offset: func() time.Duration { return 0 }}
	asked, asked4, asked6 := question(), unix.PktInfo4(&unix.Inet4Pktinfo{}), unix.PktInfo6(&unix.Inet6Pktinfo{})
	for v6, control := range map[bool][]byte{false: asked4, true: asked6} {
		b := newBatch(&socket{v6: v6, link: "lan", o: &o})
		answers := 0
		n := testing.AllocsPerRun(100, func() {
			b.reset()
			for i := range b.messages {
				b.arrive(i, asked, control)
			}
			answers = b.answer(time.Hour, batchSize)
		})
		if n != 0 || answers != batchSize {
			t.Errorf("IPv6 %v: %v allocations for %d answers", v6, n, answers)
		}
	}
}

// arrive writes a question to a place of the batch, as the kernel does.
func (b *batch) arrive(i int, question, control []byte) {
	m, h := &b.messages[i], &b.in[i]
	m.peer4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: 0x1234, Addr: [4]byte{192, 0, 2, byte(i)}}
	m.peer6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: 0x1234, Addr: [16]byte{0xfe, 0x80, 15: byte(i + 1)}}
	h.Len, h.Hdr.Flags = uint32(copy(m.octets[:], question)), 0
	h.Hdr.SetControllen(copy(m.control[:], control))
}

// forge sends a question of IPv4 from an address and a port that the client does not have.
func (l *lab) forge(from, to string) {
	l.t.Helper()
	src, dst, msg := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to), question()
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

// TestArrival: no answer has times of a clock from before and after it was set.
func TestArrival(t *testing.T) {
	const start = 1_800_000_000_000_000_000
	at := func(d time.Duration) wire.Timestamp { return wire.FromUnix(start + int64(d)) }
	said, now := at(time.Second), at(2*time.Second)
	for name, test := range map[string]struct{ marked, said, want wire.Timestamp }{
		"as always":            {at(1500 * time.Millisecond), said, at(1500 * time.Millisecond)},
		"at the same moment":   {said, said, said},
		"now":                  {now, said, now},
		"before it was said":   {at(999 * time.Millisecond), said, now},
		"by a clock behind":    {at(-18 * time.Second), said, now},
		"by a clock ahead":     {at(18 * time.Second), said, now},
		"nothing was said yet": {at(0), 0, at(0)},
	} {
		if got := arrival(test.marked, test.said, now); got != test.want {
			t.Errorf("%s: %v from now, want %v", name, got.Sub(now), test.want.Sub(now))
		}
	}
}
