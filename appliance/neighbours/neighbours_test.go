package neighbours

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// patience bounds what should come at once.
const patience = 20 * time.Second

// TestNeighbours: a host that is spoken with is told of when it answers, and again when it is asked for; what
// is set by hand, and what does not answer, is not.
func TestNeighbours(t *testing.T) {
	box, host := testnet.New(t, "box"), testnet.New(t, "host")
	box.Connect("lan", host, "eth0")
	box.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "lan", "nodad")
	host.Run("ip", "addr", "add", "2001:db8::20/64", "dev", "eth0", "nodad")
	box.Run("ip", "neigh", "add", "2001:db8::30", "lladdr", "02:00:00:00:00:30", "dev", "lan")

	var table *Table
	if err := box.Do(func() (err error) { table, err = Open(); return err }); err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	entries := make(chan Entry, 1000)
	ended := make(chan error, 1)
	go func() {
		for {
			all, err := table.Read()
			for _, e := range all {
				entries <- e
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	want := Entry{Addr: netip.MustParseAddr("2001:db8::20"), MAC: ethernet.MAC(host.MAC("eth0")), Confirmed: true}
	next := func(what string) {
		t.Helper()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		for {
			select {
			case e := <-entries:
				if e.Addr == netip.MustParseAddr("2001:db8::30") || e.Addr == netip.MustParseAddr("2001:db8::40") {
					t.Errorf("%s: %+v", what, e)
				}
				want.Link = e.Link
				if e == want && e.Link > 0 {
					return
				}
			case <-timer.C:
				t.Fatalf("%s: no word of %v", what, want)
			}
		}
	}
	_, _ = box.Try("ping", "-6", "-c1", "-W1", "2001:db8::40") // where nobody is
	box.Run("ping", "-6", "-c1", "-w20", "2001:db8::20")
	next("it has answered")
	if err := table.Ask(); err != nil {
		t.Fatal(err)
	}
	next("all are asked for")
	table.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	case <-time.After(patience):
		t.Error("Read does not end with Close")
	}
}

// TestIPv4: who has answered is listed, each time anew.
func TestIPv4(t *testing.T) {
	box, host := testnet.New(t, "box"), testnet.New(t, "host")
	box.Connect("lan", host, "eth0")
	box.Run("ip", "addr", "add", "192.0.2.1/24", "dev", "lan")
	host.Run("ip", "addr", "add", "192.0.2.20/24", "dev", "eth0")
	var table *IPv4
	if err := box.Do(func() (err error) { table, err = OpenIPv4(); return err }); err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if all, err := table.List(); err != nil || len(all) != 0 {
		t.Errorf("before anybody spoke: %v, %v", all, err)
	}
	box.Run("ping", "-c1", "-w20", "192.0.2.20")
	for range 2 {
		all, err := table.List()
		if err != nil || len(all) != 1 || all[0].Addr != netip.MustParseAddr("192.0.2.20") || all[0].MAC != ethernet.MAC(host.MAC("eth0")) {
			t.Errorf("who has answered: %+v, %v", all, err)
		}
	}
}

// TestCardOf: who has spoken is known, by each of its addresses, and nobody else.
func TestCardOf(t *testing.T) {
	box, host := testnet.New(t, "box"), testnet.New(t, "host")
	box.Connect("lan", host, "eth0")
	for n, l := range map[*testnet.Namespace]string{box: "lan", host: "eth0"} {
		last := map[*testnet.Namespace]string{box: "1", host: "20"}[n]
		n.Run("ip", "addr", "add", "192.0.2."+last+"/24", "dev", l)
		n.Run("ip", "addr", "add", "2001:db8::"+last+"/64", "dev", l, "nodad")
	}
	host.Run("ping", "-c1", "-w20", "192.0.2.1")
	host.Run("ping", "-6", "-c1", "-w20", "2001:db8::1")
	for addr, want := range map[string]ethernet.MAC{
		"192.0.2.20": ethernet.MAC(host.MAC("eth0")), "::ffff:192.0.2.20": ethernet.MAC(host.MAC("eth0")),
		"2001:db8::20": ethernet.MAC(host.MAC("eth0")), "192.0.2.21": {}, "2001:db8::21": {}, "192.0.2.1": {},
	} {
		err := box.Do(func() error {
			link, err := net.InterfaceByName("lan")
			if err != nil {
				return err
			}
			got, err := CardOf(link.Index, netip.MustParseAddr(addr))
			if err != nil || got != want {
				t.Errorf("%s has the card %s, %v; want %s", addr, got, err, want)
			}
			if got, err := CardOf(link.Index+100, netip.MustParseAddr(addr)); err != nil || got != (ethernet.MAC{}) {
				t.Errorf("%s on another link has the card %s, %v", addr, got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// message is one of the kernel's.
func message(kind uint16, body ...[]byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN)
	for _, part := range body {
		b = append(b, part...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	return b
}

func attribute(kind uint16, data ...byte) []byte {
	b := make([]byte, 4, 4+len(data))
	binary.NativeEndian.PutUint16(b, uint16(4+len(data)))
	binary.NativeEndian.PutUint16(b[2:], kind)
	return append(b, append(data, make([]byte, (4-len(data)%4)%4)...)...)
}

// about is a struct ndmsg of link 7.
func about(family byte, state uint16, flags byte) []byte {
	b := make([]byte, unix.SizeofNdMsg)
	b[0], b[10] = family, flags
	binary.NativeEndian.PutUint32(b[4:], 7)
	binary.NativeEndian.PutUint16(b[8:], state)
	return b
}

// TestParse: which messages are entries.
func TestParse(t *testing.T) {
	a := netip.MustParseAddr("2001:db8::20").As16()
	dst, mac := attribute(unix.NDA_DST, a[:]...), attribute(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 0x20)
	for what, c := range map[string]struct {
		message   []byte
		entries   int
		confirmed bool
	}{
		"reachable":       {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst, mac), 1, true},
		"a router":        {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, unix.NTF_ROUTER), mac, dst), 1, true},
		"stale":           {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_STALE, 0), dst, mac), 1, false},
		"probed":          {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_PROBE, 0), dst, mac), 1, false},
		"failed":          {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_FAILED, 0), dst, mac), 0, false},
		"permanent":       {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_PERMANENT, 0), dst, mac), 0, false},
		"a proxy":         {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, unix.NTF_PROXY), dst, mac), 0, false},
		"of a bridge":     {message(unix.RTM_NEWNEIGH, about(unix.AF_BRIDGE, unix.NUD_REACHABLE, 0), dst, mac), 0, false},
		"deleted":         {message(unix.RTM_DELNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst, mac), 0, false},
		"without a MAC":   {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst), 0, false},
		"of a tunnel":     {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst, attribute(unix.NDA_LLADDR, 1, 2, 3, 4)), 0, false},
		"a cut attribute": {message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst, mac[:8]), 0, false},
	} {
		all, _, err := parse(append(message(unix.NLMSG_NOOP), c.message...), unix.AF_INET6)
		if err != nil || len(all) != c.entries {
			t.Errorf("%s: %v, %v", what, all, err)
			continue
		}
		if want := (Entry{7, netip.AddrFrom16(a), ethernet.MAC{2, 0, 0, 0, 0, 0x20}, c.confirmed}); c.entries == 1 && all[0] != want {
			t.Errorf("%s: %+v, want %+v", what, all[0], want)
		}
	}
	if _, _, err := parse(message(unix.NLMSG_ERROR, make([]byte, 20)), unix.AF_INET6); !errors.Is(err, ErrLost) {
		t.Errorf("an error of the kernel: %v", err)
	}
}

// FuzzParse has only to survive, and to know both addresses.
func FuzzParse(f *testing.F) {
	a := netip.MustParseAddr("2001:db8::20").As16()
	dst, mac := attribute(unix.NDA_DST, a[:]...), attribute(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 0x20)
	f.Add(message(unix.RTM_NEWNEIGH, about(unix.AF_INET6, unix.NUD_REACHABLE, 0), dst, mac))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, _, _ := parse(b, unix.AF_INET6)
		for _, e := range all {
			if !e.Addr.Is6() {
				t.Errorf("%+v of %x", e, b)
			}
		}
	})
}
