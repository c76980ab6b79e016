package wan

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

func house6() *Config {
	return &Config{Link: "eth0", MaxMTU: 1500, IPv6: IPv6{
		RouterDiscovery: true, Delegation: &Wish{Length: 56},
		LANs: []LAN{{"lan", netip.MustParsePrefix("2001:db8:7:1::/64"), ip("2001:db8:7:1::1")}, {"ula", netip.MustParsePrefix("fd00:1::/64"), ip("fd00:1::1")}},
	}}
}

func TestJudge6(t *testing.T) {
	nets := func(s string) (all []netip.Prefix) {
		for f := range strings.FieldsSeq(s) {
			all = append(all, netip.MustParsePrefix(f))
		}
		return all
	}
	lent := func(s string) (all []Delegation) {
		for _, p := range nets(s) {
			all = append(all, Delegation{p, time.Hour, 2 * time.Hour})
		}
		return all
	}
	for _, tc := range []struct {
		name    string
		said    Said6
		want    string // delegated | addresses | gateway | MTU | resolvers | domains, as far as there are any
		remarks []string
	}{
		{"an ordinary one", Said6{Addrs: nets("2001:db8:5::9/64"), Gateway: ip("fe80::1"), MTU: 1492, DNS: ips("2001:db8:5::53"), Search: []string{"isp.example."}, Delegated: lent("2001:db8:100::/56")},
			"2001:db8:100::/56 | 2001:db8:5::9/64 | fe80::1 | 1492 | 2001:db8:5::53 | isp.example", nil},
		{"nothing", Said6{}, "", nil},
		{"delegated: no unicast", Said6{Delegated: lent("fe80::/56 ff00::/56 2002:102:304::/56 2001::/56 64:ff9b:1::/56 100::/64 fec0::/56 ::/56")}, "",
			[]string{"link-local", "multicast", "6to4", "Teredo", "stands for an IPv4", "leads nowhere", "site-local", "means no address"}},
		{"delegated: lengths", Said6{Delegated: lent("2001:db8:100::/65 2000::/31 2001:db8:200::/60 2001:db8:300::/48")}, "2001:db8:200::/60 2001:db8:300::/48",
			[]string{"too long", "shorter than /32", "smaller than the /56"}},
		{"delegated: ours", Said6{Delegated: lent("2001:db8:7::/48 fd00:1::/64 fd00:2::/56")}, "fd00:2::/56", []string{"overlaps lan lan", "overlaps lan ula", "unique local"}},
		{"delegated: each other", Said6{Delegated: lent("2001:db8:100::/48 2001:db8:100:5::/64")}, "2001:db8:100::/48", []string{"overlaps 2001:db8:100::/48"}},
		{"addresses", Said6{Addrs: nets("fe80::9/64 2001:db8:7:1::9/64 2001:db8:5::9/60 2001:db8:7:1:1::/128 2001:db8:5::9/128")}, "2001:db8:5::9/128",
			[]string{"link-local", "lies in lan lan", "in no network of hosts", "lies in lan lan"}},
		{"an address in what is delegated", Said6{Addrs: nets("2001:db8:100:1::9/64"), Delegated: lent("2001:db8:100::/56")}, "2001:db8:100::/56", []string{"delegated to us"}},
		{"router", Said6{Gateway: ip("2001:db8:5::1")}, "", []string{"no link-local address"}},
		{"MTU too small", Said6{MTU: 1279}, "", []string{"an MTU of 1279 is ignored"}},
		{"MTU too large", Said6{MTU: 1<<16 + 1400}, "", []string{"an MTU of 66936 is ignored"}},
		{"resolvers", Said6{Addrs: nets("2001:db8:5::9/128"), DNS: ips("2001:db8:7:1::1 2001:db8:7:1::5 2001:db8:5::9 ::1 ::ffff:1.2.3.4 2001:db8:100::1 2001:db8::53 2001:db8::53"), Delegated: lent("2001:db8:100::/56")},
			"2001:db8:100::/56 | 2001:db8:5::9/128 | 2001:db8::53", []string{"our own address on lan lan", "lies in lan lan", "our own address", "loopback", "no IPv6 address", "delegated to us"}},
		{"a domain with a terminal's bytes", Said6{Search: []string{"\x1b[2J", "a.example", "a.example"}}, "a.example", []string{`"\x1b[2J"`}},
		{"time servers", Said6{NTP: ips("::1 2001:db8::123"), NTPNames: []string{"\x1b[2J", "time.example.", "time.example"}}, "2001:db8::123 | time.example", []string{"loopback", `NTP server "\x1b[2J"`}},
	} {
		f, remarks := house6().Judge6(&tc.said)
		if got := f.text6(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if len(remarks) != len(tc.remarks) {
			t.Errorf("%s: %q", tc.name, remarks)
			continue
		}
		for i, r := range remarks {
			if !strings.Contains(r.Text, tc.remarks[i]) {
				t.Errorf("%s: %q, want %q", tc.name, r.Text, tc.remarks[i])
			}
		}
	}
}

// text6 is Facts6 on one line.
func (f *Facts6) text6() string {
	var parts []string
	add := func(all ...string) {
		if s := strings.Join(all, " "); s != "" {
			parts = append(parts, s)
		}
	}
	each := func(n int, of func(i int) string) (all []string) {
		for i := range n {
			all = append(all, of(i))
		}
		return all
	}
	add(each(len(f.Delegated), func(i int) string { return f.Delegated[i].Prefix.String() })...)
	add(each(len(f.Addrs), func(i int) string { return f.Addrs[i].String() })...)
	if f.Gateway.IsValid() {
		add(f.Gateway.String())
	}
	if f.MTU > 0 {
		add(strconv.Itoa(int(f.MTU)))
	}
	add(each(len(f.DNS), func(i int) string { return f.DNS[i].String() })...)
	add(each(len(f.NTP), func(i int) string { return f.NTP[i].String() })...)
	add(f.NTPNames...)
	add(f.Search...)
	return strings.Join(parts, " | ")
}

// TestJudge6Bounded: whatever is said, what is believed is bounded, printable, and nobody's of the house.
func TestJudge6Bounded(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	addr := func() netip.Addr {
		all := ips("2001:db8:7:1::1 2001:db8:100::1 fd00:1::7 fe80::1 ff02::1 ::1 2001:db8:5::9 192.0.2.1")
		if r.IntN(3) > 0 {
			return all[r.IntN(len(all))]
		}
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0] = 0x20 | b[0]&0x1f
		return netip.AddrFrom16(b)
	}
	believed, moments := 0, []time.Duration{-time.Hour, 0, time.Hour, Never}
	for range 3000 {
		var s Said6
		for range r.IntN(40) {
			s.Addrs = append(s.Addrs, netip.PrefixFrom(addr(), r.IntN(130)-1))
			s.DNS, s.NTP = append(s.DNS, addr()), append(s.NTP, addr())
			s.Search = append(s.Search, string([]byte{byte(r.Uint32()), 'a'}))
			s.NTPNames = append(s.NTPNames, string([]byte{byte(r.Uint32()), 'b'}))
			s.Delegated = append(s.Delegated, Delegation{netip.PrefixFrom(addr(), 28+r.IntN(40)).Masked(), moments[r.IntN(4)], moments[1+r.IntN(3)]})
		}
		s.Gateway, s.MTU = addr(), r.Uint32()>>uint(r.IntN(32))
		c := house6()
		f, remarks := c.Judge6(&s)
		if len(f.Addrs) > maxAddrs6 || len(f.DNS) > maxServers || len(f.NTP) > maxServers || len(f.NTPNames) > maxServers || len(f.Search) > maxSearch || len(f.Delegated) > maxDelegated || len(remarks) > maxRemarks {
			t.Fatalf("%+v", f)
		}
		if again := c.Again6(&f); !again.Equal(&f) {
			t.Fatalf("%+v, then %+v", f, again)
		}
		elsewhere := *c
		elsewhere.Link = "eth1"
		if again := elsewhere.Again6(&f); !again.IsZero() {
			t.Fatalf("elsewhere %+v", again)
		}
		for _, d := range f.Delegated {
			believed++
			if d.Preferred <= 0 || d.Valid < d.Preferred {
				t.Fatal(d)
			}
			if c.DisbelievePrefix(d.Prefix) != "" || c.IPv6.lan(d.Prefix) != nil {
				t.Fatal(d)
			}
		}
		for _, a := range f.DNS {
			if c.DisbelieveAddress(a) != "" {
				t.Fatal(a)
			}
		}
	}
	if believed < 1000 {
		t.Errorf("only %d were believed", believed)
	}
}

func TestCheck6(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"":                        func(*Config) {},
		"length 31":               func(c *Config) { c.IPv6.Delegation.Length = 31 },
		"length 65":               func(c *Config) { c.IPv6.Delegation.Length = 65 },
		"the DUID has 2 bytes":    func(c *Config) { c.IPv6.DUID = dhcpv6.DUID{1, 2} },
		"is no IPv6 network":      func(c *Config) { c.IPv6.LANs[0].Network = netip.MustParsePrefix("10.0.0.0/8") },
		"nobody is asked":         func(c *Config) { c.Static4, c.IPv6 = true, IPv6{} },
		"2001:db8:7:1::1 is no I": func(c *Config) { c.IPv6.LANs[0].Network = netip.MustParsePrefix("2001:db8:8::/64") },
	} {
		c := house6()
		change(c)
		if err := c.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
