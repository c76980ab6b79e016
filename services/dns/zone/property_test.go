package zone

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// labels are few, so that names meet.
func someLabel(r *rand.Rand) string { return pick(r, "a", "b", "c", "d", "web1", "x-1") }

func someName(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		return someLabel(r)
	case 4, 5:
		return someLabel(r) + "." + someLabel(r)
	case 6:
		return "_s._tcp"
	}
	return someLabel(r) + "." + pick(r, "out.net.", "local.", "test.", "home.arpa.", "onion.", "lab.home.example.")
}

func someAddr(r *rand.Rand) netip.Addr {
	n := byte(1 + r.IntN(30))
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		return netip.AddrFrom4([4]byte{192, 168, 32, n})
	case 4, 5:
		return netip.AddrFrom4([4]byte{10, 3, n, n})
	case 6:
		return netip.AddrFrom4([4]byte{9, 9, 9, n})
	}
	a := addr("2001:db8:0:20::").As16()
	a[15] = n
	return netip.AddrFrom16(a)
}

func someAddrs(r *rand.Rand) []netip.Addr {
	var all []netip.Addr
	for range r.IntN(4) {
		if a := someAddr(r); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

func someRecord(r *rand.Rand) Record {
	rec := Record{Name: someName(r)}
	if r.IntN(3) == 0 {
		rec.Name = "*." + rec.Name
	}
	target := func() string { return pick(r, someName(r), someName(r), "shop.far.org.") }
	switch r.IntN(7) {
	case 0, 1:
		rec.CNAME = target()
	case 2:
		rec.SRV = []SRV{{uint16(r.IntN(3)), 5, 80, target()}, {7, 5, 81, target()}}
	case 3:
		rec.MX = []MX{{10, target()}}
	case 4:
		rec.TXT = []string{"t", strings.Repeat("y", r.IntN(600))}
	case 5:
		rec.CAA = []CAA{{0, "issue", "ca.example"}}
	case 6:
		rec.Addrs = someAddrs(r)
	}
	return rec
}

// someConfig makes a house; many contradict themselves.
func someConfig(r *rand.Rand) Config {
	c := Config{Domain: pick(r, "home.example", "home.example", "home.arpa", "lan", "x.local", "a.b.out.net"),
		Router: Host{Name: "fw", Addrs: []netip.Addr{addr("192.168.32.254")}}, Serial: r.Uint32()}
	for _, p := range []string{"192.168.32.0/24", "10.0.0.0/13", "9.9.9.0/28", "2001:db8:0:20::/62", "172.16.5.128/25", "2001:db8:1::/120"} {
		if r.IntN(2) == 0 {
			c.Networks = append(c.Networks, netip.MustParsePrefix(p))
		}
	}
	for range r.IntN(5) {
		h := Host{Name: someLabel(r), Addrs: someAddrs(r)}
		if r.IntN(3) == 0 {
			h.Clients = []string{pick(r, "A", "B", "C")}
		}
		if r.IntN(3) == 0 {
			h.Aliases = []string{someName(r)}
		}
		c.Hosts = append(c.Hosts, h)
	}
	for range r.IntN(6) {
		c.Records = append(c.Records, someRecord(r))
	}
	for range r.IntN(3) {
		s := Service{Type: pick(r, "_s._tcp", "_u._udp"), Host: pick(r, "fw", someLabel(r)), Port: uint16(1 + r.IntN(3))}
		if r.IntN(2) == 0 {
			s.Instance = pick(r, "One", "two. Three")
		}
		c.Services = append(c.Services, s)
	}
	if r.IntN(3) == 0 {
		c.Elsewhere = []string{pick(r, "lab.home.example.", "a", "168.192.in-addr.arpa.", "onion.", "c.out.net.")}
	}
	return c
}

func someLease(r *rand.Rand) Lease {
	return Lease{Name: pick(r, someLabel(r), someLabel(r), "lap", "lap", "pc.home.example", "wpad", "-x", "a.b", "x\x00y", ""),
		Addr: someAddr(r), Client: pick(r, "A", "B", "C"), Until: t0.Add(1 << 40)}
}

// questions returns names that are there, near those, or special.
func questions(r *rand.Rand, m *model) []string {
	all := []string{".", "com.", "www.google.com.", "localhost.", "x.localhost.", "local.", "q.local.", "invalid.", "x.test.", "onion.",
		"resolver.arpa.", "_dns.resolver.arpa.", "ipv4only.arpa.", "home.arpa.", "x.y.home.arpa.", "1.0.0.127.in-addr.arpa.",
		"in-addr.arpa.", "arpa.", "x.ip6.arpa.", "lab.home.example.", "a.lab.home.example."}
	for range 8 {
		all = append(all, m.whole(someName(r)), someLabel(r)+".", arpa(someAddr(r)), "lap."+m.domain, "lap.", "pc.")
	}
	for name := range m.records {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, name := range slices.Clone(all) {
		if _, end := dns.NextLabel(name, 0); !end {
			i, _ := dns.NextLabel(name, 0)
			all = append(all, name[i:], pick(r, "q.", "*.", "a.", "7.")+name[i:])
		}
		if name != "." {
			all = append(all, pick(r, "q.", "*.", "a.", "0.")+name, "q.q."+name)
		}
	}
	return slices.Compact(slices.DeleteFunc(all, func(s string) bool { _, ok := dns.IsDomainName(s); return !ok }))
}

// TestModel compares random houses with the model.
func TestModel(t *testing.T) {
	made, asked, kinds := 0, 0, map[string]int{}
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := someConfig(r)
		table, err := Build(c)
		if err != nil {
			continue
		}
		made++
		m := newModel(c)
		for range r.IntN(30) {
			l := someLease(r)
			if r.IntN(5) == 0 {
				l.Until = t0
			}
			table = table.With(t0, l)
			m.take(l, l.Until.Equal(t0))
		}
		if table.Leases() != len(m.leases) {
			t.Fatalf("seed %d: %d leases, the model has %d: %v", seed, table.Leases(), len(m.leases), m.leases)
		}
		for _, name := range questions(r, m) {
			typ := pick[uint16](r, 1, 1, 28, 5, 12, 12, 33, 16, 15, 2, 6, 43, 255, 257, 65, 252, 254)
			got, want := askedOf(t, table, name, typ), m.answer(name, typ)
			if got.String() != want.String() {
				t.Fatalf("seed %d: %s %s\n is   %s\n want %s\n%+v\n%+v", seed, name, dns.TypeToString[typ], got, want, c, m.leases)
			}
			asked++
			kinds[fmt.Sprint(want.kind, want.rcode, len(want.answers) > 0, want.soa != "")]++
		}
	}
	if made < 100 || len(kinds) < 8 {
		t.Errorf("%d houses, %d questions, answers of kinds %v: not enough", made, asked, kinds)
	}
	t.Logf("%d houses, %d questions, %v", made, asked, kinds)
}

// askedOf asks in any case.
func askedOf(t *testing.T, table *Table, name string, typ uint16) modelled {
	t.Helper()
	mixed := []byte(name)
	for i := range mixed {
		if i%2 == 0 && mixed[i] >= 'a' && mixed[i] <= 'z' {
			mixed[i] -= 'a' - 'A'
		}
	}
	r, a := ask(t, table, string(mixed), typ)
	if r.Question[0].Name != string(mixed) {
		t.Fatalf("the question was %s, now it is %s", mixed, r.Question[0].Name)
	}
	got := modelled{kind: a.Kind, rcode: int(a.RCode)}
	for _, rr := range r.Answer {
		got.answers = append(got.answers, strings.ToLower(rr.String()))
	}
	for _, rr := range r.Ns {
		got.soa = strings.ToLower(rr.Header().Name)
	}
	if a.Kind == Outside {
		got.target = display(a.Target)
	}
	slices.Sort(got.answers)
	return got
}
