package conn

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// newNetwork is two namespaces on one wire, with their link-local addresses.
func newNetwork(t *testing.T) (a, b *testnet.Namespace) {
	a, b = testnet.New(t, "a"), testnet.New(t, "b")
	for _, n := range []*testnet.Namespace{a, b} { // their kernels are not to ask
		n.Sysctl("ipv6.conf.default.router_solicitations", "0")
	}
	a.Connect("eth0", b, "eth0")
	return a, b
}

// open opens a socket as soon as its link has an address.
func open(t *testing.T, n *testnet.Namespace, role Role) (c *Conn) {
	t.Helper()
	testnet.Eventually(t, 20*time.Second, "the link has a link-local address", func() bool {
		err := n.Do(func() (err error) { c, err = Open("eth0", role); return err })
		if err != nil && !errors.Is(err, links.ErrAbsent) {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// listen has all that a socket reads in a channel, which is closed with it.
func listen(c *Conn) <-chan Message {
	all := make(chan Message, 100)
	go func() {
		defer close(all)
		_ = c.Each(func(m *Message) { all <- *m })
	}()
	return all
}

func next(t *testing.T, all <-chan Message) Message {
	t.Helper()
	select {
	case m := <-all:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is heard")
		return Message{}
	}
}

// TestConversation: a host asks, a router answers, and neither hears itself.
func TestConversation(t *testing.T) {
	a, b := newNetwork(t)
	router, host := open(t, a, Router), open(t, b, Host)
	asked, heard := listen(router), listen(host)
	rs, _ := Solicitation(host.MAC())
	if err := host.Send(rs, AllRouters); err != nil {
		t.Fatal(err)
	}
	m := next(t, asked)
	if m.Kind != IsSolicitation || m.From != host.Local() || m.To != AllRouters || m.MAC != host.MAC() || host.MAC() == (ethernet.MAC{}) {
		t.Errorf("%+v", m)
	}
	ra, _ := Marshal(&advert.Advertisement{Lifetime: time.Hour, Source: router.MAC()})
	for _, to := range []netip.Addr{AllNodes, host.Local()} {
		if err := router.Send(ra, to); err != nil {
			t.Fatal(err)
		}
		if m := next(t, heard); m.Kind != IsAdvertisement || m.From != router.Local() || m.To != to || m.Advertisement.Lifetime != time.Hour {
			t.Errorf("%+v", m)
		}
	}
	const many = 5 * batch // at once, while nobody reads
	for range many {
		if err := host.Send(rs, AllRouters); err != nil {
			t.Fatal(err)
		}
	}
	for range many {
		next(t, asked)
	}
	if err := host.Close(); err != nil {
		t.Error(err)
	}
	if err := host.Each(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if err := host.Send(rs, AllRouters); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sent after close: %v", err)
	}
	if n := len(asked) + len(heard); n > 0 || router.Refused() > 0 {
		t.Errorf("%d more were heard, and %d refused", n, router.Refused())
	}
}

// TestForged: what no router or host on the link has sent, the socket does not read.
func TestForged(t *testing.T) {
	a, b := newNetwork(t)
	router, host := open(t, a, Router), open(t, b, Host)
	asked := listen(router)
	b.AddAddr("eth0", "2001:db8::2/64")
	ra, _ := Marshal(&advert.Advertisement{Lifetime: time.Hour, Source: mac})
	rs, _ := Solicitation(mac)
	with := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	refused := 0
	for _, c := range []struct {
		what   string
		octets []byte
		hops   int
		from   string
		kernel bool // does not let it through
	}{
		{"from beyond a router", rs, 254, "", false},
		{"an advertisement from beyond", ra, 64, "", false},
		{"an advertisement of a global address", ra, 255, "2001:db8::2", false},
		{"of code 1", with(rs, 1, 1), 255, "", false},
		{"an option without a length", with(rs, 9, 0), 255, "", false},
		{"too short", rs[:6], 255, "", false},
		{"a neighbour solicitation", with(append(rs, make([]byte, 16)...), 0, 135), 255, "", true},
		{"a redirect", with(append(rs, make([]byte, 40)...), 0, 137), 255, "", true},
	} {
		from := host.Local()
		if c.from != "" {
			from = netip.MustParseAddr(c.from)
		}
		testnet.Eventually(t, 10*time.Second, "it is sent: "+c.what, func() bool { // a new address is tentative at first
			return b.Do(func() error { return forge(host.index, from, c.hops, c.octets) }) == nil
		})
		if !c.kernel {
			refused++
		}
	}
	good, _ := Solicitation(host.MAC())
	if err := host.Send(good, AllRouters); err != nil {
		t.Fatal(err)
	}
	if m := next(t, asked); m.MAC != host.MAC() {
		t.Errorf("read: %+v", m)
	}
	if n := router.Refused(); n != uint64(refused) {
		t.Errorf("%d were refused, %d sent", n, refused)
	}
}

// forge sends octets to all routers.
func forge(index int, from netip.Addr, hops int, octets []byte) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	source := &unix.SockaddrInet6{Addr: from.As16()}
	if from.IsLinkLocalUnicast() {
		source.ZoneId = uint32(index)
	}
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hops),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index),
		unix.Bind(fd, source)); err != nil {
		return err
	}
	return unix.Sendto(fd, octets, 0, &unix.SockaddrInet6{Addr: AllRouters.As16(), ZoneId: uint32(index)})
}

// TestLook: what the kernel says of a link, as it changes; and a socket that is of no use any more says so.
func TestLook(t *testing.T) {
	a, b := newNetwork(t)
	c := open(t, a, Router)
	look := func(what string, f func(State) bool) {
		t.Helper()
		testnet.Eventually(t, 10*time.Second, what, func() bool {
			var s State
			if err := a.Do(func() (err error) { s, err = Look(c.index); return err }); err != nil {
				t.Fatal(err)
			}
			return f(s)
		})
	}
	look("the link is well", func(s State) bool { return s.Carrier && s.Local == Usable && s.Addr == c.Local() && !s.Forwarding })
	a.Sysctl("ipv6.conf.eth0.forwarding", "1")
	look("it forwards", func(s State) bool { return s.Forwarding })
	b.Down("eth0")
	look("it has no carrier", func(s State) bool { return !s.Carrier })
	check := func() error { return a.Do(c.Check) }
	if err := check(); err != nil {
		t.Error(err)
	}
	a.Run("ip", "link", "set", "eth0", "address", "02:00:5e:00:53:77")
	look("the address stays", func(s State) bool { return s.Local == Usable && s.Addr == c.Local() })
	if err := check(); !errors.Is(err, links.ErrAbsent) {
		t.Errorf("of another card: %v", err)
	}
	a.Run("ip", "link", "set", "eth0", "address", c.MAC().String())
	if err := check(); err != nil {
		t.Error(err)
	}
	a.Run("ip", "addr", "del", c.Local().String()+"/64", "dev", "eth0")
	if err := check(); !errors.Is(err, links.ErrAbsent) {
		t.Errorf("without its address: %v", err)
	}
	look("it has no address", func(s State) bool { return s.Local == Missing })
	err := a.Do(func() error { _, err := Open("eth7", Host); return err })
	if !errors.Is(err, links.ErrAbsent) {
		t.Errorf("without a link: %v", err)
	}
}
