package main

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestAddressLost: conversations through an address that the box has no more end with it, forwarded ones too,
// and all others go on.
func TestAddressLost(t *testing.T) {
	w := newWorkstation(t)
	w.change("site.toml", `"192.0.2.10/24"`, `["192.0.2.10/24", "192.0.2.11/24"]`)
	w.write("site.toml", read(t, w.site+"/site.toml")+"\n[[firewall.forward]]\nport = 4443\nto = \"web1\"\nproto = \"udp\"\n")
	if out, err := w.pushes(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.lan.AddAddr("eth0", "192.168.32.11/24")
	w.lan.AddRoute("default", "192.168.32.1")
	udp := func(ns *testnet.Namespace, to string) {
		ns.Run("bash", "-c", "echo x > /dev/udp/"+strings.ReplaceAll(to, ":", "/"))
	}
	udp(w.lan, "192.0.2.1:9")     // masqueraded
	udp(w.wan, "192.0.2.10:4443") // forwarded
	udp(w.wan, "192.0.2.11:4443") // by the address that stays
	own, _ := w.connects(t, "192.0.2.10")
	stays, far := w.connects(t, "192.0.2.11")
	through := func(a string) (n int) {
		t.Helper()
		match := conntrack.Lost([]netip.Addr{netip.MustParseAddr(a)})
		if err := w.Do(func() error {
			return conntrack.Each(func(f conntrack.Flow) {
				const ntp = 123 // the box's own questions
				if f.Proto == unix.IPPROTO_UDP && f.Destination.Port() != ntp && match(f) {
					n++
				}
			})
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, b := through("192.0.2.10"), through("192.0.2.11"); a != 2 || b != 1 {
		t.Fatalf("%d and %d conversations", a, b)
	}
	w.change("site.toml", "192.0.2.10/24", "192.0.2.12/24")
	out, err := w.pushes()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.says("network: [init] the box has lost 192.0.2.10: ", 1)
	testnet.Eventually(t, patience, "none goes through the old address", func() bool { return through("192.0.2.10") == 0 })
	if n := through("192.0.2.11"); n != 1 {
		t.Errorf("%d conversations go through the address that stayed", n)
	}
	_ = own.SetReadDeadline(time.Now().Add(patience))
	if _, err := own.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNABORTED) {
		t.Errorf("a connection of the box's own with the old address: %v", err)
	}
	_ = stays.SetReadDeadline(time.Now().Add(patience))
	_, errFar := far.Write([]byte("x"))
	if _, err := stays.Read(make([]byte, 1)); errors.Join(errFar, err) != nil {
		t.Errorf("that with the address that stayed: %v, %v", errFar, err)
	}
	w.unbroken()
}

// TestWithoutOwn: an address that is back is not lost.
func TestWithoutOwn(t *testing.T) {
	ns := testnet.New(t, "lost")
	ns.Run("ip", "link", "set", "lo", "up")
	ns.Run("ip", "addr", "add", "192.0.2.10/32", "dev", "lo")
	here, gone := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11")
	if err := ns.Do(func() error {
		if got := withoutOwn([]netip.Addr{here, gone}); !slices.Equal(got, []netip.Addr{gone}) {
			t.Errorf("gone are %v", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// connects has the box connect to the router upstream from one of its addresses.
func (w *wiring) connects(t *testing.T, from string) (near, far net.Conn) {
	t.Helper()
	var l net.Listener
	if err := w.wan.Do(func() (err error) { l, err = net.Listen("tcp", "192.0.2.1:0"); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := w.Do(func() (err error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), Timeout: patience}
		near, err = d.Dial("tcp", l.Addr().String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}
