package zone

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// addrsOf returns the addresses of a name, in their order.
func addrsOf(t *testing.T, table *Table, name string) string {
	t.Helper()
	var all []string
	for _, typ := range []uint16{typeA, typeAAAA} {
		r, _ := ask(t, table, name, typ)
		for _, rr := range r.Answer {
			all = append(all, dns.Field(rr, 1))
		}
	}
	return strings.Join(all, " ")
}

func nameOf(t *testing.T, table *Table, a string) string {
	t.Helper()
	r, _ := ask(t, table, arpa(addr(a)), dns.TypePTR)
	if len(r.Answer) == 0 {
		return ""
	}
	return r.Answer[0].(*dns.PTR).Ptr
}

func TestWhoseNameItIs(t *testing.T) {
	table := build(t, home(), lease("laptop", "192.168.32.150", "A"), lease("laptop", "192.168.32.151", "B"))
	step := func(what string, want ...string) {
		t.Helper()
		got := []string{addrsOf(t, table, "laptop.home.example"), nameOf(t, table, "192.168.32.150"), nameOf(t, table, "192.168.32.151"),
			nameOf(t, table, "192.168.33.50")}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	name := "laptop.home.example."
	step("who was first has it", "192.168.32.150", name, "", "")
	table = table.With(t0, lease("laptop", "192.168.32.151", "B"))
	step("who renews is no earlier", "192.168.32.150", name, "", "")
	table = table.With(t0, lease("LAPTOP.Home.Example", "192.168.33.50", "A"))
	step("it is plugged in elsewhere", "192.168.33.50", name, "", name)
	table = table.With(t0, lease("laptop", "2001:db8:0:20::50", "A"), lease("laptop", "2001:db8:0:20::51", "A"))
	step("it has IPv6 too", "192.168.33.50 2001:db8:0:20::51 2001:db8:0:20::50", name, "", name)
	table = table.With(t0, lease("laptop", "192.168.32.150", "A"))
	step("and comes back", "192.168.32.150 2001:db8:0:20::51 2001:db8:0:20::50", name, "", name)
	table = table.With(t0, Lease{Addr: addr("192.168.32.150")}, Lease{Addr: addr("192.168.33.50")}, Lease{Addr: addr("2001:db8:0:20::50")})
	step("its last lease is for IPv6", "2001:db8:0:20::51", "", "", "")
	before := table
	table = table.With(t0, Lease{Addr: addr("2001:db8:0:20::51"), Name: "laptop", Client: "A", Until: t0})
	step("the next gets it", "192.168.32.151", "", name, "")
	table, before = before, table
	step("the table of before stays as it is", "2001:db8:0:20::51", "", "", "")
	table = before.With(t0, lease("tablet", "192.168.32.151", "B"))
	step("it has another name now, and the wildcard has its old one", "192.168.32.98", "", "tablet.home.example.", "")
}

func TestLeasesEnd(t *testing.T) {
	table := build(t, home())
	if !table.Next().IsZero() {
		t.Fatal("a lease to end, and none there")
	}
	for i := range 100 {
		l := lease(fmt.Sprintf("pc-%d", i), fmt.Sprintf("10.64.0.%d", i+1), "A")
		l.Until = t0.Add(time.Duration(i+1) * time.Minute)
		table = table.With(t0, l)
	}
	for i := range 100 {
		end := t0.Add(time.Duration(i+1) * time.Minute)
		if table.Next().After(end) || table.Leases() != 100-i {
			t.Fatalf("at %d: %d leases, the next ends %s", i, table.Leases(), table.Next())
		}
		name := fmt.Sprintf("pc-%d", i)
		if table = table.With(end.Add(-1)); addrsOf(t, table, name) == "" {
			t.Fatalf("%s has gone before its time", name)
		}
		if table = table.With(end); addrsOf(t, table, name) != "" || nameOf(t, table, fmt.Sprintf("10.64.0.%d", i+1)) != "" {
			t.Fatalf("%s is still there", name)
		}
	}
	if table.Leases() != 0 || !table.Next().IsZero() {
		t.Fatal("leases are left over")
	}
}

func TestRefusedLeases(t *testing.T) {
	table := build(t, home())
	for _, c := range []struct{ name, addr, client, want string }{
		{"laptop", "192.168.32.150", "A", ""},
		{"9-to-5", "192.168.32.150", "A", ""},
		{"Laptop.HOME.example", "192.168.32.150", "A", ""},
		{"pc1", "192.168.32.150", "00:16:3e:20:00:21", ""},
		{"pc1", "192.168.32.150", "A", "the site has the name pc1"},
		{"web1", "192.168.32.150", "A", "the site has the name web1"},
		{"WWW", "192.168.32.150", "A", "the site has the name www"},
		{"firewall", "192.168.32.150", "A", "the site has the name firewall"},
		{"gw", "192.168.32.150", "A", "the site has the name gw"},
		{"shop", "192.168.32.150", "A", "the site has the name shop"},
		{"apps", "192.168.32.150", "A", "the site has the name apps"},
		{"lab", "192.168.32.150", "A", "the site has the name lab"},
		{"wpad", "192.168.32.150", "A", "wpad is a name that nobody may have"},
		{"ISATAP", "192.168.32.150", "A", "isatap is a name that nobody may have"},
		{"localhost", "192.168.32.150", "A", "localhost is a name that nobody may have"},
		{"wpad.home.example", "192.168.32.150", "A", "wpad is a name that nobody may have"},
		{"laptop.evil.example", "192.168.32.150", "A", `"laptop.evil.example" is no host name of home.example`},
		{"a.laptop.home.example", "192.168.32.150", "A", `"a.laptop.home.example" is no host name of home.example`},
		{"home.example", "192.168.32.150", "A", `"home.example" is no host name of home.example`},
		{".home.example", "192.168.32.150", "A", `".home.example" is no host name of home.example`},
		{"", "192.168.32.150", "A", `"" is no host name of home.example`},
		{"*", "192.168.32.150", "A", `"*" is no host name of home.example`},
		{"_tcp", "192.168.32.150", "A", `"_tcp" is no host name of home.example`},
		{"-a", "192.168.32.150", "A", `"-a" is no host name of home.example`},
		{"a b", "192.168.32.150", "A", `"a b" is no host name of home.example`},
		{"a\x00", "192.168.32.150", "A", `"a\x00" is no host name of home.example`},
		{"küche", "192.168.32.150", "A", `"küche" is no host name of home.example`},
		{"\u212aitchen", "192.168.32.150", "A", ""}, // the sign of Kelvin is a k in lower case
		{strings.Repeat("x", 64), "192.168.32.150", "A", `"` + strings.Repeat("x", 64) + `" is no host name of home.example`},
		{strings.Repeat("x", 63), "192.168.32.150", "A", ""},
		{strings.Repeat("x", 300), "192.168.32.150", "A", "its name is longer than 255 bytes"},
		{"laptop", "8.8.8.8", "A", "8.8.8.8 is on no network of the house"},
		{"laptop", "192.168.33.200", "A", "192.168.33.200 is on no network of the house"},
		{"laptop", "192.168.32.1", "A", "192.168.32.1 is the address of firewall.home.example."},
		{"laptop", "192.168.32.11", "A", "192.168.32.11 is the address of web1.home.example."},
	} {
		l := lease(c.name, c.addr, c.client)
		got := ""
		if err := table.Refuse(l); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q %s: %q, want %q", c.name, c.addr, got, c.want)
		}
		if n := table.With(t0, l).Leases(); (n == 1) != (c.want == "") {
			t.Errorf("%q: %d leases", c.name, n)
		}
	}
	if err := table.Refuse(Lease{Name: "x", Until: t0}); err == nil {
		t.Error("a lease without an address is taken")
	}
}

