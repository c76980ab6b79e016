package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestAnswersFromTheAddressAsked has dig be the judge: it takes no answer from another.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	l := newLab(t, Limits{})
	l.router.AddAddr("lo", "198.51.100.1/32") // an address of another link
	l.client.AddRoute("198.51.100.1/32", "192.0.2.1")
	l.listen("lo", Limits{})
	for server, client := range map[string]string{"192.0.2.1": "192.0.2.10", "192.0.2.2": "192.0.2.10",
		"198.51.100.1": "192.0.2.10", "2001:db8::1": "2001:db8::10", "2001:db8::2": "2001:db8::10",
		"fe80::1%eth0": "fe80::10%lan"} {
		for option, transport := range map[string]string{"+notcp": "udp", "+tcp": "tcp"} {
			if got := l.dig("@"+server, option, "whoami.", "TXT"); got != client+" "+transport {
				t.Errorf("%s by %s: %q", server, transport, got)
			}
		}
	}
	if out := l.kdig("@192.0.2.2", "+notcp", "whoami.", "TXT"); out != "192.0.2.10 udp" {
		t.Errorf("kdig: %q", out)
	}
	for _, server := range []string{"127.0.0.1", "127.0.0.5", "192.0.2.1", "::1", "2001:db8::1"} { // by the loopback
		out := l.router.Run("dig", "+short", "+tries=1", "@"+server, "whoami.", "TXT")
		if !strings.HasSuffix(strings.TrimSpace(out), ` "udp"`) {
			t.Errorf("%s on the router itself: %q", server, out)
		}
	}
	// 7 of the client, and 2 of the router itself to addresses of the lan: the kernel says that these came in
	// there.
	if s := l.sockets.Stats(); s.Unsent != (Unsent{}) || s.UDP.Queries != 9 || s.UDP.Replies != 9 || s.TCP.Replies != 6 {
		t.Errorf("counted: %+v", s)
	}
}

// TestOnlyTheLink: what comes in by another link has no answer.
func TestOnlyTheLink(t *testing.T) {
	l := newLab(t, Limits{})
	l.router.Connect("dmz", l.client, "eth1")
	l.router.AddAddr("dmz", "203.0.113.1/24")
	l.client.AddAddr("eth1", "203.0.113.10/24")
	for _, transport := range []string{"+notcp", "+tcp"} {
		out, err := l.client.Try("dig", "+tries=1", "+time=2", transport, "@203.0.113.1", "whoami.", "TXT")
		if err == nil || l.house.asked.Load() > 0 {
			t.Errorf("asked by another link: %s", out)
		}
	}
}

// TestUnanswered sends what must not be answered, and then a query of the same family that is: all before it
// was seen.
func TestUnanswered(t *testing.T) {
	l := newLab(t, Limits{})
	l.router.Sysctl("ipv4.conf.lan.route_localnet", "1") // or the kernel drops what claims to be from there
	l.router.Sysctl("ipv4.conf.all.rp_filter", "0")
	q := question(t, 1, "whoami.")
	for _, from := range []string{"192.0.2.10:0", "192.0.2.10:53", "192.0.2.10:7", "192.0.2.10:13", "192.0.2.10:17",
		"192.0.2.10:19", "192.0.2.10:37", "192.0.2.10:464", "127.0.0.9:1053", "240.0.0.1:1053"} {
		l.forge(from, "192.0.2.1:53", q)
	}
	for _, to := range []string{"192.0.2.255:53", "255.255.255.255:53", "224.0.0.1:53"} {
		l.forge("192.0.2.10:1053", to, q)
	}
	if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
		t.Errorf("afterwards: %q", got)
	}
	if s := l.sockets.Stats(); s.Unanswerable != 13 || s.UDP.Queries != 1 || l.house.asked.Load() != 1 {
		t.Errorf("%d were answered: %+v", l.house.asked.Load(), s)
	}
	all := l.dial("udp6", "", "[ff02::1%eth0]:53")
	if _, err := all.Write(q); err != nil {
		t.Fatal(err)
	}
	if got := l.dig("@2001:db8::1", "whoami.", "TXT"); got != "2001:db8::10 udp" {
		t.Errorf("afterwards: %q", got)
	}
	if s := l.sockets.Stats(); s.Unanswerable != 14 || s.UDP.Queries != 2 {
		t.Errorf("a multicast of IPv6: %+v", s)
	}
}

