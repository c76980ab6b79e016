package site

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var compareAddrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

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
		if got := broadcast(netip.MustParsePrefix(prefix)); got.String() != want {
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
		reason := notForHost(netip.MustParseAddr(tt.addr), netip.MustParsePrefix(tt.prefix))
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

func TestHostByName(t *testing.T) {
	s := load(t, addFiles(t, defaultSite(t), "testdata/good/large.txtar"))
	for name, want := range map[string]string{
		"store": "store", "FILES": "store", "files.lab.example": "store", "www.other.example": "b2",
		"mail.other.example": "mail.other.example", "store.other.example": "", "": "",
	} {
		if h, ok := s.Host(name); h.Name != want || ok != (want != "") {
			t.Errorf("Host(%q) is %q, %t; want %q", name, h.Name, ok, want)
		}
	}
}

// TestLineEnds writes the same site with the line ends of Windows.
func TestLineEnds(t *testing.T) {
	unix := addFiles(t, defaultSite(t), "testdata/good/c-library.txtar")
	dos := fstest.MapFS{}
	for name, f := range unix {
		dos[name] = &fstest.MapFile{Data: bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))}
	}
	if diff := cmp.Diff(load(t, unix), load(t, dos), compareAddrs); diff != "" {
		t.Errorf("(-unix +dos)\n%s", diff)
	}
}

// TestOrderOfLines: what a site means does not depend on the order of the lines in
// hosts and ethers, apart from lines that say something about the same host.
func TestOrderOfLines(t *testing.T) {
	fsys := defaultSite(t)
	want := load(t, fsys)
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		for _, name := range []string{fileHosts, fileEthers} {
			lines := strings.SplitAfter(strings.TrimSuffix(string(fsys[name].Data), "\n"), "\n")
			lines[len(lines)-1] = strings.TrimSuffix(lines[len(lines)-1], "\n") + "\n"
			random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			fsys[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, ""))}
		}
		got := load(t, fsys)
		for i := range got.Hosts {
			got.Hosts[i].Places = want.Hosts[i].Places
		}
		if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
}
