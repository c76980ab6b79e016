package zone

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestSpecials walks the table: what is asked of each name, and of one below it.
func TestSpecials(t *testing.T) {
	table := build(t, Config{Domain: "house.net", Router: Host{Name: "fw", Addrs: home().Router.Addrs}})
	want := map[treatment][][2]string{ // question of NAME, answer
		asEmpty: {
			{"NAME A", "[NAME. 10800]"}, {"NAME HTTPS", "[NAME. 10800]"}, {"q.NAME A", "[NAME. 10800] | NXDOMAIN"},
			{"q.q.NAME PTR", "[NAME. 10800] | NXDOMAIN"}, {"NAME NS", "10800 IN NS NAME."},
			{"NAME SOA", "10800 IN SOA NAME. nobody.invalid. 1 3600 1200 604800 10800"}, {"q.NAME DS", "[NAME. 10800] | NXDOMAIN"},
		},
		asNothing: {
			{"NAME A", "[. 10] | NXDOMAIN"}, {"NAME SOA", "[. 10] | NXDOMAIN"}, {"NAME NS", "[. 10] | NXDOMAIN"},
			{"NAME DS", "[. 10] | NXDOMAIN"}, {"q.NAME AAAA", "[. 10] | NXDOMAIN"}, {"q.q.NAME PTR", "[. 10] | NXDOMAIN"},
		},
		asLoopback: {
			{"NAME A", "10800 IN A 127.0.0.1"}, {"NAME AAAA", "10800 IN AAAA ::1"}, {"q.q.NAME A", "10800 IN A 127.0.0.1"},
			{"q.NAME MX", "[NAME. 10800]"}, {"NAME HTTPS", "[NAME. 10800]"},
		},
		asLoopbackReverse: {{"NAME A", "[NAME. 10800]"}, {"q.NAME PTR", "[NAME. 10800] | NXDOMAIN"}},
		asDiscovery: {
			{"NAME A", "10800 IN A 192.0.0.170 | 10800 IN A 192.0.0.171"}, {"NAME AAAA", "[NAME. 10800]"},
			{"q.NAME A", "[NAME. 10800] | NXDOMAIN"},
		},
		asUsual: {{"q.NAME A", "not local"}},
	}
	for _, row := range specials() {
		for _, c := range want[row.how] {
			question, typ, _ := strings.Cut(strings.ReplaceAll(c[0], "NAME", row.name), " ")
			r, a := ask(t, table, question, dns.StringToType[typ])
			if got := inWords(r, a); got != strings.ReplaceAll(c[1], "NAME", row.name) {
				t.Errorf("%s (%s): %s %s is %s, want %s", row.name, row.source, question, typ, got, c[1])
			}
		}
		if !strings.HasPrefix(row.source, "RFC ") || len(want[row.how]) == 0 {
			t.Errorf("%s: no source, or nothing asked", row.name)
		}
		if _, a := ask(t, table, row.name, typeDS); (a.Kind == NotLocal) != (row.parent || row.how == asUsual) {
			t.Errorf("%s: type DS: kind %d", row.name, a.Kind)
		}
	}
}

// TestReverseOfSpecialAddresses goes the other way: from addresses that mean something
// in one place only.
func TestReverseOfSpecialAddresses(t *testing.T) {
	table := build(t, Config{Domain: "house.net", Router: Host{Name: "fw", Addrs: home().Router.Addrs}})
	for _, c := range []struct{ addr, want string }{
		{"127.0.0.1", "10800 IN PTR localhost."}, {"::1", "10800 IN PTR localhost."},
		{"127.0.0.2", "NXDOMAIN"}, {"10.1.2.3", "NXDOMAIN"}, {"172.16.0.1", "NXDOMAIN"}, {"172.31.255.1", "NXDOMAIN"},
		{"172.15.0.1", "not local"}, {"172.32.0.1", "not local"}, {"192.168.1.1", "NXDOMAIN"}, {"192.169.1.1", "not local"},
		{"0.1.1.1", "NXDOMAIN"}, {"169.254.1.1", "NXDOMAIN"}, {"192.0.2.1", "NXDOMAIN"}, {"198.51.100.9", "NXDOMAIN"},
		{"203.0.113.9", "NXDOMAIN"}, {"255.255.255.255", "[255.255.255.255.in-addr.arpa. 10800]"}, {"255.255.255.254", "not local"},
		{"100.64.0.1", "NXDOMAIN"}, {"100.127.9.9", "NXDOMAIN"}, {"100.63.0.1", "not local"}, {"100.128.0.1", "not local"},
		{"fd12::1", "NXDOMAIN"}, {"fc12::1", "not local"}, {"fe80::1", "NXDOMAIN"}, {"febf::1", "NXDOMAIN"}, {"fec0::1", "not local"},
		{"2001:db8:9::1", "NXDOMAIN"}, {"2001:db9::1", "not local"}, {"::", "[0.0.0.0"}, {"::2", "not local"}, {"8.8.8.8", "not local"},
	} {
		r, a := ask(t, table, arpa(addr(c.addr)), dns.TypePTR)
		if got := inWords(r, a); !strings.HasPrefix(got, c.want) && !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.addr, got, c.want)
		}
	}
}

