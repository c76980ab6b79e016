package sockdiag

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// patience bounds what should come at once.
const patience = 20 * time.Second

// ends is a connection as its processes see it.
type ends struct{ near, far net.Conn }

// connect makes a connection of two namespaces, from one address to another. The far end listens at the
// latter, or, if at is given, at that.
func connect(t *testing.T, near, far *testnet.Namespace, from, to, at string) (e ends) {
	t.Helper()
	do := func(n *testnet.Namespace, f func() error) {
		t.Helper()
		if err := n.Do(f); err != nil {
			t.Fatal(err)
		}
	}
	if at == "" {
		at = to
	}
	var l net.Listener
	do(far, func() (err error) { l, err = net.Listen("tcp", at); return err })
	defer l.Close()
	do(near, func() (err error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), Timeout: patience}
		e.near, err = d.Dial("tcp", to)
		return err
	})
	t.Cleanup(func() { e.near.Close() })
	far1, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far1.Close() })
	e.far = far1
	return e
}

// isEnded fails the test unless reading from c says at once that it was ended.
func isEnded(t *testing.T, what string, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNABORTED) {
		t.Errorf("%s: read says %v; expected %v", what, err, syscall.ECONNABORTED)
	}
}

// works fails the test unless what is written at one end is read at the other.
func works(t *testing.T, what string, e ends) {
	t.Helper()
	b := make([]byte, 1)
	_ = e.far.SetReadDeadline(time.Now().Add(patience))
	if _, err := e.near.Write([]byte("x")); err != nil {
		t.Errorf("%s: %v", what, err)
	} else if _, err := e.far.Read(b); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestEnd: with an address end the connections that are bound to it, in each state and family, whoever began
// them, and no others; nor do sockets that listen on it.
func TestEnd(t *testing.T) {
	box, out := testnet.New(t, "box"), testnet.New(t, "out")
	box.Connect("wan", out, "eth0")
	box.Up("lo")
	for _, a := range []string{"198.51.100.1/24", "198.51.100.2/24"} {
		box.AddAddr("wan", a)
	}
	out.AddAddr("eth0", "198.51.100.9/24")
	for n, a := range map[*testnet.Namespace]string{box: "2001:db8::1/64", out: "2001:db8::9/64"} {
		link := map[*testnet.Namespace]string{box: "wan", out: "eth0"}[n]
		n.Run("ip", "addr", "add", a, "dev", link, "nodad")
	}

	asked := connect(t, box, out, "198.51.100.1:0", "198.51.100.9:853", "")
	wasAsked := connect(t, out, box, "198.51.100.9:0", "198.51.100.1:22", "[::]:22") // IPv4 on a socket of IPv6
	six := connect(t, box, out, "[2001:db8::1]:0", "[2001:db8::9]:853", "")
	within := connect(t, box, box, "198.51.100.2:0", "198.51.100.1:80", "")
	other := connect(t, box, out, "198.51.100.2:0", "198.51.100.9:443", "")
	var listens net.Listener
	if err := box.Do(func() (err error) { listens, err = net.Listen("tcp", "198.51.100.1:2222"); return err }); err != nil {
		t.Fatal(err)
	}
	defer listens.Close()
	begun := make(chan error, 1) // nobody is at 198.51.100.99
	box.Run("ip", "neigh", "add", "198.51.100.99", "lladdr", "00:00:5e:00:53:99", "dev", "wan")
	var dialed net.Dialer
	dialed.LocalAddr = &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1)}
	go func() {
		begun <- box.Do(func() error {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			c, err := dialed.DialContext(ctx, "tcp", "198.51.100.99:853")
			if err == nil {
				c.Close()
			}
			return err
		})
	}()
	testnet.Eventually(t, patience, "a connection begins", func() bool {
		return box.Run("ss", "-Htn", "state", "syn-sent") != ""
	})

	box.Run("ip", "addr", "del", "198.51.100.1/24", "dev", "wan")
	box.AddAddr("wan", "198.51.100.2/24") // if the kernel took it along, as a secondary one
	end := func(want int, addrs ...string) {
		t.Helper()
		var lost []netip.Addr
		for _, a := range addrs {
			lost = append(lost, netip.MustParseAddr(a))
		}
		var n int
		if err := box.Do(func() (err error) { n, err = End(lost); return err }); err != nil || n != want {
			t.Fatalf("%d connections of %v ended, %v; expected %d", n, addrs, err, want)
		}
	}
	end(5, "198.51.100.1") // that within the box has two ends
	isEnded(t, "a connection that the box began", asked.near)
	isEnded(t, "one that began outside", wasAsked.far)
	isEnded(t, "one within the box", within.near)
	isEnded(t, "its other end", within.far)
	if err := <-begun; !errors.Is(err, syscall.ECONNABORTED) {
		t.Errorf("one that is only begun: %v", err)
	}
	if got := box.Run("ss", "-Htln", "src", "198.51.100.1"); got == "" {
		t.Error("a socket that only listens was ended too")
	}
	works(t, "another address", other)
	works(t, "IPv6", six)
	end(1, "2001:db8::1", "198.51.100.1")
	isEnded(t, "IPv6", six.near)
	end(0, "2001:db8::1", "198.51.100.1")
}

// TestMany: more than are ended at once.
func TestMany(t *testing.T) {
	box := testnet.New(t, "box")
	box.Up("lo")
	box.AddAddr("lo", "198.51.100.1/32")
	const pairs = ended // each has two ends
	l, conns := net.Listener(nil), make([]net.Conn, 0, pairs)
	err := box.Do(func() (err error) {
		if l, err = net.Listen("tcp", "198.51.100.1:0"); err != nil {
			return err
		}
		for range pairs {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				return err
			}
			conns = append(conns, c)
			if c, err = l.Accept(); err != nil {
				return err
			}
			conns = append(conns, c)
		}
		return nil
	})
	if err == nil {
		box.Run("ip", "addr", "del", "198.51.100.1/32", "dev", "lo") // or the first of a pair resets the other
		err = box.Do(func() error {
			n, err := End([]netip.Addr{netip.MustParseAddr("198.51.100.1")})
			if err == nil && n != 2*pairs {
				t.Errorf("%d of %d ended", n, 2*pairs)
			}
			return err
		})
	}
	for _, c := range conns {
		c.Close()
	}
	if l != nil {
		l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestUnsupported: what a kernel says that cannot do it, and what one that will not.
func TestUnsupported(t *testing.T) {
	for err, want := range map[error]bool{unix.EOPNOTSUPP: true, unix.ENOENT: true, unix.EPERM: false} {
		if got := unsupported(err); errors.Is(got, ErrUnsupported) != want || !errors.Is(got, err) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}

// FuzzParse has only to survive, and to know both ends.
func FuzzParse(f *testing.F) {
	f.Add(append([]byte{unix.AF_INET}, make([]byte, socketLen)...))
	f.Add(append([]byte{unix.AF_INET6}, make([]byte, socketLen)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parse(b); err == nil && (!c.local.IsValid() || !c.remote.IsValid()) {
			t.Errorf("%v of %x", c, b)
		}
	})
}
