package zone

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	if err := home().Check(); err != nil {
		t.Fatal(err)
	}
	record := func(r ...Record) func(*Config) { return func(c *Config) { c.Records = append(c.Records, r...) } }
	host := func(h Host) func(*Config) { return func(c *Config) { c.Hosts = append(c.Hosts, h) } }
	service := func(s ...Service) func(*Config) { return func(c *Config) { c.Services = append(c.Services, s...) } }
	one := []netip.Addr{addr("192.168.32.200")}
	for _, c := range []struct {
		change func(*Config)
		want   string // lines of the error
	}{
		{func(c *Config) { c.Domain = "" }, `domain "": want a domain name of at most 189 characters`},
		{func(c *Config) { c.Domain = "a..b" }, `domain "a..b": want a domain name of at most 189 characters`},
		{func(c *Config) { c.Domain = "host_s" }, `domain "host_s": want a domain name of at most 189 characters`},
		{func(c *Config) { c.Domain = "x.onion" }, "domain x.onion: names in onion are nobody's"},
		{func(c *Config) { c.TTL = 1 << 31 }, "a TTL of 2147483648 seconds: want at most 2147483647 (RFC 2181 8)"},
		{func(c *Config) { c.Router.Name = "" }, "router \"\": want a host name\nrouter : name \"\": want a host name"},
		{func(c *Config) { c.Router.Addrs = nil }, "router firewall: no address"},
		{func(c *Config) { c.Networks[0] = netip.MustParsePrefix("192.168.32.1/24") },
			"network 192.168.32.1/24: want the first address of a network, and a length of 8 or more"},
		{func(c *Config) { c.Networks[1] = netip.MustParsePrefix("192.168.0.0/16") }, "networks 192.168.32.0/24 and 192.168.0.0/16 overlap"},
		{func(c *Config) { c.Elsewhere[0] = "Home.example." }, "elsewhere Home.example.: it is the domain of the house"},
		{func(c *Config) { c.Elsewhere[0] = "a b." }, `elsewhere "a b.": want a domain name`},
		{func(c *Config) { c.Elsewhere[0] = "32.168.192.in-addr.arpa." },
			"elsewhere 32.168.192.in-addr.arpa.: its addresses are on a network of the house"},
		// Hosts.
		{host(Host{Name: "web_3", Addrs: one}), `host web_3: name "web_3": want a host name`},
		{host(Host{Name: "web1", Addrs: one}), "host web1: web1.home.example. is the name of host web1 already"},
		{host(Host{Name: "WWW", Addrs: one}), "host WWW: WWW.home.example. is the name of alias of web1 already"},
		{host(Host{Name: "firewall", Addrs: one}), "host firewall: firewall.home.example. is the name of router firewall already"},
		{host(Host{Name: "web3", Aliases: []string{"db1"}, Addrs: one}), "alias of web3: db1.home.example. is the name of host db1 already"},
		{host(Host{Name: "web3", Aliases: []string{"web3"}, Addrs: one}), "alias of web3: web3.home.example. is the name of host web3 already"},
		{host(Host{Name: "web3"}), "host web3: no address"},
		{host(Host{Name: "web3", Addrs: []netip.Addr{addr("192.168.32.13")}}), "host web3: address 192.168.32.13 is of db1.home.example. already"},
		{host(Host{Name: "web3", Addrs: []netip.Addr{one[0], one[0]}}), "host web3: it says the same twice"},
		{host(Host{Name: "web3", Addrs: []netip.Addr{addr("224.0.0.1")}}), "host web3: 224.0.0.1 is no host's address"},
		{host(Host{Name: "web3", Addrs: []netip.Addr{{}}}), "host web3: invalid IP is no host's address"},
		{host(Host{Name: "web3", Addrs: []netip.Addr{addr("::ffff:1.2.3.4")}}), "host web3: ::ffff:1.2.3.4 is no host's address"},
		{host(Host{Name: "web3.sub", Clients: []string{"A"}}), "host web3.sub: it has clients, and leases have a single label for a name"},
		{host(Host{Name: "a.localhost.", Addrs: one}), "host a.localhost.: names in localhost are the machine's own (RFC 6761 6.3)"},
		{host(Host{Name: "a.lab", Addrs: one}), "host a.lab: a.lab.home.example. is elsewhere"},
		{host(Host{Name: "7.32.168.192.in-addr.arpa.", Addrs: one}),
			"host 7.32.168.192.in-addr.arpa.: names in in-addr.arpa and ip6.arpa follow from addresses"},
		// Records.
		{record(Record{Name: "a..b", TXT: []string{""}}), "record a..b: want a domain name; a star may be its first label"},
		{record(Record{Name: "a.*", TXT: []string{""}}), "record a.*: want a domain name; a star may be its first label"},
		{record(Record{Name: "*.", TXT: []string{""}}), "record *.: the root is not of the house"},
		{record(Record{Name: ".", TXT: []string{""}}), "record .: want a domain name; a star may be its first label"},
		{record(Record{Name: "n"}), "record n: it says nothing"},
		{record(Record{Name: "n", TXT: []string{""}, TTL: 1 << 31}), "record n: a TTL of 2147483648 seconds: want at most 2147483647 (RFC 2181 8)"},
		{record(Record{Name: "web1", CNAME: "web2"}), "host web1: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "www", CNAME: "web2"}), "alias of web1: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "pc1", CNAME: "web2"}), "host pc1: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "@", CNAME: "web2"}), "record @: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "n", CNAME: "web2", TXT: []string{"x"}}), "record n: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "n", CNAME: "web2"}, Record{Name: "N", CNAME: "web1"}),
			"record N: it stands for another name, and says more (RFC 1034 3.6.2)"},
		{record(Record{Name: "n", TXT: []string{"x", "x"}}), "record n: it says the same twice"},
		{record(Record{Name: "n", CNAME: "b d"}), `record n: target "b d": want a domain name`},
		{record(Record{Name: "n", CNAME: "."}), "record n: it stands for the root"},
		{record(Record{Name: "n", CNAME: "n"}), "record n: it leads from name to name, more than 8 times or in a circle"},
		{record(Record{Name: "*.n", CNAME: "x.n"}), "record *.n: it leads from name to name, more than 8 times or in a circle"},
		{record(Record{Name: "n", CNAME: "o"}, Record{Name: "o", CNAME: "n"}),
			"record n: it leads from name to name, more than 8 times or in a circle\nrecord o: it leads from name to name, more than 8 times or in a circle"},
		{record(Record{Name: "n", CNAME: "x.web1"}), "record n: x.web1.home.example. does not exist"},
		{record(Record{Name: "n", CNAME: "localhost."}), "record n: localhost. is not of the house"},
		{record(Record{Name: "n", CNAME: "x.test."}), "record n: x.test. does not exist"},
		{record(Record{Name: "n", MX: []MX{{1, "shop"}}}), "record n: shop.home.example. stands for another name (RFC 2181 10.3)"},
		{record(Record{Name: "n", SRV: []SRV{{1, 1, 1, "x.apps"}}}), "record n: x.apps.home.example. stands for another name (RFC 2181 10.3)"},
		{record(Record{Name: "n", CAA: []CAA{{0, "is-sue", ""}}}), "record n: CAA tag \"is-sue\": want 1 to 15 letters and digits\nrecord n: it says nothing"},
		{record(Record{Name: "n", TXT: []string{strings.Repeat("a", maxSet), strings.Repeat("b", 300)}}),
			fmt.Sprintf("record n: %d bytes of one type: want at most %d", maxSet+65+300+2+2*recordLen, maxSet)},
		// Services.
		{service(Service{Type: "ntp", Host: "web1", Port: 1}), "service ntp: want a type such as _ntp._udp (RFC 6335 5.1)"},
		{service(Service{Type: "_ntp._sctp", Host: "web1", Port: 1}), "service _ntp._sctp: want a type such as _ntp._udp (RFC 6335 5.1)"},
		{service(Service{Type: "_x._udp", Host: "web1"}), "service _x._udp: no port"},
		{service(Service{Type: "_x._udp", Host: "q.web1", Port: 9}), "service _x._udp: q.web1.home.example. does not exist"},
		{service(Service{Type: "_x._udp", Host: "web1", Port: 9, Text: []string{"a"}}), "service _x._udp: texts are told of an instance only"},
		{service(Service{Type: "_x._udp", Host: "web1", Port: 9, Instance: strings.Repeat("x", 64)}),
			"service _x._udp " + strings.Repeat("x", 64) + ": an instance has at most 63 bytes"},
		{service(Service{Type: "_x._udp", Host: "web1", Port: 9, Instance: "I", Text: []string{strings.Repeat("x", 256)}}),
			"service _x._udp I: a text of 256 bytes: want at most 255"},
		{service(Service{Type: "_ipp._tcp", Host: "web1", Port: 9, Instance: "other"}),
			"service _ipp._tcp other: the name is that of a service already"},
	} {
		conf := home()
		c.change(&conf)
		got := "nothing"
		if err := conf.Check(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("is   %s\nwant %s", got, c.want)
		}
	}
}

// TestMailForNobody has the targets that say that there is nothing.
func TestMailForNobody(t *testing.T) {
	c := home()
	c.Records = append(c.Records, Record{Name: "n", MX: []MX{{0, "."}}, SRV: []SRV{{0, 0, 0, "."}}})
	r, a := ask(t, build(t, c), "n.home.example", typeMX)
	if got := inWords(r, a); got != "300 IN MX 0 ." {
		t.Error(got)
	}
}
