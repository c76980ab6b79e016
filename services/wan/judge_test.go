package wan

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func ips(s string) (all []netip.Addr) {
	for f := range strings.FieldsSeq(s) {
		all = append(all, ip(f))
	}
	return all
}

func routes(all ...string) (rs []option.Route) {
	for _, s := range all {
		r, ok := option.ParseRoute(s)
		if !ok {
			panic(s)
		}
		rs = append(rs, r)
	}
	return rs
}

func house() *Config {
	return &Config{
		Link: "eth0", MAC: MAC{0, 0x16, 0x3e, 0, 0, 1}, MaxMTU: 1500,
		LANs: []LAN{
			{"lan", netip.MustParsePrefix("192.168.32.0/24"), ip("192.168.32.1")},
			{"guests", netip.MustParsePrefix("10.9.0.0/16"), ip("10.9.0.1")},
		},
	}
}

// good is what an ordinary provider says.
func good() Said {
	return Said{
		Addr: ip("198.18.7.20"), Mask: ip("255.255.255.0"), Routers: ips("198.18.7.1"),
		DNS: ips("198.18.0.53 198.18.1.53"), Domain: "isp.example",
	}
}

// text is Facts on one line.
func (f *Facts) text() string {
	b, _ := json.Marshal(f)
	return string(b)
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Said)
		// facts has pieces of the Facts as JSON; a piece after ! must not be there.
		facts   []string
		remarks []string // how they begin
		refused string   // how it begins
	}{
		{name: "an ordinary one", change: func(*Said) {}, facts: []string{`"Addrs":["198.18.7.20/24"],"Gateway":"198.18.7.1","DNS":["198.18.0.53","198.18.1.53"],"Domain":"isp.example"}`}},
		{name: "nothing", change: func(s *Said) { *s = Said{} }, refused: "no IPv4 address"},
		{name: "0.0.0.0", change: func(s *Said) { s.Addr = ip("0.0.0.0") }, refused: "the address 0.0.0.0 is refused: it means no address"},
		{name: "loopback", change: func(s *Said) { s.Addr = ip("127.0.0.1") }, refused: "the address 127.0.0.1 is refused: it is a loopback"},
		{name: "multicast", change: func(s *Said) { s.Addr = ip("224.0.0.7") }, refused: "the address 224.0.0.7 is refused: it is a multicast"},
		{name: "everybody's", change: func(s *Said) { s.Addr = ip("255.255.255.255") }, refused: "the address 255.255.255.255 is refused: it is reserved"},
		{name: "link-local", change: func(s *Said) { s.Addr = ip("169.254.1.1") }, refused: "the address 169.254.1.1 is refused: it is a link-local"},
		{name: "in a lan", change: func(s *Said) { s.Addr = ip("192.168.32.77") }, refused: "the lease of 192.168.32.77/24 is refused: it overlaps lan lan, 192.168.32.0/24"},
		{name: "around a lan", change: func(s *Said) { s.Addr, s.Mask = ip("10.1.2.3"), ip("255.0.0.0") }, refused: "the lease of 10.1.2.3/8 is refused: it overlaps lan guests"},
		{name: "beside a lan", change: func(s *Said) { s.Addr, s.Routers = ip("192.168.33.7"), ips("192.168.33.1") }, facts: []string{`"192.168.33.7/24"`}},
		{name: "cgnat", change: func(s *Said) { s.Addr, s.Mask, s.Routers = ip("100.64.3.4"), ip("255.192.0.0"), ips("100.64.0.1") }, facts: []string{`"100.64.3.4/10"`}},
		{name: "/32, gateway off link", change: func(s *Said) { s.Mask = ip("255.255.255.255") }, facts: []string{`"198.18.7.20/32"`, `"Gateway":"198.18.7.1","OffLink":true`}},
		{name: "/31", change: func(s *Said) { s.Mask, s.Routers = ip("255.255.255.254"), ips("198.18.7.21") }, facts: []string{`"198.18.7.20/31"`, `"Gateway":"198.18.7.21"`, "!OffLink"}},
		{name: "/24, gateway off link", change: func(s *Said) { s.Routers = ips("10.200.0.1") }, facts: []string{`"198.18.7.20/24"`, `"Gateway":"10.200.0.1","OffLink":true`}},
		{name: "no mask", change: func(s *Said) { s.Mask = netip.Addr{} }, facts: []string{`"198.18.7.20/32"`, `"OffLink":true`}, remarks: []string{"no netmask is sent"}},
		{name: "mask with a hole", change: func(s *Said) { s.Mask = ip("255.0.255.0") }, facts: []string{`/32"`}, remarks: []string{"the netmask 255.0.255.0 is none"}},
		{name: "mask of everybody", change: func(s *Said) { s.Mask = ip("0.0.0.0") }, facts: []string{`/32"`}, remarks: []string{"the netmask 0.0.0.0 is none"}},
		{name: "the broadcast address", change: func(s *Said) { s.Addr = ip("198.18.7.255") }, facts: []string{`"198.18.7.255/32"`}, remarks: []string{"198.18.7.255 is the first or the last"}},
		{name: "no router", change: func(s *Said) { s.Routers = nil }, facts: []string{"!Gateway"}, remarks: []string{"no router is sent"}},
		{name: "router in a lan, and another", change: func(s *Said) { s.Routers = ips("192.168.32.5 198.18.7.2") }, facts: []string{`"Gateway":"198.18.7.2"`}, remarks: []string{"router 192.168.32.5 is not used: it lies in lan lan"}},
		{name: "router is the address", change: func(s *Said) { s.Routers = ips("198.18.7.20") }, facts: []string{"!Gateway"}, remarks: []string{"router 198.18.7.20 is not used: it is the leased", "no router"}},
		{name: "router 0.0.0.0", change: func(s *Said) { s.Routers = ips("0.0.0.0") }, facts: []string{"!Gateway"}, remarks: []string{"router 0.0.0.0 is not used", "no router"}},
		{name: "mtu", change: func(s *Said) { s.MTU = 1492 }, facts: []string{`"MTU":1492`}},
		{name: "mtu 1280", change: func(s *Said) { s.MTU = 1280 }, facts: []string{`"MTU":1280`}},
		// What servers say by themselves where nobody has changed it: deployed providers do, and mean it for
		// nobody.
		{name: "mtu 576", change: func(s *Said) { s.MTU = 576 }, facts: []string{"!MTU"}, remarks: []string{"an MTU of 576 is ignored: 1280 to 1500"}},
		{name: "mtu of another link", change: func(s *Said) { s.MTU = 9000 }, facts: []string{"!MTU"}, remarks: []string{"an MTU of 9000 is ignored"}},
		{name: "resolvers", change: func(s *Said) { s.DNS = ips("192.168.32.1 192.168.32.9 127.0.0.1 198.18.7.20 198.18.0.53 198.18.0.53") },
			facts:   []string{`"DNS":["198.18.0.53"]`},
			remarks: []string{"resolver 192.168.32.1 is dropped: it is our own address on lan lan", "resolver 192.168.32.9 is dropped: it lies in", "resolver 127.0.0.1", "resolver 198.18.7.20 is dropped: it is the leased"}},
		{name: "ntp", change: func(s *Said) { s.NTP = ips("10.9.0.1 198.18.0.123") }, facts: []string{`"NTP":["198.18.0.123"]`}, remarks: []string{"NTP server 10.9.0.1"}},
		{name: "too many resolvers", change: func(s *Said) { s.DNS = ips("9.0.0.1 9.0.0.2 9.0.0.3 9.0.0.4 9.0.0.5 9.0.0.6 9.0.0.7 9.0.0.8 9.0.0.9") }, facts: []string{`"9.0.0.8"]`}, remarks: []string{"resolver 9.0.0.9"}},
		{name: "domain with a terminal's bytes", change: func(s *Said) { s.Domain = "\x1b[2J" }, facts: []string{"!Domain"}, remarks: []string{`domain "\x1b[2J" is dropped`}},
		{name: "several domains in one", change: func(s *Said) { s.Domain = "a.example b.example.\x00" }, facts: []string{`"Domain":"a.example","Search":["a.example","b.example"]`}},
		{name: "search", change: func(s *Said) { s.Search = []string{"a.example", "a.example", "x_y"} }, facts: []string{`"Search":["a.example"]`}, remarks: []string{`domain "x_y"`}},
		{name: "routes with a default", change: func(s *Said) {
			s.Routes, s.RoutesOnly = routes("0.0.0.0/0 via 198.18.7.9", "203.0.113.0/24 via 198.18.7.3", "198.51.100.1/32 via 10.77.0.1", "198.51.100.0/24"), true
		}, facts: []string{`"Gateway":"198.18.7.9"`, `"Routes":[{"To":"203.0.113.0/24","Via":"198.18.7.3"},{"To":"198.51.100.1/32","Via":"10.77.0.1","OffLink":true},{"To":"198.51.100.0/24"}]`}},
		{name: "routes without a default: RFC 3442", change: func(s *Said) { s.Routes, s.RoutesOnly = routes("203.0.113.0/24 via 198.18.7.3"), true },
			facts: []string{"!Gateway", "203.0.113.0/24"}, remarks: []string{"router 198.18.7.1 is not used: routes are sent", "no router"}},
		{name: "routes of Microsoft's without a default", change: func(s *Said) { s.Routes = routes("203.0.113.0/24 via 198.18.7.3") }, facts: []string{`"Gateway":"198.18.7.1"`, "203.0.113.0/24"}},
		{name: "routes into a lan", change: func(s *Said) {
			s.Routes = routes("192.168.32.0/24 via 198.18.7.3", "10.9.3.0/24 via 198.18.7.3", "10.0.0.0/8 via 198.18.7.3")
		},
			facts: []string{`"Routes":[{"To":"10.0.0.0/8"`, "!192.168", "!10.9"}, remarks: []string{"the route 192.168.32.0/24 via 198.18.7.3 is dropped: it leads into lan lan", "the route 10.9.3.0/24"}},
		{name: "routes by a lan's host, to loopback, twice, by ourselves", change: func(s *Said) {
			s.Routes = routes("203.0.113.0/24 via 192.168.32.4", "127.0.0.0/8 via 198.18.7.3", "9.0.0.0/8 via 198.18.7.3", "9.0.0.0/8 via 198.18.7.4", "8.0.0.0/8 via 198.18.7.20", "0.0.0.0/0")
		}, facts: []string{`"Routes":[{"To":"9.0.0.0/8","Via":"198.18.7.3"},{"To":"8.0.0.0/8"}]`},
			remarks: []string{"the route 203.0.113.0/24 via 192.168.32.4 is dropped: of its router, it lies in lan", "the route 127.0.0.0/8", "the route 9.0.0.0/8 via 198.18.7.4 is dropped: there is one", "the route 0.0.0.0/0 is dropped"}},
	} {
		s := good()
		tc.change(&s)
		f, remarks, err := house().Judge(&s)
		if tc.refused != "" || err != nil {
			var r *Refusal
			if !errors.As(err, &r) || !strings.HasPrefix(r.Text, tc.refused) || tc.refused == "" || len(f.Addrs) > 0 {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		for _, piece := range tc.facts {
			if not, ok := strings.CutPrefix(piece, "!"); strings.Contains(f.text(), not) == ok {
				t.Errorf("%s: %s in %s", tc.name, piece, f.text())
			}
		}
		if !slices.EqualFunc(remarks, tc.remarks, func(r Remark, begins string) bool { return strings.HasPrefix(r.Text, begins) }) {
			t.Errorf("%s: remarks %+v", tc.name, remarks)
		}
	}
}

// FuzzJudge: whatever a provider says, nothing of the LANs is taken, and people can read
// what is said of it.
func FuzzJudge(f *testing.F) {
	f.Add([]byte{198, 18, 7, 20}, []byte{255, 255, 255, 0}, []byte{198, 18, 7, 1, 192, 168, 32, 1}, []byte("a.example \x1b b"), []byte("\x18\xc0\xa8\x20\xc6\x12\x07\x01\x00\xc6\x12\x07\x09"), uint16(1400))
	f.Fuzz(func(t *testing.T, addr, mask, addrs, domain, rs []byte, mtu uint16) {
		var s Said
		s.Addr, _ = netip.AddrFromSlice(addr)
		s.Mask, _ = netip.AddrFromSlice(mask)
		s.Routers, _ = option.ReadAddrs(addrs)
		s.DNS, s.NTP, s.Domain, s.MTU = s.Routers, s.Routers, string(domain), mtu
		s.Search, _ = option.ReadDomains(domain)
		s.Routes, s.RoutesOnly = nil, mtu&1 == 1
		s.Routes, _ = option.ReadRoutes(rs)
		c := house()
		facts, remarks, err := c.Judge(&s)
		for _, r := range remarks {
			if strings.ContainsFunc(r.Text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(r.Text) > 512 {
				t.Fatalf("remark %q", r.Text)
			}
		}
		if err != nil {
			return
		}
		for _, l := range c.LANs {
			for _, a := range slices.Concat(facts.DNS, facts.NTP, []netip.Addr{facts.Gateway}) {
				if l.Network.Contains(a) {
					t.Fatalf("%s of %s", a, l.Name)
				}
			}
			for _, r := range facts.Routes {
				if l.Network.Contains(r.To.Addr()) && r.To.Bits() >= l.Network.Bits() || l.Network.Contains(r.Via) || r.To.Bits() == 0 {
					t.Fatalf("%v into %s", r, l.Name)
				}
			}
			if l.Network.Overlaps(facts.Addrs[0]) {
				t.Fatalf("%s overlaps %s", facts.Addrs[0], l.Name)
			}
		}
		if len(facts.Routes) > maxRoutes || len(facts.DNS) > maxServers || len(facts.Search) > maxSearch || len(remarks) > maxRemarks {
			t.Fatal("more than there may be")
		}
		var again Facts
		if err := json.Unmarshal([]byte(facts.text()), &again); err != nil || !again.Equal(&facts) {
			t.Fatalf("%s is read again as %s, %v", facts.text(), again.text(), err)
		}
	})
}

// TestEqual changes each part of Facts: Equal must see it.
func TestEqual(t *testing.T) {
	make := func() Facts {
		return Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("198.18.7.20/24")}, Gateway: ip("198.18.7.1"), DNS: ips("9.9.9.9"), NTP: ips("9.9.9.8"),
			Search: []string{"a.example"}, Routes: []Route{{To: netip.MustParsePrefix("9.0.0.0/8")}}}
	}
	for i, change := range []func(*Facts){
		func(f *Facts) { f.Addrs[0] = netip.MustParsePrefix("198.18.7.20/25") }, func(f *Facts) { f.Gateway = ip("198.18.7.2") },
		func(f *Facts) { f.OffLink = true }, func(f *Facts) { f.MTU = 1400 }, func(f *Facts) { f.DNS = nil }, func(f *Facts) { f.NTP[0] = ip("9.9.9.7") },
		func(f *Facts) { f.Domain = "x" }, func(f *Facts) { f.Search[0] = "b" }, func(f *Facts) { f.Routes[0].OffLink = true },
	} {
		a, b := make(), make()
		if !a.Equal(&b) {
			t.Fatal("two of the same differ")
		}
		change(&b)
		if a.Equal(&b) || b.Equal(&a) {
			t.Errorf("change %d is not seen", i)
		}
	}
}

