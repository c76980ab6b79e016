package resolver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

func TestWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t, Limits{}), newClient("192.168.32.10")
		local := l.send(c, query("WEB.home.example.", dns.TypeA))
		says(t, "a name of the house", local, dns.RcodeSuccess, "192.168.32.10")
		if local != nil && (!local.Authoritative || local.Question[0].Name != "WEB.home.example.") {
			t.Errorf("%v", local)
		}
		says(t, "a type that it has not", l.send(c, query("web.home.example.", dns.TypeHTTPS)), dns.RcodeSuccess, "")
		says(t, "no such name", l.send(c, query("none.home.example.", dns.TypeA)), dns.RcodeNameError, "")

		says(t, "outside", l.resolved(c, "www.example.net."), dns.RcodeSuccess, "192.0.2.80")
		cached := l.send(c, query("www.example.net.", dns.TypeA))
		says(t, "from the cache", cached, dns.RcodeSuccess, "192.0.2.80")
		if cached != nil && cached.Answer[0].Header().Ttl >= 300 {
			t.Errorf("TTL %d ten seconds later", cached.Answer[0].Header().Ttl)
		}
		if n := l.questions(); n != 1 {
			t.Errorf("asked %d times", n)
		}

		m := query("www.example.net.", dns.TypeA)
		m.RecursionDesired = false
		says(t, "not to be resolved", l.send(c, m), dns.RcodeRefused, "")

		for _, m := range []*dns.Msg{query("away.home.example.", dns.TypeA), query("web.home.example.", dns.TypeANY)} {
			if reply := l.send(c, m); reply != nil && m.Question[0].Qtype != dns.TypeANY {
				t.Errorf("%v at once", reply)
			}
		}
		synctest.Wait()
		if got := c.take(t); len(l.served) == 0 || len(got) != len(l.served) {
			t.Errorf("the full server served %v, and %d replies came", l.served, len(got))
		}
		if s := l.Stats(); s.InFlight != 0 || s.Clients != 0 || s.Outcomes["asked"] != 1 || s.Outcomes["cached"] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAskedOnce: equal questions of several clients are asked once, each is answered, and a late one from the
// cache.
func TestAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Limits{})
		l.becomes(time.Second, l.answer)
		var clients []client
		for i := range 20 {
			c := newClient(fmt.Sprintf("192.168.32.%d", 10+i))
			clients = append(clients, c)
			m := query("www.example.net.", dns.TypeA)
			m.Id = uint16(1000 + i)
			if l.send(c, m) != nil {
				t.Error("a reply before there can be one")
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for i, c := range clients {
			got := c.take(t)
			if len(got) != 1 || got[0].Id != uint16(1000+i) {
				t.Fatalf("client %d got %v", i, got)
			}
			says(t, "all", got[0], dns.RcodeSuccess, "192.0.2.80")
		}
		if n := l.questions(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestNobodyAnswers: it is remembered for a second that nobody has an answer, and an old one is better than
// none.
func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t, Limits{}), newClient("192.168.32.10")
		answers := l.answer
		l.becomes(0, down)
		m := query("www.example.net.", dns.TypeA)
		m.SetEdns0(1232, false)
		l.send(c, m)
		synctest.Wait()
		got := c.take(t)
		if len(got) != 1 || got[0].Rcode != dns.RcodeServerFailure || extended(got[0]) != wire.NoReachableUpstream {
			t.Fatalf("%v", got)
		}
		says(t, "remembered", l.send(c, query("www.example.net.", dns.TypeA)), dns.RcodeServerFailure, "")
		if n := l.questions(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		l.PathChanged()
		l.becomes(0, answers)
		says(t, "by another way", l.resolved(c, "www.example.net."), dns.RcodeSuccess, "192.0.2.80")

		time.Sleep(301 * time.Second)
		l.becomes(0, down)
		m.Id++
		l.send(c, m)
		synctest.Wait()
		if got = c.take(t); len(got) != 1 || extended(got[0]) != wire.StaleAnswer {
			t.Fatalf("%v", got)
		}
		says(t, "an old answer", got[0], dns.RcodeSuccess, "192.0.2.80")
		at := l.send(c, m)
		says(t, "at once", at, dns.RcodeSuccess, "192.0.2.80")
		if got := at.Answer[0].Header().Ttl; got != 30 { // RFC 8767 4
			t.Errorf("TTL %d", got)
		}
	})
}

// TestSlow: who waits for a slow server gets an old answer after 1.8 seconds, and the new one is kept.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t, Limits{}), newClient("192.168.32.10")
		says(t, "first", l.resolved(c, "www.example.net."), dns.RcodeSuccess, "192.0.2.80")
		time.Sleep(300 * time.Second)
		l.becomes(3*time.Second, func(q dns.Question) (*dns.Msg, error) { return address(q, 300, "192.0.2.81"), nil })
		begin := time.Now()
		if got := l.send(c, query("www.example.net.", dns.TypeA)); got != nil {
			t.Errorf("%v at once", got)
		}
		time.Sleep(patience - time.Millisecond)
		synctest.Wait()
		if got := c.take(t); len(got) != 0 {
			t.Errorf("%v after %v", got, time.Since(begin))
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := c.take(t); len(got) != 1 {
			t.Errorf("%v after %v", got, time.Since(begin))
		} else {
			says(t, "the old one", got[0], dns.RcodeSuccess, "192.0.2.80")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := c.take(t); len(got) != 0 {
			t.Errorf("a second reply: %v", got)
		}
		says(t, "the new one", l.send(c, query("www.example.net.", dns.TypeA)), dns.RcodeSuccess, "192.0.2.81")
	})
}

