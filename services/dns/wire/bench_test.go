package wire

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// houseName is the i-th name of a cache, of a usual length.
func houseName(i int) []byte {
	name := append([]byte{8}, fmt.Sprintf("host%04d", i%10_000)...)
	name = append(name, fmt.Sprintf("\x07zone%03d", i/10_000)...)
	return append(name, "\x07example\x03com\x00"...)
}

// fill makes a cache of so many answers, a quarter of them with an alias, as in the figures of the prototype.
func fill(b *testing.B, n int) (*Cache, [][]byte) {
	b.Helper()
	c := NewCache(CacheConfig{Bytes: 300 * n, Stale: time.Hour}, start())
	e, q := NewExtract(DefaultBounds()), new(Query)
	var queries [][]byte
	for i := range n {
		q.Ask(houseName(i), dns.TypeA, seed)
		text := Text(q.Name.Bytes())
		r := response{answer: []string{text + " 3600 IN A 192.0.2.1"}}
		if i%4 == 0 {
			r.answer = []string{text + " 3600 IN CNAME edge-" + text, "edge-" + text + " 3600 IN A 192.0.2.1"}
		}
		if f := e.Take(q, r.pack(q)); f != Good {
			b.Fatal(f)
		}
		c.Put(e, start())
		queries = append(queries, ask(text, dns.TypeA, edns(1232, false)))
	}
	if s := c.Stats(); s.Entries < n*98/100 {
		b.Fatalf("%+v", s)
	}
	return c, queries
}

