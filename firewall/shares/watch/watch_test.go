package watch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// patience bounds what should come at once.
const patience = 20 * time.Second

const share = 256

// A house is a box between a LAN with two hosts and a WAN, and who watches it:
//
//	busy .50 ┐
//	         ├─ eth1 192.168.32.1 box 198.51.100.1 eth0 ── wan .2
//	calm .51 ┘      2001:db8:1::1     2001:db8:2::1        2001:db8:2::2, 2001:db8:3::/64
type house struct {
	box, busy, calm, wan *testnet.Namespace
	watcher              *Watcher
	clock                time.Time

	mu    sync.Mutex
	lines []string
}

func newHouse(t *testing.T) *house {
	h := &house{box: testnet.New(t, "box"), busy: testnet.New(t, "busy"), calm: testnet.New(t, "calm"), wan: testnet.New(t, "wan"),
		clock: time.Unix(1000, 0)}
	h.box.Bridge("eth1")
	for i, host := range []*testnet.Namespace{h.busy, h.calm} {
		h.box.Plug("eth1", host, "eth0")
		host.AddAddr("eth0", fmt.Sprintf("192.168.32.%d/24", 50+i))
		host.Run("ip", "addr", "add", fmt.Sprintf("2001:db8:1::%d/64", 50+i), "dev", "eth0", "nodad")
		host.AddRoute("default", "192.168.32.1")
		host.Run("ip", "route", "add", "default", "via", "2001:db8:1::1")
	}
	h.box.Connect("eth0", h.wan, "eth0")
	h.box.AddAddr("eth1", "192.168.32.1/24")
	h.box.AddAddr("eth0", "198.51.100.1/24")
	h.box.Run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "eth1", "nodad")
	h.box.Run("ip", "addr", "add", "2001:db8:2::1/64", "dev", "eth0", "nodad")
	h.wan.AddAddr("eth0", "198.51.100.2/24")
	h.wan.Run("ip", "addr", "add", "2001:db8:2::2/64", "dev", "eth0", "nodad")
	h.wan.Run("ip", "route", "add", "2001:db8:1::/64", "via", "2001:db8:2::1")
	h.box.Sysctl("ipv4.ip_forward", "1")
	h.box.Sysctl("ipv6.conf.all.forwarding", "1")
	h.watcher = &Watcher{Log: func(format string, args ...any) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lines = append(h.lines, fmt.Sprintf(format, args...))
	}}
	p := policy()
	loaded := firewall.Loaded{Policy: p}
	table, err := loaded.Table()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.box.Do(func() error { return nft.Load(table) }); err != nil {
		t.Fatal(err)
	}
	h.watcher.Set(p)
	for _, ns := range []*testnet.Namespace{h.wan, h.box, h.busy} {
		echo(t, ns)
	}
	for _, to := range []string{"198.51.100.2:7", "[2001:db8:2::2]:7"} { // links come up, and neighbours are looked for
		for _, ns := range []*testnet.Namespace{h.busy, h.calm} {
			testnet.Eventually(t, patience, "an answer from "+to, func() bool { has, _ := open(t, ns, "", to, 1); return len(has) == 1 })
		}
	}
	if err := h.box.Do(func() error {
		_, err := conntrack.Forget(func(conntrack.Flow) bool { return true })
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// policy lets the LAN out and to port 7 of the box, and strangers to port 7 of busy.
func policy() firewall.Policy {
	echo := []firewall.Service{{Name: "echo", Flows: []firewall.Flow{{Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(7)}}}}}
	ends := func(zone string) []firewall.Endpoint { return []firewall.Endpoint{{Zones: []string{zone}}} }
	return firewall.Policy{
		Zones: []firewall.Zone{
			{Name: "lan", Interfaces: []string{"eth1"}, Refuse: firewall.Reject},
			{Name: "wan", Interfaces: []string{"eth0"}, Refuse: firewall.Drop, Outside: true},
		},
		Rules: []firewall.Rule{
			{Name: "out", Action: firewall.Allow, From: ends("lan"), To: ends("wan")},
			{Name: "in", Action: firewall.Allow, From: ends("wan"), To: ends("lan"), Services: echo},
			{Name: "box", Action: firewall.Allow, From: ends("lan"), To: ends(firewall.Box), Services: echo},
		},
		Masquerade: []firewall.Masquerade{{From: []string{"lan"}, To: "wan"}},
		Share:      share,
	}
}

// echo answers on UDP port 7 of a namespace.
func echo(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	if err := ns.Do(func() error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: 7})
		if err != nil {
			return err
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			var b [64]byte
			for {
				n, from, err := c.ReadFromUDPAddrPort(b[:])
				if err != nil {
					return
				}
				_, _ = c.WriteToUDPAddrPort(b[:n], from)
			}
		}()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// errSilent is of a conversation that is not answered.
var errSilent = errors.New("no answer")

// open begins n conversations from a host, and returns those that were answered.
func open(t *testing.T, ns *testnet.Namespace, source, to string, n int) (answered []*net.UDPConn, refused error) {
	t.Helper()
	if err := ns.Do(func() error {
		for range n {
			var from *net.UDPAddr
			if source != "" {
				from = net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0))
			}
			c, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			if err := talk(c); err != nil {
				refused = err
				continue
			}
			answered = append(answered, c)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return answered, refused
}

// fill opens n conversations, at the pace of a share.
func fill(t *testing.T, ns *testnet.Namespace, source, to string, n int) (has []*net.UDPConn) {
	t.Helper()
	testnet.Eventually(t, patience, "conversations with "+to, func() bool {
		more, _ := open(t, ns, source, to, n-len(has))
		has = append(has, more...)
		return len(has) == n
	})
	return has
}

// tries is how often a client sends its first packet: a neighbour may be looked for, or the source may have
// begun many just now.
const tries = 4

// talk sends and waits for the answer. The kernel says only some times a second that it refuses.
func talk(c *net.UDPConn) (err error) {
	for range tries {
		if err := c.SetDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return err
		}
		var b [64]byte
		if _, err = c.Write([]byte("hello")); err == nil {
			_, err = c.Read(b[:])
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return errSilent
}

// look lets a second pass.
func (h *house) look(t *testing.T) State {
	t.Helper()
	h.clock = h.clock.Add(20 * time.Second)
	if err := h.box.Do(func() error { return h.watcher.Look(h.clock) }); err != nil {
		t.Fatal(err)
	}
	return h.watcher.State()
}

func (h *house) said(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.lines {
		if strings.Contains(l, text) {
			return true
		}
	}
	return false
}

// TestOneHost: who has his share begins no more through the box, and is told so; what he has goes on, and so
// do his neighbour, and his conversations with the box. When he has less he begins again.
func TestOneHost(t *testing.T) {
	for _, family := range []struct{ name, wan, box, busy string }{
		{"IPv4", "198.51.100.2:7", "192.168.32.1:7", "192.168.32.50"},
		{"IPv6", "[2001:db8:2::2]:7", "[2001:db8:1::1]:7", "2001:db8:1::50"},
	} {
		t.Run(family.name, func(t *testing.T) {
			h := newHouse(t)
			has := fill(t, h.busy, "", family.wan, share)
			st := h.look(t)
			if len(st.Refused) != 1 || st.Refused[0].Count < share || st.Refused[0].Addr != netip.MustParseAddr(family.busy) {
				t.Fatalf("refused are %+v", st.Refused)
			}
			if !h.said(family.busy) {
				t.Errorf("the log says %q", h.lines)
			}
			if more, err := open(t, h.busy, "", family.wan, 3); len(more) > 0 || errors.Is(err, errSilent) {
				t.Errorf("%d more were answered, and the others with %v", len(more), err)
			}
			if other, err := open(t, h.calm, "", family.wan, 10); len(other) != 10 {
				t.Errorf("of the neighbour's ten %d were answered: %v", len(other), err)
			}
			own := 0
			testnet.Eventually(t, patience, "ten conversations with the box, at the pace of a share", func() bool {
				answered, _ := open(t, h.busy, "", family.box, 1)
				own += len(answered)
				return own == 10
			})
			if err := talk(has[0]); err != nil {
				t.Errorf("what it had does not go on: %v", err)
			}
			left := share / 2
			if err := h.box.Do(func() error {
				_, err := conntrack.Forget(func(f conntrack.Flow) bool {
					left--
					return left >= 0 && f.Source.Addr() == netip.MustParseAddr(family.busy)
				})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if st := h.look(t); len(st.Refused) > 0 {
				t.Fatalf("refused are still %+v", st.Refused)
			}
			if more, err := open(t, h.busy, "", family.wan, 3); len(more) != 3 {
				t.Errorf("of three %d were answered: %v", len(more), err)
			}
		})
	}
}

// TestManyAddresses: a host with many IPv6 addresses is one source, and its neighbour another.
func TestManyAddresses(t *testing.T) {
	h := newHouse(t)
	for i := range 8 {
		a := fmt.Sprintf("2001:db8:1::1:%d", i+1)
		h.busy.Run("ip", "addr", "add", a+"/64", "dev", "eth0", "nodad")
		fill(t, h.busy, a, "[2001:db8:2::2]:7", share/8+1)
	}
	if st := h.look(t); len(st.Refused) != 1 || st.Refused[0].Card == "" {
		t.Fatalf("refused are %+v", st.Refused)
	}
	for _, a := range []string{"2001:db8:1::1:1", "2001:db8:1::1:8"} {
		if more, _ := open(t, h.busy, a, "[2001:db8:2::2]:7", 1); len(more) > 0 {
			t.Errorf("%s begins more", a)
		}
	}
	if other, err := open(t, h.calm, "", "[2001:db8:2::2]:7", 10); len(other) != 10 {
		t.Errorf("of the neighbour's ten %d were answered: %v", len(other), err)
	}
}

// TestStranger: a stranger's /64 is one source, and others outside are not concerned.
func TestStranger(t *testing.T) {
	h := newHouse(t)
	for i := range 4 {
		a := fmt.Sprintf("2001:db8:3::%d", i+1)
		h.wan.Run("ip", "addr", "add", a+"/128", "dev", "eth0", "nodad")
		h.box.Run("ip", "route", "replace", "2001:db8:3::/64", "via", "2001:db8:2::2")
		fill(t, h.wan, a, "[2001:db8:1::50]:7", share/4)
	}
	if st := h.look(t); len(st.Refused) != 1 || st.Refused[0].Net != netip.MustParsePrefix("2001:db8:3::/64") {
		t.Fatalf("refused are %+v", st.Refused)
	}
	if more, err := open(t, h.wan, "2001:db8:3::4", "[2001:db8:1::50]:7", 1); !errors.Is(err, errSilent) {
		t.Errorf("%d more, %v", len(more), err)
	}
	if other, err := open(t, h.wan, "2001:db8:2::2", "[2001:db8:1::50]:7", 10); len(other) != 10 {
		t.Errorf("of another stranger's ten %d were answered: %v", len(other), err)
	}
}

// TestFull: when the table is full, what is above the fair level is cut, of who has most, and others keep
// all.
func TestFull(t *testing.T) {
	h := newHouse(t)
	h.watcher.Limits = func() (conntrack.Limits, error) {
		l, err := conntrack.ReadLimits()
		l.Max = share
		return l, err
	}
	fill(t, h.busy, "", "198.51.100.2:7", share-40)
	calm, err := open(t, h.calm, "", "198.51.100.2:7", 20)
	if err != nil {
		t.Fatal(err)
	}
	before := count(t, h)
	st := h.look(t)
	if !st.Near || len(st.Refused) != 1 || st.Bound >= share/2+share/8 {
		t.Fatalf("%+v", st)
	}
	after := count(t, h)
	if before["192.168.32.50"] != share-40 || after["192.168.32.50"] != st.Bound {
		t.Errorf("of %d are left %d, and the level is %d", before["192.168.32.50"], after["192.168.32.50"], st.Bound)
	}
	if after["192.168.32.51"] != 20 {
		t.Errorf("of the other's 20 are left %d", after["192.168.32.51"])
	}
	for _, c := range calm {
		if err := talk(c); err != nil {
			t.Error(err)
		}
	}
	if !h.said("nearly used up") || !h.said("cut") {
		t.Errorf("the log says %q", h.lines)
	}
}

// count is how many conversations sources have.
func count(t *testing.T, h *house) map[string]int {
	t.Helper()
	all := map[string]int{}
	if err := h.box.Do(func() error {
		return conntrack.Each(func(f conntrack.Flow) { all[f.Source.Addr().String()]++ })
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPace: who begins faster than his share lets him is refused by the kernel alone.
func TestPace(t *testing.T) {
	h := newHouse(t)
	const much = 4 * share
	began := time.Now()
	if err := h.busy.Do(func() error {
		for range much {
			c, err := net.Dial("udp", "198.51.100.2:7")
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			if _, err := c.Write([]byte("hello")); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	most := share + int(time.Since(began).Seconds()+1)*(share/8)
	testnet.Eventually(t, patience, "conversations", func() bool { return count(t, h)["192.168.32.50"] >= share })
	if n := count(t, h)["192.168.32.50"]; n > most {
		t.Errorf("%d of %d have begun, at most %d should", n, much, most)
	}
	if other, err := open(t, h.calm, "", "198.51.100.2:7", 10); len(other) != 10 {
		t.Errorf("of the neighbour's ten %d were answered: %v", len(other), err)
	}
}