// TestRefresh: a name that is asked for is asked again before its answer runs out, and nobody waits.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t, Limits{}), newClient("192.168.32.10")
		l.resolved(c, "www.example.net.")
		for range 100 {
			time.Sleep(10 * time.Second)
			if l.send(c, query("www.example.net.", dns.TypeA)) == nil {
				t.Fatal("somebody has to wait")
			}
			synctest.Wait()
		}
		if n := l.questions(); n < 3 || n > 5 {
			t.Errorf("asked %d times in 1000 seconds with TTLs of 300", n)
		}
	})
}

// TestShares: one client, or several, cannot take what another needs; one alone gets half of what is there
// for those whose address may be forged.
func TestShares(t *testing.T) {
	for _, floods := range []int{1, 5, 40} {
		t.Run(fmt.Sprint(floods), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, Limits{})
				l.o.Shares = ratelimit.NewShares(400, 10*time.Millisecond, 1024, 1, time.Now())
				l.becomes(0, nil) // never
				for n := range 20_000 {
					c := newClient(fmt.Sprintf("192.168.32.%d", 10+n%floods))
					if l.send(c, query(fmt.Sprintf("n%d.example.net.", n), dns.TypeA)) != nil {
						t.Fatal("an answer that nobody has")
					}
				}
				synctest.Wait()
				const places = 256 - 32
				if s := l.Stats(); s.InFlight > places || s.Clients != floods || floods == 1 && s.InFlight != places/2 {
					t.Errorf("%d under way of %d clients", s.InFlight, s.Clients)
				}
				l.becomes(0, func(q dns.Question) (*dns.Msg, error) { return address(q, 300, "192.0.2.80"), nil })
				c := newClient("192.168.32.200")
				says(t, "a name of the house", l.send(c, query("web.home.example.", dns.TypeA)), dns.RcodeSuccess, "192.168.32.10")
				if floods > 5 {
					c.stream = true // its address is not forged
				}
				l.send(c, query("www.example.net.", dns.TypeA))
				synctest.Wait()
				if got := c.take(t); len(got) != 1 {
					t.Errorf("another client has %d replies", len(got))
				}
				l.becomes(0, down)
			})
		})
	}
}

// TestServing: what only the full server answers has its bounds too.
func TestServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t, Limits{}), newClient("192.168.32.10")
		l.becomes(0, nil)
		for range 200 {
			l.send(c, query("web.home.example.", dns.TypeAXFR))
		}
		synctest.Wait()
		if len(l.served) != 16 {
			t.Errorf("%d at a time", len(l.served))
		}
		other := newClient("192.168.32.11")
		l.send(other, query("web.home.example.", dns.TypeAXFR))
		synctest.Wait()
		if len(l.served) != 17 {
			t.Error("another has to wait")
		}
		c.stream = true
		says(t, "over TCP one is told", l.send(c, query("web.home.example.", dns.TypeAXFR)), dns.RcodeServerFailure, "")
		time.Sleep(askTime)
		synctest.Wait()
		if s := l.Stats(); s.InFlight != 0 || s.Clients != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Limits{})
		name, err := wire.ParseText("www.example.net")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b, err := l.Lookup(t.Context(), name, dns.TypeA, false, false)
			m := new(dns.Msg)
			if err != nil || m.Unpack(b) != nil {
				t.Fatalf("%x, %v", b, err)
			}
			says(t, "looked up", m, dns.RcodeSuccess, "192.0.2.80")
		}
		if n := l.questions(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		l.Close()
		if _, err := l.Lookup(t.Context(), append([]byte{1, 'x'}, name...), dns.TypeA, false, false); err == nil {
			t.Error("a closed one looks up")
		}
	})
}

// TestNoGarbage: an answer that is here is made without an allocation.
func TestNoGarbage(t *testing.T) {
	r := New(Options{Table: house(t)})
	defer r.Close()
	w, c := r.Worker(), Sender(newClient("192.168.32.10"))
	var q wire.Query
	name, _ := wire.ParseText("www.example.net")
	q.Ask(name, wire.TypeA, r.seed)
	answer, err := address(dns.Question{Name: "www.example.net.", Qtype: dns.TypeA, Qclass: dns.ClassINET}, 300, "192.0.2.80").Pack()
	if err != nil {
		t.Fatal(err)
	}
	e := wire.NewExtract(wire.DefaultBounds())
	if e.Take(&q, answer) != wire.Good || !r.cache.Put(e, time.Now()) {
		t.Fatal("not to be kept")
	}
	for _, name := range []string{"web.home.example.", "www.example.net.", "none.home.example."} {
		m := query(name, dns.TypeA)
		m.SetEdns0(1232, true)
		msg, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if name == "www.example.net." {
			m.Extra = nil
			msg, _ = m.Pack()
		}
		dst, now := make([]byte, 0, 2048), time.Now()
		if allocs := testing.AllocsPerRun(100, func() { dst = w.Respond(now, dst[:0], msg, c) }); allocs != 0 || len(dst) == 0 {
			t.Errorf("%s: %v allocations, %d bytes", name, allocs, len(dst))
		}
	}
}
