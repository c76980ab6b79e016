package zone

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// home is a house with something of everything.
func home() Config {
	return Config{
		Domain: "home.example",
		Router: Host{Name: "firewall", Aliases: []string{"gw"}, Addrs: []netip.Addr{
			addr("192.168.32.1"), addr("192.168.33.1"), addr("2001:db8:0:20::1")}},
		Hosts: []Host{
			{Name: "web1", Aliases: []string{"www", "Intranet"}, Addrs: []netip.Addr{addr("192.168.32.11"), addr("2001:db8:0:20::11")}},
			{Name: "web2", Addrs: []netip.Addr{addr("192.168.33.12"), addr("192.168.32.12")}},
			{Name: "db1", Addrs: []netip.Addr{addr("192.168.32.13")}, Clients: []string{"00:16:3e:20:00:13"}},
			{Name: "pc1", Clients: []string{"00:16:3e:20:00:21", "00:16:3e:20:00:22"}},
			{Name: "vps.other.test.", Aliases: []string{"vps"}, Addrs: []netip.Addr{addr("198.51.100.7"), addr("8.8.8.9")}},
		},
		Networks: []netip.Prefix{
			netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("192.168.33.0/25"),
			netip.MustParsePrefix("2001:db8:0:20::/64"), netip.MustParsePrefix("9.9.9.16/28"), netip.MustParsePrefix("10.64.0.0/12"),
		},
		Records: []Record{
			{Name: "*.apps", CNAME: "web1"},
			{Name: "exact.apps", TXT: []string{"here"}},
			{Name: "a.deep.apps", Addrs: []netip.Addr{addr("192.168.32.99")}},
			{Name: "*", Addrs: []netip.Addr{addr("192.168.32.98")}, TTL: 7},
			{Name: "shop", CNAME: "shops.myshop.net."},
			{Name: "shop2", CNAME: "shop"},
			{Name: "lap", CNAME: "laptop"},
			{Name: "_ldap._tcp", SRV: []SRV{{0, 5, 389, "db1"}, {1, 0, 389, "web2"}}},
			{Name: "@", MX: []MX{{10, "web1"}}, TXT: []string{"v=spf1 -all", strings.Repeat("x", 300)},
				CAA: []CAA{{128, "issue", "ca.example; a=b"}}},
			{Name: "cloud.elsewhere.net.", Addrs: []netip.Addr{addr("192.168.32.11")}},
			{Name: "*.dev.elsewhere.net.", CNAME: "web1"},
			{Name: "tv.local.", Addrs: []netip.Addr{addr("192.168.32.77")}},
		},
		Services: []Service{
			{Type: "_ntp._udp", Host: "firewall", Port: 123},
			{Type: "_ipp._tcp", Host: "web1", Port: 631, Instance: "Office Printer. Big", Text: []string{"rp=a", "note=x y"}},
			{Type: "_ipp._tcp", Host: "web1", Port: 631, Instance: "Other"},
		},
		Elsewhere: []string{"lab.home.example.", "200.168.192.in-addr.arpa.", "onion."},
		Serial:    42,
	}
}

func build(t testing.TB, c Config, held ...Lease) *Table {
	t.Helper()
	table, err := Build(c, held...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func lease(name, a, client string) Lease {
	return Lease{Name: name, Addr: addr(a), Client: client, Until: t0.Add(time.Hour)}
}

// ask asks a question as it is in a message, and has another's library read the reply.
func ask(t testing.TB, table *Table, name string, typ uint16) (*dns.Msg, Answer) {
	t.Helper()
	return askFrom(t, table, name, typ, netip.Addr{})
}

func askFrom(t testing.TB, table *Table, name string, typ uint16, from netip.Addr) (*dns.Msg, Answer) {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), typ)
	msg, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	a := table.Answer(msg, Query{Name: msg[headerLen : len(msg)-4], Type: typ, Class: classIN, From: from})
	return read(t, a, len(msg)), a
}