// TestHouseInSpecialNames has the domain of the house where special names are.
func TestHouseInSpecialNames(t *testing.T) {
	for _, c := range []struct{ domain, question, want string }{
		{"home.arpa", "fw.home.arpa A", "300 IN A 192.168.32.1 | 300 IN A 192.168.33.1"},
		{"home.arpa", "home.arpa DS", "not local"}, // RFC 8375 4: the signed arpa says that there is none
		{"home.arpa", "q.home.arpa A", "[home.arpa. 10] | NXDOMAIN"},
		{"smith.home.arpa", "jones.home.arpa A", "[home.arpa. 10800] | NXDOMAIN"},
		{"smith.home.arpa", "smith.home.arpa SOA", "300 IN SOA fw.smith.home.arpa. hostmaster.smith.home.arpa. 0 3600 1200 604800 10"},
		{"local", "fw.local AAAA", "300 IN AAAA 2001:db8:0:20::1"},
		{"x.test", "q.x.test A", "[x.test. 10] | NXDOMAIN"},
		{"x.test", "q.test A", "[. 10] | NXDOMAIN"},
		{"lan", "_dns.resolver.arpa SVCB", "[_dns.resolver.arpa. 10800]"}, // RFC 9462 4: NODATA
		{"lan", "fw A", "300 IN A 192.168.32.1 | 300 IN A 192.168.33.1"},
		{"lan", "lan A", "[lan. 10]"},
		{"lan", "fw.lan AAAA", "300 IN AAAA 2001:db8:0:20::1"},
	} {
		table := build(t, Config{Domain: c.domain, Router: Host{Name: "fw", Addrs: home().Router.Addrs}})
		name, typ, _ := strings.Cut(c.question, " ")
		r, a := ask(t, table, name, dns.StringToType[typ])
		if got := inWords(r, a); got != c.want {
			t.Errorf("in %s: %s is %s, want %s", c.domain, c.question, got, c.want)
		}
	}
	for _, taken := range []string{"localhost", "x.localhost", "INVALID", "a.onion", "alt", "10.in-addr.arpa", "ip6.arpa", "ipv4only.arpa",
		"resolver.arpa"} {
		if err := (Config{Domain: taken, Router: home().Router}).Check(); err == nil {
			t.Errorf("%s may be the domain of a house", taken)
		}
	}
}

// TestReverseZones compares the zones of a network with its addresses, one by one.
func TestReverseZones(t *testing.T) {
	for _, c := range []struct{ network, want string }{
		{"192.168.32.0/24", "32.168.192.in-addr.arpa."},
		{"192.168.32.128/25", "32.168.192.in-addr.arpa."},
		{"192.168.32.0/23", "32.168.192.in-addr.arpa. 33.168.192.in-addr.arpa."},
		{"10.0.0.0/8", "10.in-addr.arpa."},
		{"9.9.9.4/30", "4.9.9.9.in-addr.arpa. 5.9.9.9.in-addr.arpa. 6.9.9.9.in-addr.arpa. 7.9.9.9.in-addr.arpa."},
		{"2001:db8:0:20::/64", "0.2.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
		{"2001:db8:0:20::/63", "0.2.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 1.2.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
	} {
		var got []string
		for _, z := range reverseZones(prefix(c.network)) {
			got = append(got, display(appendReverse(nil, z.Addr(), z.Bits())))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.network, got, c.want)
		}
	}
	if n := len(reverseZones(prefix("100.0.0.0/9"))); n != 128 {
		t.Errorf("a network has %d zones", n)
	}
}