func TestStatic(t *testing.T) {
	s := Static{
		Addrs: []netip.Prefix{netip.MustParsePrefix("198.18.7.20/32"), netip.MustParsePrefix("198.18.9.1/29")}, Gateway: ip("198.18.7.1"),
		Routes: routes("9.0.0.0/8 via 198.18.9.2"),
	}
	f, term := s.Facts()
	want := `{"Addrs":["198.18.7.20/32","198.18.9.1/29"],"Gateway":"198.18.7.1","OffLink":true,"Routes":[{"To":"9.0.0.0/8","Via":"198.18.9.2"}]}`
	if f.text() != want || term.End != Never || term.Source != FromSite || term.Source.String() != "site" {
		t.Errorf("%s, %+v", f.text(), term)
	}
}

func TestKinds(t *testing.T) {
	for a, want := range map[string]string{
		"9.9.9.9": "public", "100.63.255.255": "public", "100.64.0.0": "cgnat", "100.127.255.255": "cgnat", "100.128.0.0": "public",
		"10.0.0.1": "private", "172.31.0.1": "private", "172.32.0.1": "public", "192.168.1.1": "private", "192.0.2.1": "special", "198.18.0.1": "special", "240.0.0.1": "special",
	} {
		k := KindOf(ip(a))
		if k.String() != want || (k.Means() == "") != (want == "public") || (k.Brief() == "") != (want == "public") {
			t.Errorf("%s is %s: %q, %q", a, k, k.Brief(), k.Means())
		}
	}
}