// read finishes the header of a reply, and reads all of it.
func read(t testing.TB, a Answer, before int) *dns.Msg {
	t.Helper()
	m := slices.Clone(a.Msg)
	m[2], m[3] = 0x84, a.RCode
	m[6], m[7], m[8], m[9] = byte(a.Answers>>8), byte(a.Answers), byte(a.Authority>>8), byte(a.Authority)
	r := new(dns.Msg)
	if err := r.Unpack(m); err != nil {
		t.Fatalf("%x: %v", m, err)
	}
	if len(r.Answer) != int(a.Answers) || len(r.Ns) != int(a.Authority) {
		t.Fatalf("%d and %d records, the answer says %d and %d", len(r.Answer), len(r.Ns), a.Answers, a.Authority)
	}
	if len(a.Msg)-before > MaxAnswer {
		t.Fatalf("%d bytes are more than MaxAnswer", len(a.Msg)-before)
	}
	if a.Kind == NotLocal && len(a.Msg) != before {
		t.Fatal("records for a name that is not of the house")
	}
	// What is left over would be read by nobody: pack it again to see.
	r.Compress = false
	return r
}

// inWords makes one line of an answer.
func inWords(r *dns.Msg, a Answer) string {
	if a.Kind == NotLocal {
		return "not local"
	}
	var parts []string
	for _, rr := range r.Answer {
		parts = append(parts, strings.TrimPrefix(strings.Join(strings.Fields(rr.String()), " "), r.Question[0].Name+" "))
	}
	for _, rr := range r.Ns {
		parts = append(parts, fmt.Sprintf("[%s %d]", rr.Header().Name, rr.Header().Ttl))
	}
	if a.RCode != 0 {
		parts = append(parts, dns.RcodeToString[int(a.RCode)])
	}
	if a.Kind == Outside {
		parts = append(parts, "→ "+display(a.Target))
	}
	return strings.Join(parts, " | ")
}

