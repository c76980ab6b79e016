package plan_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// lies6 has a house with all that IPv6 can be.
const lies6 = `name = "gate"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "dhcp"
ipv6 = "auto"
delegation = 56
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = ["2001:db8:abcd::/48"]
[ipv6]
ula = "fd00:1:2::/48"
[dns]
upstream = "wan"
[ntp]
servers = "wan"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
[[lan]]
name = "lab"
interface = "eth2"
ipv4 = "192.168.33.1/24"
ipv6 = ["delegated", "2001:db8:7:1::1/64"]
subnet = 0x21
`

// TestProvidersLie6: whatever is said of the way out over IPv6, by a provider or who has taken over the
// client, and whenever it was so, the plan works.
func TestProvidersLie6(t *testing.T) {
	s, err := site.Load(fstest.MapFS{
		"site.toml": {Data: []byte(lies6)}, "hosts": {Data: []byte("192.168.32.11 web1\n::11 web1\n")}, "ethers": {},
		"authorized_keys": siteCases(t)["dhcp.txtar"]["authorized_keys"],
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(6, 13))
	addr := func() netip.Addr {
		all := addrs("2001:db8:5::9 2001:db8:4400::1 2001:db8:4400:21::9 2001:db8:abcd::1 2001:db8:7:1::1 fd00:1:2::1 fd99::1 fe80::1 fe80::1%eth1 " +
			"ff02::1 ::1 :: ::ffff:192.0.2.1 192.0.2.1 64:ff9b::1 2001:db8:1f0a:1::2")
		return append(all, netip.Addr{})[r.IntN(len(all)+1)]
	}
	several := func(most int) (all []netip.Addr) {
		for range r.IntN(most) {
			all = append(all, addr())
		}
		return all
	}
	moment := func() time.Duration {
		all := []time.Duration{-1 << 60, -time.Hour, -1, 0, 1, time.Second - 1, time.Minute, time.Hour, wan.Never - 1, wan.Never}
		return all[r.IntN(len(all))]
	}
	const runs = 1000
	networks := 0
	for range runs {
		f := &wan.Facts6{
			Gateway: addr(), MTU: uint16(r.Uint32()), DNS: several(20), NTP: several(20), NTPNames: []string{"x\n", "time.example"},
			Search: []string{"\x1b", "isp.example"},
		}
		for range r.IntN(10) {
			f.Addrs = append(f.Addrs, netip.PrefixFrom(addr(), r.IntN(130)-1))
		}
		for range r.IntN(12) {
			p := netip.PrefixFrom(addr(), 30+r.IntN(40))
			if r.IntN(4) > 0 {
				p = p.Masked()
			}
			f.Delegated = append(f.Delegated, wan.Delegation{Prefix: p, Preferred: moment(), Valid: moment()})
		}
		l := plan.Learned{WAN: provided(), WAN6: f, Decided6: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			l.Tunnel = &plan.Tunnel{Up: r.IntN(2) == 0}
		}
		if err := plan.Make(s, l).Check(plan.Plan{}); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		for _, lan := range plan.IPv6Of(s, l).LANs {
			networks += len(lan.Networks)
		}
	}
	if networks < runs*3+runs/3 {
		t.Errorf("%d networks in all, of which the site alone has 3 a time: little is believed, so little is said", networks)
	}
}