func TestCheck(t *testing.T) {
	if err := house().Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"wan: no link is named": func(c *Config) { c.Link = "" },
		"wan: 01:00:00:00:00:00 is not the address of one Ethernet card":             func(c *Config) { c.MAC = MAC{1} },
		"wan: the client identifier has 1 bytes: 2 to 255 (RFC 2132 9.14)":           func(c *Config) { c.ClientID = option.Bytes{1} },
		"wan: host name \"a b\" is no name of a host":                                func(c *Config) { c.HostName = "a b" },
		"wan: the link's MTU is 68: 576 to 9216":                                     func(c *Config) { c.MaxMTU = 68 },
		"wan: an address is looked for during 1m0s: 0 to 10s":                        func(c *Config) { c.Probe = 60e9 },
		"wan: option 50 is the client's own to send":                                 func(c *Config) { c.Options = []Option{{Code: 50}} },
		"wan: option 77 is there twice":                                              func(c *Config) { c.Options = []Option{{Code: 77}, {Code: 77}} },
		"wan: 1 further options of 600 bytes: at most 16 of 512":                     func(c *Config) { c.Options = []Option{{77, make(option.Bytes, 600)}} },
		"wan: the options to ask for are 0: at most 64, from 1 to 254":               func(c *Config) { c.Ask = []uint8{0} },
		"wan: lan lan: 192.168.32.0/24 with our address 10.0.0.1 is no IPv4 network": func(c *Config) { c.LANs[0].Address = ip("10.0.0.1") },
	} {
		c := house()
		change(c)
		if err := c.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestConfigRoundTrip(t *testing.T) {
	c := house()
	c.ClientID = NodeID(7, LinkLayerDUID(c.MAC))
	if want := "hex:ff:00:00:00:07:00:03:00:01:00:16:3e:00:00:01"; c.ClientID.String() != want || PlainID(c.MAC).String() != "hex:01:00:16:3e:00:00:01" {
		t.Errorf("%s", c.ClientID)
	}
	b, err := json.Marshal(c)
	var again Config
	if err != nil || json.Unmarshal(b, &again) != nil || again.MAC != c.MAC || again.ClientID.String() != c.ClientID.String() || again.LANs[1] != c.LANs[1] {
		t.Errorf("%s, %v", b, err)
	}
	var m MAC
	for _, bad := range []string{"", "00:16:3e:00:00", "00:16:3e:00:00:0g", "00163e000001"} {
		if m.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
