package machine

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// network is what is read of a namespace.
type network struct {
	routes     []Route
	neighbours []Neighbours
}

func readIn(t *testing.T, ns *testnet.Namespace) (n network) {
	t.Helper()
	err := ns.Do(func() (err error) {
		n.routes, n.neighbours, err = readNetwork()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// connected are a box and the network of its provider, who has the addresses .1 of both families.
func connected(t *testing.T) (box, provider *testnet.Namespace) {
	t.Helper()
	box, provider = testnet.New(t, "box"), testnet.New(t, "provider")
	for _, ns := range []*testnet.Namespace{box, provider} {
		ns.Sysctl("ipv6.conf.default.accept_dad", "0")
	}
	box.Connect("eth0", provider, "eth0")
	box.AddAddr("eth0", "192.0.2.10/24")
	box.AddAddr("eth0", "2001:db8::10/64")
	provider.AddAddr("eth0", "192.0.2.1/24")
	provider.AddAddr("eth0", "2001:db8::1/64")
	return box, provider
}

// TestRoutes follows the gateways of a box from never used over answering to silent.
func TestRoutes(t *testing.T) {
	box, provider := connected(t)
	if n := readIn(t, box); len(n.routes) > 0 {
		t.Errorf("without a default route there are %+v", n.routes)
	}
	box.AddRoute("198.51.100.0/24", "192.0.2.1") // no default route
	box.AddRoute("default", "192.0.2.1")
	box.AddRoute("default", "2001:db8::1")
	box.Run("ip", "route", "add", "default", "dev", "eth0", "metric", "7")
	box.Run("ip", "route", "add", "unreachable", "default", "metric", "9")
	want := []Route{
		{Family: IPv4, Via: netip.MustParseAddr("192.0.2.1"), Link: "eth0", State: Unasked},
		{Family: IPv4, Link: "eth0", Metric: 7, State: Unasked},
		{Family: IPv6, Via: netip.MustParseAddr("2001:db8::1"), Link: "eth0", Metric: 1024, State: Unasked},
	}
	if d := cmp.Diff(want, readIn(t, box).routes, sameAddr()); d != "" {
		t.Errorf("before anything is sent (-want +got):\n%s", d)
	}

	box.Run("ping", "-c1", "-w10", "192.0.2.1")
	box.Run("ping", "-c1", "-w10", "2001:db8::1")
	for _, r := range readIn(t, box).routes {
		if r.Via.IsValid() && (r.State != Reachable && r.State != Delay && r.State != Stale || r.Heard > time.Minute) {
			t.Errorf("after a ping: %+v", r)
		}
	}

	box.Run("ip", "neigh", "flush", "dev", "eth0")
	provider.Down("eth0")
	box.Run("ip", "neigh", "replace", "2001:db8::1", "dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", "permanent")
	provider.Run("ip", "link", "add", "br0", "type", "bridge") // a wire with nobody at its end
	provider.Run("ip", "link", "set", "eth0", "master", "br0")
	provider.Run("ip", "addr", "flush", "dev", "eth0")
	provider.Up("eth0")
	testnet.Eventually(t, time.Minute, "the gateway is silent", func() bool {
		_, _ = box.Try("ping", "-c1", "-W1", "192.0.2.1")
		return readIn(t, box).routes[0].State.Silent()
	})
	testnet.Eventually(t, time.Minute, "asking it fails", func() bool { return readIn(t, box).routes[0].State == Failed })
	if r := readIn(t, box).routes[2]; r.State != Permanent {
		t.Errorf("a gateway by hand: %+v", r)
	}
}

// TestNeverConfirmed: a gateway that has sent something, and was sent nothing, was heard when it did.
func TestNeverConfirmed(t *testing.T) {
	box, _ := connected(t)
	box.Run("ip", "neigh", "add", "192.0.2.50", "dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", "stale")
	box.Run("ip", "route", "add", "default", "via", "192.0.2.50")
	if r := readIn(t, box).routes[0]; r.State != Stale || r.Heard >= neverConfirmed {
		t.Errorf("it was made a moment ago: %+v", r)
	}
}

// TestHops: a default route may have several next hops, and one of the other family (RFC 5549).
func TestHops(t *testing.T) {
	box, _ := connected(t)
	box.Run("ip", "route", "add", "default", "nexthop", "via", "192.0.2.1", "dev", "eth0", "nexthop", "via", "192.0.2.2", "dev", "eth0")
	box.Run("ip", "-4", "route", "add", "default", "via", "inet6", "2001:db8::1", "dev", "eth0", "metric", "5")
	want := []Route{
		{Family: IPv4, Via: netip.MustParseAddr("192.0.2.1"), Link: "eth0", State: Unasked},
		{Family: IPv4, Via: netip.MustParseAddr("192.0.2.2"), Link: "eth0", State: Unasked},
		{Family: IPv4, Via: netip.MustParseAddr("2001:db8::1"), Link: "eth0", Metric: 5, State: Unasked},
	}
	if d := cmp.Diff(want, readIn(t, box).routes, sameAddr()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestNeighbours: those count that need a place in the table.
func TestNeighbours(t *testing.T) {
	box, _ := connected(t)
	before := readIn(t, box).neighbours
	for i, state := range strings.Fields("reachable stale permanent noarp") {
		box.Run("ip", "neigh", "add", "192.0.2."+strconv.Itoa(20+i), "dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", state)
	}
	box.Run("ip", "neigh", "add", "2001:db8::20", "dev", "eth0", "lladdr", "02:00:00:00:00:01", "nud", "reachable")
	_, _ = box.Try("ping", "-c1", "-W1", "192.0.2.99") // is not there
	after := readIn(t, box).neighbours
	for i, want := range []Neighbours{
		{Family: IPv4, Table: Table{Used: before[0].Used + 3}, Silent: before[0].Silent + 1},
		{Family: IPv6, Table: Table{Used: before[1].Used + 1}, Silent: before[1].Silent},
	} {
		want.Limit = after[i].Limit // which only the first namespace has
		if after[i] != want {
			t.Errorf("%+v, want %+v", after[i], want)
		}
	}
	here, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
	if got := strconv.Itoa(here.Neighbours[0].Limit); err != nil || got != strings.TrimSpace(string(text)) {
		t.Errorf("the limit is %s, want %s, %v", got, text, err)
	}
}

// TestConversations counts those of the namespace.
func TestConversations(t *testing.T) {
	box, _ := connected(t)
	box.Run("nft", "add table t; add chain t c { type filter hook output priority 0; }; add rule t c ct state new accept")
	box.Run("ping", "-c1", "-w10", "192.0.2.1")
	var f Facts
	if err := box.Do(func() (err error) { f, err = Read(); return err }); err != nil {
		t.Fatal(err)
	}
	if c := f.Conversations; c.Used < 1 || c.Used > 20 || c.Limit < c.Used {
		t.Errorf("after a ping: %+v", c)
	}
}

// sameAddr compares addresses as what they are.
func sameAddr() cmp.Option { return cmp.Comparer(func(a, b netip.Addr) bool { return a == b }) }
