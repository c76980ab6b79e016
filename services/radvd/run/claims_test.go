package run

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestClaims: a host answers for the address that another has made of its card, and for its link-local one.
// That is told, and no more when the other answers again.
func TestClaims(t *testing.T) {
	box := testnet.New(t, "router")
	box.Sysctl("ipv6.conf.all.forwarding", "1")
	box.Sysctl("ipv6.conf.default.dad_transmits", "0")
	box.Bridge("lan0")
	host, thief := testnet.New(t, "host"), testnet.New(t, "thief")
	for _, n := range []*testnet.Namespace{host, thief} {
		n.Sysctl("ipv6.conf.default.dad_transmits", "0")
		n.Sysctl("ipv6.conf.default.accept_ra", "0")
		box.Plug("lan0", n, "eth0")
		n.Ready("eth0")
	}
	box.Run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "lan0")
	box.Ready("lan0")
	r := newRouter(t, box)
	r.start(link(prefix("2001:db8:1::/64")))

	m := host.MAC("eth0")
	made := fmt.Sprintf("%02x%02x:%02xff:fe%02x:%02x%02x", m[0]^2, m[1], m[2], m[3], m[4], m[5])
	global, local := "2001:db8:1:0:"+made, "fe80::"+made
	host.Run("ip", "addr", "replace", global+"/64", "dev", "eth0", "nodad")
	reached := func(to string) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, to+" answers", func() bool {
			_, err := box.Try("ping", "-6", "-c1", "-W1", "-I", "lan0", to)
			return err == nil
		})
	}
	told := func(n int) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, fmt.Sprintf("%d addresses are claimed", n), func() bool {
			found := 0
			for _, p := range r.status().Problems {
				if strings.Contains(p, "belongs to the card "+m.String()+", of which it is made, and the card "+thief.MAC("eth0").String()) {
					found++
				}
			}
			return found == n
		})
	}
	reached(global)
	reached(local)
	told(0)

	host.Down("eth0")
	box.Run("ip", "-6", "neigh", "flush", "dev", "lan0")
	for _, a := range []string{global, local} {
		thief.Run("ip", "addr", "add", a+"/64", "dev", "eth0", "nodad")
		reached(a)
	}
	told(2)
	r.await("another card answers for an address")
	if lines := strings.Count(r.Output(), "another card answers for an address"); lines != 2 {
		t.Errorf("%d lines in the log:\n%s", lines, r.Output())
	}

	for _, a := range []string{global, local} {
		thief.Run("ip", "addr", "del", a+"/64", "dev", "eth0")
	}
	host.Up("eth0")
	host.Ready("eth0")
	host.Run("ip", "addr", "replace", global+"/64", "dev", "eth0", "nodad")
	box.Run("ip", "-6", "neigh", "flush", "dev", "lan0")
	reached(global)
	reached(local)
	told(0)
}

// claims has a host say to everybody that it has an address, by its own card or by another.
func claims(t *testing.T, from *testnet.Namespace, what netip.Addr, by net.HardwareAddr) {
	t.Helper()
	claimsTo(t, from, "eth0", what, by, conn.AllNodes, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1})
}