// TestManyLeases takes and ends leases at random, and compares with the list of them.
func TestManyLeases(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table, m := build(t, home()), newModel(home())
	for i := range 3000 {
		var some []Lease
		for range 1 + r.IntN(3) {
			l := Lease{Name: fmt.Sprintf("pc-%d", r.IntN(150)), Client: fmt.Sprint(r.IntN(40)), Until: t0.Add(time.Hour),
				Addr: netip.AddrFrom4([4]byte{10, 64, byte(r.IntN(2)), byte(r.IntN(200))})}
			if r.IntN(3) == 0 {
				l.Until = t0
			}
			some = append(some, l)
			m.take(l, l.Until.Equal(t0))
		}
		table = table.With(t0, some...)
		if table.Leases() != len(m.leases) {
			t.Fatalf("step %d: %d leases, want %d", i, table.Leases(), len(m.leases))
		}
		for range 5 {
			name := pick(r, fmt.Sprintf("pc-%d.home.example.", r.IntN(150)), arpa(netip.AddrFrom4([4]byte{10, 64, byte(r.IntN(2)), byte(r.IntN(200))})))
			typ := pick[uint16](r, typeA, typePTR, typeAAAA)
			if got, want := askedOf(t, table, name, typ), m.answer(name, typ); got.String() != want.String() {
				t.Fatalf("step %d: %s: %s, want %s", i, name, got, want)
			}
		}
	}
}