// TestBroadcastSource: who claims to be the broadcast address is not answered there.
func TestBroadcastSource(t *testing.T) {
	l := newLab(t, Limits{})
	l.router.Sysctl("ipv4.conf.all.rp_filter", "0")
	l.router.Sysctl("ipv4.conf.lan.rp_filter", "0")
	l.forge("192.0.2.255:1053", "192.0.2.1:53", question(t, 1, "whoami."))
	if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
		t.Errorf("afterwards: %q", got)
	}
	if s := l.sockets.Stats(); s.UDP.Replies != 1 {
		t.Errorf("%+v", s)
	}
}

func TestOversizedAndEmpty(t *testing.T) {
	l := newLab(t, Limits{})
	conn := l.dial("udp", "", "192.0.2.1:53")
	for _, size := range []int{MaxQuery + 1, 9000, 0, 3, MaxQuery} {
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
		t.Errorf("afterwards: %q", got)
	}
	if s := l.sockets.Stats(); s.Oversized != 2 || s.UDP.Queries != 4 || s.UDP.Replies != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFragments: replies carry no DF, whatever somebody says about the path.
func TestFragments(t *testing.T) {
	l := newLab(t, Limits{})
	tcpdump := l.client.Start(exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), "-ni", "eth0", "-v", "-l", "-c1",
		"udp and src port 53"))
	testnet.Eventually(t, 10*time.Second, "tcpdump listens", func() bool {
		return strings.Contains(tcpdump.Output(), "listening on")
	})
	l.dig("@192.0.2.1", "whoami.", "TXT")
	if err := tcpdump.Wait(t.Context()); err != nil || !strings.Contains(tcpdump.Output(), "flags [none]") {
		t.Errorf("%v: %s", err, tcpdump.Output())
	}
}

// TestUnsent: replies that cannot be sent are counted, and those go that are sent with them.
func TestUnsent(t *testing.T) {
	l := newLab(t, Limits{})
	l.router.Run(testnet.Need(t, "nft", "nftables"), "table ip t { chain out { type filter hook output priority 0; "+
		"ip daddr 192.0.2.66 drop; }; }")
	l.router.Sysctl("ipv4.conf.all.rp_filter", "0")
	l.router.Sysctl("ipv4.conf.lan.rp_filter", "0")
	q := question(t, 1, "whoami.")
	conn := l.dial("udp4", "", "192.0.2.1:53")
	for _, name := range []string{"wait.", "a."} {
		if _, err := conn.Write(question(t, 1, name)); err != nil {
			t.Fatal(err)
		}
		l.waitFor("asked", func(Stats) bool { return l.house.asked.Load() == 1 })
		l.forge("192.0.2.66:1053", "192.0.2.1:53", q)
	}
	close(l.house.gate) // the other three are a batch
	for range 2 {
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
	}
	addAddr(l.client, "eth0", "2001:db8:77::10/64") // where the router knows no way to; by IPv4 it would try the link
	if _, err := l.dial("udp6", "2001:db8:77::10", "[2001:db8::1]:53").Write(q); err != nil {
		t.Fatal(err)
	}
	l.waitFor("all asked", func(s Stats) bool { return s.UDP.Queries == 5 })
	if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
		t.Errorf("afterwards: %q", got)
	}
	s := l.sockets.Stats()
	if s.Unsent != (Unsent{Filtered: 2, Unreachable: 1}) || s.UDP.Queries != 6 || s.UDP.Replies != 3 {
		t.Errorf("%+v", s)
	}
}

