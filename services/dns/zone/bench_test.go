package zone

import (
	"fmt"
	"net/netip"
	"testing"
)

// crowd is a house with n hosts, a third of them with IPv6 too, a tenth with an alias.
func crowd(n int) Config {
	c := Config{Domain: "home.example", Router: Host{Name: "firewall", Addrs: []netip.Addr{addr("10.255.255.254")}},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:0:20::/64")}}
	for i := range n {
		h := Host{Name: fmt.Sprintf("host-%d", i), Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}}
		if i%3 == 0 {
			a := addr("2001:db8:0:20::").As16()
			a[13], a[14], a[15] = byte(i>>16), byte(i>>8), byte(i)+1
			h.Addrs = append(h.Addrs, netip.AddrFrom16(a))
		}
		if i%10 == 0 {
			h.Aliases = []string{fmt.Sprintf("alias-%d", i)}
		}
		c.Hosts = append(c.Hosts, h)
	}
	c.Hosts[0].Addrs[0] = addr("10.255.0.1")
	return c
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		c := crowd(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Build(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAnswer asks a crowd of any size: half A, a third AAAA, some PTR, some that
// do not exist, in an order that no cache likes.
func BenchmarkAnswer(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		table, err := Build(crowd(n))
		if err != nil {
			b.Fatal(err)
		}
		var questions []Query
		for i := range 1 << 14 {
			host := i * 7919 % n
			q := Query{Type: typeA, Class: classIN}
			q.Name, _ = appendName(nil, fmt.Sprintf("host-%d.home.example.", host), nil)
			switch i % 10 {
			case 5, 6, 7:
				q.Type = typeAAAA
			case 8:
				q.Type, q.Name = typePTR, appendReverse(nil, netip.AddrFrom4([4]byte{10, byte(host >> 16), byte(host >> 8), byte(host)}), 32)
			case 9:
				q.Name, _ = appendName(nil, fmt.Sprintf("nobody-%d.home.example.", host), nil)
			}
			questions = append(questions, q)
		}
		buf := make([]byte, 0, 4096)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Answer(buf, questions[i&(1<<14-1)])
			}
		})
	}
}

func BenchmarkNotLocal(b *testing.B) {
	table, err := Build(crowd(10_000))
	if err != nil {
		b.Fatal(err)
	}
	wire, _ := appendName(nil, "www.google.com.", nil)
	buf := make([]byte, 0, 4096)
	for b.Loop() {
		if a := table.Answer(buf, Query{Name: wire, Type: typeA, Class: classIN}); a.Kind != NotLocal {
			b.Fatal(a)
		}
	}
}

// BenchmarkWith takes one lease over a crowd of hosts and of leases.
func BenchmarkWith(b *testing.B) {
	for _, n := range []int{0, 1000, 10_000, 100_000} {
		table, err := Build(crowd(10_000), neighbours(n)...)
		if err != nil {
			b.Fatal(err)
		}
		l := lease("laptop", "10.200.0.1", "A")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.With(t0, l)
			}
		})
	}
}

func BenchmarkLeases(b *testing.B) {
	table, err := Build(crowd(10_000))
	if err != nil {
		b.Fatal(err)
	}
	all := neighbours(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if got := table.With(t0, all...); got.Leases() != len(all) {
			b.Fatal(got.Leases())
		}
	}
}

func neighbours(n int) []Lease {
	var all []Lease
	for i := range n {
		l := lease(fmt.Sprintf("phone-%d", i), "10.99.0.0", fmt.Sprintf("card-%d", i))
		l.Addr = netip.AddrFrom4([4]byte{10, 100 + byte(i>>16), byte(i >> 8), byte(i)})
		all = append(all, l)
	}
	return all
}
