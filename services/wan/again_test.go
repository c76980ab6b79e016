package wan

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// randomSaid says anything, with a liking for what is nearly right.
func randomSaid(r *rand.Rand) Said {
	addr := func() netip.Addr {
		all := ips("198.18.7.20 198.18.7.1 198.18.7.0 198.18.7.255 10.9.0.7 192.168.32.1 192.168.32.9 127.0.0.1 9.9.9.9 0.0.0.0 255.255.255.255 172.16.0.1")
		if r.IntN(4) == 0 {
			return netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		}
		return all[r.IntN(len(all))]
	}
	several := func() (all []netip.Addr) {
		for range r.IntN(12) {
			all = append(all, addr())
		}
		return all
	}
	s := Said{Addr: addr(), Mask: mask(r.IntN(33)), Routers: several(), MTU: uint16(r.IntN(10000)), DNS: several(), NTP: several(),
		RoutesOnly: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		s.Domain, s.Search = "isp.example other.example -", []string{"a.example", "b..example"}
	}
	for range r.IntN(80) {
		route := option.Route{To: netip.PrefixFrom(addr(), r.IntN(33))}
		if r.IntN(4) > 0 {
			route.Via = addr()
		}
		s.Routes = append(s.Routes, route)
	}
	return s
}

// TestAgain: judging once more changes nothing, whatever was said first.
func TestAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	taken := 0
	for range 5000 {
		said := randomSaid(r)
		f, _, err := house().Judge(&said)
		if err != nil {
			continue
		}
		taken++
		if again, err := house().Again(&f); err != nil || !again.Equal(&f) {
			t.Fatalf("%+v\nis %s\nthen %s, %v", said, f.text(), again.text(), err)
		}
	}
	if taken < 1000 {
		t.Errorf("only %d were taken", taken)
	}
}

// TestAgainWithOtherLANs: what was right is held against the LANs of today.
func TestAgainWithOtherLANs(t *testing.T) {
	said := good()
	said.Routes = routes("172.20.0.0/16 via 198.18.7.9", "172.30.0.0/16 via 198.18.7.9")
	said.RoutesOnly = false
	f, _, err := house().Judge(&said)
	if err != nil || len(f.Routes) != 2 || len(f.DNS) != 2 {
		t.Fatalf("%s, %v", f.text(), err)
	}
	c := house()
	c.LANs = append(c.LANs, LAN{"new", netip.MustParsePrefix("172.20.0.0/16"), ip("172.20.0.1")},
		LAN{"dns", netip.MustParsePrefix("198.18.0.0/24"), ip("198.18.0.1")})
	again, err := c.Again(&f)
	if err != nil || len(again.Routes) != 1 || len(again.DNS) != 1 || again.Gateway != f.Gateway {
		t.Errorf("%s, %v", again.text(), err)
	}
	c.LANs = append(c.LANs, LAN{"same", netip.MustParsePrefix("198.18.0.0/16"), ip("198.18.0.1")})
	if again, err := c.Again(&f); err == nil {
		t.Errorf("%s is taken", again.text())
	}
	for _, bad := range []Facts{{}, {Addrs: make([]netip.Prefix, 1)}, {Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")}},
		{Addrs: []netip.Prefix{netip.PrefixFrom(ip("9.9.9.9"), -1)}}} {
		if again, err := c.Again(&bad); err == nil {
			t.Errorf("%s is taken of %+v", again.text(), bad)
		}
	}
}

// TestAgainElsewhere: what was said of one link is not believed of another; a site may move its way out.
func TestAgainElsewhere(t *testing.T) {
	said := Said{Addr: ip("198.18.7.20"), Mask: mask(24), Routers: ips("198.18.7.1")}
	c := house()
	f, _, err := c.Judge(&said)
	if err != nil || f.Link != c.Link {
		t.Fatalf("%+v, %v", f, err)
	}
	c.Link += ".7"
	if _, err := c.Again(&f); err == nil {
		t.Error("facts of the wire hold in its VLAN")
	}
	f.Link = ""
	if _, err := c.Again(&f); err != nil {
		t.Errorf("facts without a link: %v", err)
	}
}