func TestAnswers(t *testing.T) {
	table := build(t, home(), lease("laptop", "192.168.32.150", "A"), lease("pc1", "192.168.33.60", "00:16:3e:20:00:22"),
		lease("db1", "2001:db8:0:20::13", "00:16:3e:20:00:13"))
	for _, c := range []struct{ question, want string }{
		// Hosts: all types, in any case, addresses in the order of the site.
		{"web1.home.example A", "300 IN A 192.168.32.11"},
		{"WeB1.hOmE.example AAAA", "300 IN AAAA 2001:db8:0:20::11"},
		{"www.home.example A", "300 IN A 192.168.32.11"},
		{"intranet.home.example A", "300 IN A 192.168.32.11"},
		{"web2.home.example A", "300 IN A 192.168.33.12 | 300 IN A 192.168.32.12"},
		{"web2.home.example AAAA", "[home.example. 10]"},
		{"web2.home.example HTTPS", "[home.example. 10]"},
		{"web2.home.example SVCB", "[home.example. 10]"},
		{"WEB2.Home.example MX", "[Home.example. 10]"},
		{"web1.home.example ANY", `10800 IN HINFO "RFC8482" ""`},
		{"firewall.home.example AAAA", "300 IN AAAA 2001:db8:0:20::1"},
		{"gw.home.example A", "300 IN A 192.168.32.1 | 300 IN A 192.168.33.1"},
		{"11.32.168.192.in-addr.arpa PTR", "300 IN PTR web1.home.example."},
		{"1.33.168.192.in-addr.arpa PTR", "300 IN PTR firewall.home.example."},
		{"1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.0.0.0.8.B.d.0.1.0.0.2.ip6.arpa PTR", "300 IN PTR web1.home.example."},
		{"11.32.168.192.in-addr.arpa A", "[32.168.192.in-addr.arpa. 10]"},
		{"11.32.168.192.in-addr.arpa ANY", `10800 IN HINFO "RFC8482" ""`},
		// The domain itself.
		{"home.example SOA", "300 IN SOA firewall.home.example. hostmaster.home.example. 42 3600 1200 604800 10"},
		{"home.example NS", "300 IN NS firewall.home.example."},
		{"home.example MX", "300 IN MX 10 web1.home.example."},
		{"home.example TXT", `300 IN TXT "v=spf1 -all" | 300 IN TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`},
		{"home.example CAA", `300 IN CAA 128 issue "ca.example; a=b"`},
		{"home.example A", "[home.example. 10]"},
		{"home.example DS", "[home.example. 10]"},
		// Wildcards: RFC 4592. A name wins, one above names too.
		{"nobody.home.example A", "7 IN A 192.168.32.98"},
		{"nobody.home.example AAAA", "[home.example. 10]"},
		{"x.nobody.home.example A", "7 IN A 192.168.32.98"},
		{"x.apps.home.example A", "300 IN CNAME web1.home.example. | web1.home.example. 300 IN A 192.168.32.11"},
		{"x.apps.home.example MX", "300 IN CNAME web1.home.example. | [home.example. 10]"},
		{"x.apps.home.example CNAME", "300 IN CNAME web1.home.example."},
		{"x.apps.home.example ANY", "300 IN CNAME web1.home.example."},
		{"*.apps.home.example CNAME", "300 IN CNAME web1.home.example."},
		{"exact.apps.home.example A", "[home.example. 10]"},
		{"exact.apps.home.example TXT", `300 IN TXT "here"`},
		{"apps.home.example A", "[home.example. 10]"},
		{"deep.apps.home.example A", "[home.example. 10]"},
		{"x.deep.apps.home.example A", "[home.example. 10] | NXDOMAIN"},
		{"x.web1.home.example A", "[home.example. 10] | NXDOMAIN"},
		{"_tcp.home.example A", "[home.example. 10]"},
		// Aliases to elsewhere.
		{"shop.home.example A", "300 IN CNAME shops.myshop.net. | → shops.myshop.net."},
		{"shop2.home.example AAAA", "300 IN CNAME shop.home.example. | shop.home.example. 300 IN CNAME shops.myshop.net. | → shops.myshop.net."},
		{"shop.home.example CNAME", "300 IN CNAME shops.myshop.net."},
		{"lap.home.example A", "300 IN CNAME laptop.home.example. | laptop.home.example. 60 IN A 192.168.32.150"},
		// Services.
		{"_ldap._tcp.home.example SRV", "300 IN SRV 0 5 389 db1.home.example. | 300 IN SRV 1 0 389 web2.home.example."},
		{"_ntp._udp.home.example SRV", "300 IN SRV 0 0 123 firewall.home.example."},
		{"_ipp._tcp.home.example SRV", "300 IN SRV 0 0 631 web1.home.example."},
		{"_ipp._tcp.home.example PTR", `300 IN PTR Office\ Printer\.\ Big._ipp._tcp.home.example. | 300 IN PTR Other._ipp._tcp.home.example.`},
		{`Office\032printer\.\032big._ipp._tcp.home.example SRV`, "300 IN SRV 0 0 631 web1.home.example."},
		{`office\032printer\.\032big._ipp._tcp.home.example TXT`, `300 IN TXT "rp=a" "note=x y"`},
		{"other._ipp._tcp.home.example TXT", `300 IN TXT ""`},
		{"_services._dns-sd._udp.home.example PTR", "300 IN PTR _ipp._tcp.home.example."},
		{"b._dns-sd._udp.home.example PTR", "300 IN PTR home.example."},
		{"lb._dns-sd._udp.home.example PTR", "300 IN PTR home.example."},
		{"lb._dns-sd._udp.0.32.168.192.in-addr.arpa PTR", "300 IN PTR home.example."},
		{"_udp.0.32.168.192.in-addr.arpa PTR", "[32.168.192.in-addr.arpa. 10]"},
		{"0.32.168.192.in-addr.arpa PTR", "[32.168.192.in-addr.arpa. 10]"},
		// Names outside that the house answers for: alone.
		{"cloud.elsewhere.net A", "300 IN A 192.168.32.11"},
		{"cloud.elsewhere.net AAAA", "[cloud.elsewhere.net. 10]"},
		{"_acme-challenge.cloud.elsewhere.net TXT", "not local"},
		{"elsewhere.net A", "not local"},
		{"x.dev.elsewhere.net A", "300 IN CNAME web1.home.example. | web1.home.example. 300 IN A 192.168.32.11"},
		{"dev.elsewhere.net A", "not local"},
		{"tv.local A", "300 IN A 192.168.32.77"},
		{"tv.local TXT", "[tv.local. 10]"},
		{"vps.other.test A", "300 IN A 198.51.100.7 | 300 IN A 8.8.8.9"},
		{"vps.home.example A", "300 IN A 198.51.100.7 | 300 IN A 8.8.8.9"},
		{"9.8.8.8.in-addr.arpa PTR", "300 IN PTR vps.other.test."},
		{"9.8.8.8.in-addr.arpa A", "[9.8.8.8.in-addr.arpa. 10]"},
		{"8.8.8.8.in-addr.arpa PTR", "not local"},
		// Names of addresses.
		{"77.32.168.192.in-addr.arpa PTR", "[32.168.192.in-addr.arpa. 10] | NXDOMAIN"},
		{"256.32.168.192.in-addr.arpa PTR", "[32.168.192.in-addr.arpa. 10] | NXDOMAIN"},
		{"1.77.32.168.192.in-addr.arpa PTR", "[32.168.192.in-addr.arpa. 10] | NXDOMAIN"},
		{"1.64.10.in-addr.arpa PTR", "[64.10.in-addr.arpa. 10]"},
		{"1.1.64.10.in-addr.arpa PTR", "[64.10.in-addr.arpa. 10] | NXDOMAIN"},
		{"1.1.80.10.in-addr.arpa PTR", "[10.in-addr.arpa. 10800] | NXDOMAIN"},
		{"64.10.in-addr.arpa NS", "300 IN NS firewall.home.example."},
		{"17.9.9.9.in-addr.arpa PTR", "[17.9.9.9.in-addr.arpa. 10]"},
		{"32.9.9.9.in-addr.arpa PTR", "not local"},
		{"9.9.9.in-addr.arpa SOA", "not local"},
		// Names without a dot are the house's, or nobody's.
		{"web1 A", "300 IN A 192.168.32.11"},
		{"WEB1 HTTPS", "[. 10]"},
		{"laptop A", "60 IN A 192.168.32.150"},
		{"laptop AAAA", "[. 10]"},
		{"shop A", "300 IN CNAME shops.myshop.net. | → shops.myshop.net."},
		{"nobody A", "[. 10] | NXDOMAIN"},
		{"com NS", "not local"},
		{"com DS", "not local"},
		{". NS", "not local"},
		{"lab A", "[. 10] | NXDOMAIN"},
		// Leases.
		{"Laptop.home.example A", "60 IN A 192.168.32.150"},
		{"laptop.home.example HTTPS", "[home.example. 10]"},
		{"laptop.home.example ANY", `10800 IN HINFO "RFC8482" ""`},
		{"x.laptop.home.example A", "7 IN A 192.168.32.98"},
		{"150.32.168.192.in-addr.arpa PTR", "60 IN PTR laptop.home.example."},
		{"pc1.home.example A", "60 IN A 192.168.33.60"},
		{"pc1.home.example AAAA", "[home.example. 10]"},
		{"db1.home.example A", "300 IN A 192.168.32.13"},
		{"db1.home.example AAAA", "60 IN AAAA 2001:db8:0:20::13"},
		{"60.33.168.192.in-addr.arpa PTR", "60 IN PTR pc1.home.example."},
		// What others answer for.
		{"x.lab.home.example A", "not local"},
		{"lab.home.example SOA", "not local"},
		{"1.200.168.192.in-addr.arpa PTR", "not local"},
		{"abc.onion A", "not local"},
		{"www.google.com A", "not local"},
		{"example A", "[. 10] | NXDOMAIN"},
		{"www.example A", "not local"},
		// Meta types are nobody's.
		{"www.google.com AXFR", "REFUSED"},
		{"home.example IXFR", "REFUSED"},
		{"home.example MAILB", "NOTIMP"},
		{"home.example TKEY", "NOTIMP"},
		{"home.example OPT", "FORMERR"},
	} {
		name, typ, _ := strings.Cut(c.question, " ")
		r, a := ask(t, table, name, dns.StringToType[typ])
		if got := inWords(r, a); got != c.want {
			t.Errorf("%s\n is   %s\n want %s", c.question, got, c.want)
		}
	}
}