// claimsTo has it say so on a link to whoever has an address, at a card.
func claimsTo(t *testing.T, from *testnet.Namespace, on string, what netip.Addr, by net.HardwareAddr, all netip.Addr,
	to net.HardwareAddr) {

	t.Helper()
	source := what                                                         // as kernels do
	body := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, what.AsSlice()...) // "override"
	body = append(append(body, 2, 1), by...)
	sum := uint32(len(body) + 58)
	for _, part := range [][]byte{source.AsSlice(), all.AsSlice(), body} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(body[2:], ^uint16(sum))
	frame := append(slices.Clone(to), from.MAC(on)...)
	frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(len(body)), 58, 255)
	frame = append(append(append(frame, source.AsSlice()...), all.AsSlice()...), body...)
	err := from.Do(func() error {
		link, err := net.InterfaceByName(on)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// heard has a station say that it has an address, until that is told of: the socket may be there a moment
// later than the service.
func (r *router) heard(t *testing.T, where string, card net.HardwareAddr, a netip.Addr, claim func()) {
	t.Helper()
	want := where + ": the card " + card.String() + " says that it is " + a.String() + ", an address of this router, heard "
	testnet.Eventually(t, 20*time.Second, want, func() bool {
		claim()
		return slices.ContainsFunc(r.status().Problems, func(p string) bool { return strings.HasPrefix(p, want) })
	})
}

// TestOwnAddressClaimed: who says that an address of the router is at his card is told, with the address and
// the time, and once in the log; who says so of other addresses, or names the router's card, is not. The
// router keeps its addresses, and answers for them.
func TestOwnAddressClaimed(t *testing.T) {
	r, host := newNetwork(t)
	global, ula, late := netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("2001:db8:2::1")
	for _, a := range []netip.Addr{global, ula} {
		r.net.Run("ip", "addr", "add", a.String()+"/64", "dev", "lan0", "nodad")
	}
	r.start(link(prefix("2001:db8:1::/64")))
	own, card := r.status().LANs[0].Local, host.MAC("eth0")
	says := func(a netip.Addr) { r.heard(t, "LAN home (lan0)", card, a, func() { claims(t, host, a, card) }) }
	says(own)
	claims(t, host, netip.MustParseAddr("fe80::77"), card)
	claims(t, host, late, card)
	claims(t, host, global, r.net.MAC("lan0"))
	says(ula) // it is heard after those
	if p := r.status().Problems; len(p) != 2 {
		t.Errorf("%q", p)
	}
	says(global)
	r.net.Run("ip", "addr", "add", late.String()+"/64", "dev", "lan0", "nodad")
	r.reconfigure(link(prefix("2001:db8:1::/64")))
	claims(t, host, late, card)
	r.await("claims this router's address " + late.String())
	if n := strings.Count(r.Output(), "claims this router's address"); n != 4 {
		t.Errorf("%d lines:\n%s", n, r.Output())
	}
	for _, a := range []netip.Addr{own, global, ula, late} {
		if has := r.net.Run("ip", "-6", "-o", "addr", "show", "dev", "lan0", "-tentative"); !strings.Contains(has, " "+a.String()+"/") {
			t.Errorf("the router has not %s any more: %s", a, has)
		}
	}
	host.Run("ip", "addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad")
	host.Run("ip", "-6", "neigh", "flush", "dev", "eth0")
	testnet.Eventually(t, 20*time.Second, "the router answers at its address", func() bool {
		_, err := host.Try("ping", "-6", "-c1", "-W1", global.String())
		return err == nil
	})
}

// TestClaimedUpstream: on a link that is no LAN, where nothing is advertised, claims are told of too, also of
// who says so to the router alone.
func TestClaimedUpstream(t *testing.T) {
	r, host := newNetwork(t)
	r.net.Connect("wan0", host, "eth1")
	r.net.Ready("wan0")
	host.Ready("eth1")
	own, other := netip.MustParseAddr("2001:db8:9::1"), netip.MustParseAddr("fd00:9::1")
	for _, a := range []netip.Addr{own, other} {
		r.net.Run("ip", "addr", "add", a.String()+"/64", "dev", "wan0", "nodad")
	}
	r.watched = []string{"wan0"}
	r.start(link(prefix("2001:db8:1::/64")))
	card, group := host.MAC("eth1"), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	r.heard(t, "wan0", card, own, func() { claimsTo(t, host, "eth1", own, card, conn.AllNodes, group) })
	r.heard(t, "wan0", card, other, func() { claimsTo(t, host, "eth1", other, card, other, r.net.MAC("wan0")) })
	if p := r.status().Problems; len(p) != 2 {
		t.Errorf("%q", p)
	}
}
