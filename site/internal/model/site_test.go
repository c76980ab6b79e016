package model

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestLink(t *testing.T) {
	tests := []struct {
		got, want string
	}{
		{WAN{}.Link(), ""},
		{WAN{Interface: "eth0"}.Link(), "eth0"},
		{WAN{Interface: "eth0", VLAN: 4094}.Link(), "eth0.4094"},
		{LAN{Interface: "eth1", VLAN: 20}.Link(), "eth1.20"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestAddrRange(t *testing.T) {
	var zero AddrRange
	if !zero.IsZero() || zero.Size() != 0 || zero.String() != "" || zero.Contains(netip.IPv4Unspecified()) {
		t.Errorf("the zero range is not empty: %+v", zero)
	}
	all := AddrRange{netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255")}
	if all.Size() != 1<<32 {
		t.Errorf("all addresses: size %d", all.Size())
	}
}

// TestAddrRangeWalk compares ranges with walking through their addresses.
func TestAddrRangeWalk(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	base := netip.MustParseAddr("192.168.31.250")
	step := func(n int) netip.Addr {
		a := base
		for range n {
			a = a.Next()
		}
		return a
	}
	for range 200 {
		i, j := random.IntN(40), random.IntN(40)
		r := AddrRange{step(min(i, j)), step(max(i, j))}
		size := 0
		for k := range 60 {
			a := step(k)
			within := min(i, j) <= k && k <= max(i, j)
			if r.Contains(a) != within {
				t.Fatalf("%s contains %s: %t", r, a, !within)
			}
			if within {
				size++
			}
		}
		if r.Size() != size {
			t.Fatalf("%s has size %d, want %d", r, r.Size(), size)
		}
	}
}

func TestBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.168.32.1/24": "192.168.32.255",
		"192.168.32.1/25": "192.168.32.127",
		"10.1.2.3/8":      "10.255.255.255",
		"192.0.2.1/30":    "192.0.2.3",
		"192.0.2.1/32":    "192.0.2.1",
		"0.0.0.0/0":       "255.255.255.255",
	} {
		if got := Broadcast(netip.MustParsePrefix(prefix)); got.String() != want {
			t.Errorf("broadcast(%s) = %s, want %s", prefix, got, want)
		}
	}
}

// TestHostsOnSmallNetworks: on /31 every address is a host's (RFC 3021).
func TestHostsOnSmallNetworks(t *testing.T) {
	tests := []struct {
		addr, prefix string
		usable       bool
	}{
		{"192.0.2.0", "192.0.2.0/24", false},
		{"192.0.2.255", "192.0.2.0/24", false},
		{"192.0.2.1", "192.0.2.0/24", true},
		{"192.0.2.0", "192.0.2.0/30", false},
		{"192.0.2.0", "192.0.2.0/31", true},
		{"192.0.2.1", "192.0.2.0/31", true},
		{"192.0.2.0", "192.0.2.0/32", true},
		{"2001:db8::", "2001:db8::/64", false},
		{"2001:db8::", "2001:db8::/127", true},
		{"2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64", true},
	}
	for _, tt := range tests {
		reason := NotForHost(netip.MustParseAddr(tt.addr), netip.MustParsePrefix(tt.prefix))
		if (reason == "") != tt.usable {
			t.Errorf("%s on %s: %q, want usable %t", tt.addr, tt.prefix, reason, tt.usable)
		}
	}
}

func TestAddrIn(t *testing.T) {
	h := Host{Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.168.33.5")}}
	if a := h.AddrIn(netip.MustParsePrefix("192.168.33.0/24")); a != h.Addrs[1] {
		t.Errorf("on its LAN: %s", a)
	}
	if a := h.AddrIn(netip.MustParsePrefix("192.168.32.0/24")); a.IsValid() {
		t.Errorf("on another LAN: %s", a)
	}
}