func TestClasses(t *testing.T) {
	table := build(t, home())
	for _, class := range []uint16{0, 3, 4, 254, 255, 65280} {
		if a := table.Answer(nil, Query{Name: []byte("\x04web1\x04home\x07example\x00"), Type: typeA, Class: class}); a.Kind != Local || a.RCode != rcodeRefused {
			t.Errorf("class %d: %+v", class, a)
		}
	}
	for _, bad := range []string{"", "\x01", "\x04web1", "\xc0\x0c", "\x00\x00", "\x40" + strings.Repeat("x", 64) + "\x00", strings.Repeat("\x01a", 127) + "\x01a\x00"} {
		if a := table.Answer(nil, Query{Name: []byte(bad), Type: typeA, Class: classIN}); a.Kind != Local || a.RCode != rcodeFormErr {
			t.Errorf("%q: %+v", bad, a)
		}
	}
	longest := strings.Repeat("\x01a", 127) + "\x00"
	if a := table.Answer(nil, Query{Name: []byte(longest), Type: typeA, Class: classIN}); a.Kind != NotLocal {
		t.Errorf("the name of most labels: %+v", a)
	}
}

func TestNearAddressesFirst(t *testing.T) {
	c := home()
	c.Hosts = append(c.Hosts, Host{Name: "many", Addrs: []netip.Addr{addr("10.64.0.1"), addr("192.168.32.60"), addr("10.64.0.2"),
		addr("192.168.32.61"), addr("2001:db8:1::1"), addr("2001:db8:0:20::60")}})
	table := build(t, c)
	for _, q := range []struct {
		typ        uint16
		from, want string
	}{
		{typeA, "192.168.32.50", "192.168.32.60 192.168.32.61 10.64.0.1 10.64.0.2"},
		{typeA, "::ffff:192.168.32.50", "192.168.32.60 192.168.32.61 10.64.0.1 10.64.0.2"},
		{typeA, "10.64.9.9", "10.64.0.1 10.64.0.2 192.168.32.60 192.168.32.61"},
		{typeA, "192.168.33.9", "10.64.0.1 192.168.32.60 10.64.0.2 192.168.32.61"},
		{typeA, "8.8.8.8", "10.64.0.1 192.168.32.60 10.64.0.2 192.168.32.61"},
		{typeAAAA, "2001:db8:0:20::99", "2001:db8:0:20::60 2001:db8:1::1"},
	} {
		r, _ := askFrom(t, table, "many.home.example", q.typ, addr(q.from))
		var got []string
		for _, rr := range r.Answer {
			got = append(got, dns.Field(rr, 1))
		}
		if strings.Join(got, " ") != q.want {
			t.Errorf("from %s: %s, want %s", q.from, got, q.want)
		}
	}
}

func TestConfigInJSON(t *testing.T) {
	text, err := json.Marshal(home())
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, home()) {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestAnswerAllocatesNothing(t *testing.T) {
	table := build(t, home(), lease("laptop", "192.168.32.150", "A"))
	buf := make([]byte, 0, 4096)
	for _, s := range []string{"web1.home.example", "lap.home.example", "x.apps.home.example", "nobody", "laptop", "www.google.com",
		"150.32.168.192.in-addr.arpa", "77.32.168.192.in-addr.arpa", "a.b.c.local"} {
		wire, _ := appendName(nil, s+".", nil)
		for _, typ := range []uint16{typeA, typeAAAA, typePTR, typeANY, 65} {
			if n := testing.AllocsPerRun(20, func() { table.Answer(buf, Query{wire, typ, classIN, addr("192.168.32.9")}) }); n != 0 {
				t.Errorf("%s, type %d: %v allocations", s, typ, n)
			}
		}
	}
}