// processor is the time that the processors have worked for this process.
func processor(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// measured has a benchmark report its processor time for each of its steps, which says more than the time
// that passed on a machine that does other things too.
func measured(b *testing.B) func() {
	b.ReportAllocs()
	start := processor(b)
	return func() { b.ReportMetric(float64(processor(b)-start)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkCached is all that the front does for a cached answer beside the kernel's part.
func BenchmarkCached(b *testing.B) {
	for _, n := range []int{6_000, 100_000} {
		for _, which := range []string{"alias", "mixed"} {
			b.Run(fmt.Sprintf("%d/%s", n, which), func(b *testing.B) {
				c, queries := fill(b, n)
				q, out, hits := new(Query), make([]byte, 0, 2048), 0
				defer measured(b)()
				for i := 0; b.Loop(); i++ {
					at := i * 7919 % n
					if which == "alias" {
						at &^= 3
					}
					if q.Parse(queries[at], seed) != Plain {
						b.Fatal("not plain")
					}
					var hit Hit
					out, hit = c.Append(out[:0], q, start().Add(time.Minute), false, ReplyOptions{})
					if hit.State == Fresh {
						hits++
					}
				}
				b.ReportMetric(float64(hits)/float64(b.N)*100, "%hit")
			})
		}
	}
}

// BenchmarkParts are the parts of it.
func BenchmarkParts(b *testing.B) {
	c, queries := fill(b, 6_000)
	q, out := new(Query), make([]byte, 0, 2048)
	b.Run("parse", func(b *testing.B) {
		defer measured(b)()
		for i := 0; b.Loop(); i++ {
			q.Parse(queries[i%len(queries)], seed)
		}
	})
	b.Run("miss", func(b *testing.B) {
		defer measured(b)()
		q.Ask(randomName(1), dns.TypeA, seed)
		for b.Loop() {
			out, _ = c.Append(out[:0], q, start(), false, ReplyOptions{})
		}
	})
	b.Run("local", func(b *testing.B) { // an answer of a table
		defer measured(b)()
		q.Parse(queries[0], seed)
		a := Answer{AA: true, Answers: 1, Records: raw("c00c 0001 0001 0000003c 0004 c0000201")}
		for b.Loop() {
			out = q.Append(out[:0], a, ReplyOptions{})
		}
	})
	b.Run("cookie", func(b *testing.B) {
		defer measured(b)()
		cookies, from := Cookies{Secret: [16]byte{1}}, netip.MustParseAddr("2001:db8::1")
		for b.Loop() {
			cookies.Make(q.ClientCookie, from, start())
		}
	})
	b.Run("admit", func(b *testing.B) { // an answer of an upstream, with an alias
		defer measured(b)()
		e := NewExtract(DefaultBounds())
		q.Parse(queries[0], seed)
		text := Text(q.Name.Bytes())
		msg := response{answer: []string{
			text + " 3600 IN CNAME edge-" + text, "edge-" + text + " 3600 IN A 192.0.2.1",
		}}.pack(q)
		for b.Loop() {
			if e.Take(q, msg) != Good || !c.Put(e, start()) {
				b.Fatal("not kept")
			}
		}
	})
	b.Run("flight", func(b *testing.B) { // 255 others are under way
		defer measured(b)()
		f := NewFlights(256, 16)
		for i := range 255 {
			q.Ask(randomName(i), dns.TypeA, seed)
			f.Join(q)
		}
		q.Ask(randomName(255), dns.TypeA, seed)
		for b.Loop() {
			ticket, _ := f.Join(q)
			f.Finish(ticket, func(Ticket) {})
		}
	})
}

// BenchmarkCachedByAll has a reader on each processor, with nobody writing and with one that writes all the
// time.
func BenchmarkCachedByAll(b *testing.B) {
	for _, writing := range []bool{false, true} {
		b.Run(fmt.Sprintf("writing=%v", writing), func(b *testing.B) {
			c, queries := fill(b, 6_000)
			stop, stopped := make(chan struct{}), make(chan int)
			go func() {
				e, q, puts := NewExtract(DefaultBounds()), new(Query), 0
				defer func() { stopped <- puts }()
				for writing {
					select {
					case <-stop:
						return
					default:
					}
					q.Ask(randomName(puts), dns.TypeA, seed)
					e.Take(q, negative(q))
					c.Put(e, start())
					puts++
				}
			}()
			done := measured(b)
			b.RunParallel(func(pb *testing.PB) {
				q, out := new(Query), make([]byte, 0, 2048)
				for i := 0; pb.Next(); i++ {
					q.Parse(queries[i*7919%len(queries)], seed)
					out, _ = c.Append(out[:0], q, start(), false, ReplyOptions{})
				}
			})
			done()
			close(stop)
			b.ReportMetric(float64(<-stopped)/float64(b.N), "puts/op")
		})
	}
}

// TestNoAllocations: a query that is answered costs no garbage, and neither does an answer that is put.
func TestNoAllocations(t *testing.T) {
	c := NewCache(CacheConfig{}, start())
	cookies, from := Cookies{Secret: [16]byte{1}}, netip.MustParseAddr("192.0.2.1")
	msg := ask("www.example.com.", dns.TypeA, edns(1232, true, &dns.EDNS0_COOKIE{
		Code: dns.EDNS0COOKIE, Cookie: "0102030405060708",
	}))
	q, e, out := new(Query), NewExtract(DefaultBounds()), make([]byte, 0, MaxUDP+16)
	q.Parse(msg, seed)
	upstream := response{answer: []string{
		"www.example.com. 300 IN CNAME b.example.org.", "b.example.org. 100 IN A 192.0.2.1",
	}}.pack(q)
	e.Take(q, upstream)
	c.Put(e, start())
	flights := NewFlights(8, 8)
	for name, f := range map[string]func(){
		"a cached answer": func() {
			q.Parse(msg, seed)
			o := ReplyOptions{Cookie: cookies.Make(q.ClientCookie, from, start())}
			if cookies.Check(q, from, start()) != CookieNew {
				t.Error("no cookie")
			}
			var hit Hit
			if out, hit = c.Append(out[:0], q, start(), false, o); hit.State != Fresh {
				t.Error("not cached")
			}
		},
		"an answer of an upstream": func() {
			if e.Take(q, upstream) != Good || !c.Put(e, start()) {
				t.Error("not put")
			}
		},
		"a failure": func() { c.Fail(q, start(), 0) },
		"a question under way": func() {
			ticket, _ := flights.Join(q)
			flights.Finish(ticket, func(Ticket) {})
		},
		"a rejection": func() { out = q.AppendRejection(out[:0], ReplyOptions{}) },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