// TestClientsThatAreNotThere: replies that wait for the neighbour of nobody leave room for others.
func TestClientsThatAreNotThere(t *testing.T) {
	l := newLab(t, Limits{})
	q := question(t, 1, "whoami.")
	err := l.client.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1); err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 77}, Port: 1053}); err != nil {
			return err
		}
		server := &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}, Port: 53}
		for range 2000 {
			if err := unix.Sendto(fd, q, 0, server); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.waitFor("all read", func(s Stats) bool { return s.UDP.Queries == 2000 })
	if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
		t.Errorf("afterwards: %q; %+v", got, l.sockets.Stats())
	}
	if s := l.sockets.Stats(); s.Unsent.NoRoom > 0 {
		t.Errorf("%+v", s)
	}
}

// TestLater has answers sent by others than the thread, to the client and from the address that was asked,
// and none after Close.
func TestLater(t *testing.T) {
	l := newLab(t, Limits{})
	for _, server := range []string{"192.0.2.2", "2001:db8::2", "fe80::1%eth0"} {
		var running sync.WaitGroup
		running.Go(func() {
			if got := l.dig("@"+server, "later.", "TXT"); !strings.HasSuffix(got, "udp") {
				t.Errorf("%s: %q", server, got)
			}
		})
		l.house.release(t, 1)
		running.Wait()
	}
	l.dig("@192.0.2.1", "+tcp", "both.", "TXT")
	conn := l.dial("udp", "", "192.0.2.1:53")
	if _, err := conn.Write(question(t, 1, "later.")); err != nil {
		t.Fatal(err)
	}
	l.waitFor("asked", func(s Stats) bool { return s.UDP.Queries == 4 })
	if err := l.sockets.Close(); err != nil {
		t.Fatal(err)
	}
	l.house.release(t, 1)
	if s := l.sockets.Stats(); s.UDP.Replies != 3 || s.TCP.Replies != 1 || s.Unsent != (Unsent{}) {
		t.Errorf("%+v", s)
	}
}

// TestOverflow has the kernel drop what is not read.
func TestOverflow(t *testing.T) {
	l := newLab(t, Limits{})
	var idle *Sockets
	err := l.router.Do(func() (err error) {
		o := l.options(Limits{})
		o.Port = 5353
		idle, err = Listen("lan", o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := l.dial("udp", "", "192.0.2.1:5353")
	const sent = 3 * (2 * udpReceive) / MaxQuery // with what it counts for each, more than there is room for
	for range sent {
		if _, err := conn.Write(make([]byte, MaxQuery)); err != nil {
			t.Fatal(err)
		}
	}
	before := idle.Stats().Overflow
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	if after := idle.Stats().Overflow; before == 0 || before >= sent || after != before {
		t.Errorf("%d of %d, after the close %d", before, sent, after)
	}
}

// TestLinkComesBack has a Keeper look after sockets while their link is deleted and made again.
func TestLinkComesBack(t *testing.T) {
	l := newLab(t, Limits{})
	_ = l.sockets.Close()
	changed := make(chan struct{}, 1)
	took := func(_ links.Opening[*Sockets], s *Sockets, _ error) {
		if s != nil {
			s.Serve()
		}
	}
	keeper := links.New(slog.New(slog.NewTextHandler(&l.log, nil)), took)
	opening := links.Opening[*Sockets]{Key: "lan", Name: "lan", Open: func() (*Sockets, error) {
		return Listen("lan", l.options(Limits{}))
	}}
	if err := l.router.Do(func() error { return keeper.Set([]links.Opening[*Sockets]{opening}) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = l.router.Do(func() error { keeper.Run(ctx, changed); return nil }) })
	for range 2 {
		if got := l.dig("@192.0.2.1", "whoami.", "TXT") + l.dig("@2001:db8::1", "+tcp", "whoami.", "TXT"); got !=
			"192.0.2.10 udp2001:db8::10 tcp" {
			t.Errorf("%q", got)
		}
		l.router.Run("ip", "link", "del", "lan")
		changed <- struct{}{}
		testnet.Eventually(t, 10*time.Second, "the link is missed", func() bool {
			return strings.Contains(l.log.String(), "not served until its link is there")
		})
		l.log.clear()
		l.connect()
		changed <- struct{}{}
		testnet.Eventually(t, 10*time.Second, "it is served again", func() bool {
			return strings.Contains(l.log.String(), "served name=lan")
		})
	}
	cancel()
	running.Wait()
	if err := keeper.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Listen("nosuch0", l.options(Limits{})); !errors.Is(err, links.ErrAbsent) {
		t.Errorf("without a link: %v", err)
	}
}

// TestWithoutIPv6 has the system without addresses of it, and a kernel without it.
func TestWithoutIPv6(t *testing.T) {
	router, client := testnet.New(t, "router"), testnet.New(t, "client")
	router.Sysctl("ipv6.conf.all.disable_ipv6", "1")
	router.Sysctl("ipv6.conf.default.disable_ipv6", "1")
	router.Connect("lan", client, "eth0")
	router.AddAddr("lan", "192.0.2.1/24")
	client.AddAddr("eth0", "192.0.2.10/24")
	nothing := func() error { return nil }
	for name, before := range map[string]func() error{"without addresses": nothing, "none": forbidIPv6} {
		l := &lab{t: t, router: router, client: client, house: &house{}}
		err := router.Do(func() (err error) {
			if err := before(); err != nil {
				return err
			}
			l.sockets, err = Listen("lan", l.options(Limits{}))
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		l.sockets.Serve()
		if got := l.dig("@192.0.2.1", "whoami.", "TXT"); got != "192.0.2.10 udp" {
			t.Errorf("%s: %q", name, got)
		}
		if told := strings.Contains(l.log.String(), "no IPv6"); told != (name == "none") {
			t.Errorf("%s: %s", name, l.log.String())
		}
		if err := l.sockets.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// forbidIPv6 has the kernel refuse sockets of IPv6 to this thread, as one that is built without it does.
func forbidIPv6() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_INET6, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return setSeccomp(&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// TestNoAllocation has a worker's reply and everything around it cost nothing.
func TestNoAllocation(t *testing.T) {
	l := newLab(t, Limits{})
	_ = l.sockets.Close()
	var s *Sockets
	if err := l.router.Do(func() (err error) {
		s, err = Listen("lan", Options{Worker: func() Worker { return echo{} }, Log: slog.New(slog.DiscardHandler)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	defer s.Close()
	for _, server := range []string{"192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%eth0]:53"} {
		conn := l.dial("udp", "", server).(*net.UDPConn)
		msg, answer := question(t, 1, "whoami."), make([]byte, 512)
		allocated := testing.AllocsPerRun(2000, func() {
			if _, err := conn.Write(msg); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(answer); err != nil {
				t.Fatal(err)
			}
		})
		if allocated != 0 {
			t.Errorf("%s: %v allocations for a query", server, allocated)
		}
	}
}

// TestCloseWhileBusy closes under load, again and again, and looks for what is left.
func TestCloseWhileBusy(t *testing.T) {
	l := newLab(t, Limits{})
	_ = l.sockets.Close()
	var g *generate.Generator
	if err := l.client.Do(func() (err error) {
		g, err = generate.New(generate.Options{Server: netip.MustParseAddrPort("192.0.2.1:53"),
			Queries: [][]byte{question(t, 1, "whoami."), question(t, 1, "later.")}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _, _ = g.Pace(ctx, 5000) })
	before := resources(t)
	for range 20 {
		var s *Sockets
		if err := l.router.Do(func() (err error) {
			s, err = Listen("lan", l.options(Limits{}))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s.Serve()
		var conns []net.Conn
		for i := range 5 {
			conn := l.dial("tcp", "", "192.0.2.1:53")
			for range i {
				_, _ = conn.Write(framed(question(t, 1, "later.")))
			}
			conns = append(conns, conn)
		}
		testnet.Eventually(t, 10*time.Second, "queries come", func() bool { return s.Stats().UDP.Queries > 20 })
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Close took %v", took)
		}
		l.house.release(t, 1)
		for _, c := range conns {
			_ = c.Close()
		}
	}
	testnet.Eventually(t, 10*time.Second, fmt.Sprintf("there is no more than before: %s", before), func() bool {
		return resources(t) == before
	})
	cancel()
	running.Wait()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// resources are the descriptors of this process, and what of it stands in this package: goroutines that
// outlive their sockets.
func resources(t *testing.T) string {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d descriptors, %d goroutines", len(fds), goroutines())
}
