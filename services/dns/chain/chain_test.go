package chain

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// far is a world whose servers follow no alias.
func far(t testing.TB) *world {
	return newWorld(t).has(
		"shops.far.org. 300 A 198.51.100.7", "shops.far.org. 300 AAAA 2001:db8:ffff::7",
		"one.far.org. 300 CNAME two.far.org.", "two.far.org. 300 CNAME shops.far.org.",
		"circle.far.org. 300 CNAME round.far.org.", "round.far.org. 300 CNAME circle.far.org.",
		"self.far.org. 300 CNAME self.far.org.",
		"gone.far.org. 300 CNAME nothing.far.org.",
		"bad.far.org. 300 A 192.168.32.11", "bad.far.org. 300 A 198.51.100.8",
		"tobad.far.org. 300 CNAME bad.far.org.",
		"home.far.org. 300 CNAME web1.home.example.",
		"back.far.org. 300 CNAME shop2.home.example.",
		"nohome.far.org. 300 CNAME nobody.home.example.",
	)
}

func TestAnswers(t *testing.T) {
	const soa = "home.example. SOA -"
	for _, c := range []struct{ question, want string }{
		// The house.
		{"web1.home.example A", "NOERROR, aa, web1.home.example. A 192.168.32.11"},
		{"web1.home.example HTTPS", "NOERROR, aa, " + soa},
		{"nobody.home.example A", "NXDOMAIN, aa, " + soa},
		{"11.32.168.192.in-addr.arpa PTR", "NOERROR, aa, 11.32.168.192.in-addr.arpa. PTR web1.home.example."},
		{"web1.home.example ANY", `NOERROR, aa, web1.home.example. HINFO "RFC8482" ""`},
		{"x.apps.home.example A", "NOERROR, aa, x.apps.home.example. CNAME web1.home.example., web1.home.example. A 192.168.32.11"},
		{"shop.home.example CNAME", "NOERROR, aa, shop.home.example. CNAME shops.far.org."},
		{"shop.home.example ANY", "NOERROR, aa, shop.home.example. CNAME shops.far.org."},
		// Names of the house that lead outside.
		{"shop.home.example A", "NOERROR, aa, shop.home.example. CNAME shops.far.org., shops.far.org. A 198.51.100.7"},
		{"ShOp2.home.example AAAA", "NOERROR, aa, ShOp2.home.example. CNAME shop.home.example., shop.home.example. CNAME shops.far.org., shops.far.org. AAAA 2001:db8:ffff::7"},
		{"shop.home.example TXT", "NOERROR, aa, shop.home.example. CNAME shops.far.org., . SOA -"},
		{"back.out.net A", "NOERROR, aa, back.out.net. CNAME shops.far.org., shops.far.org. A 198.51.100.7"},
		// Names outside.
		{"shops.far.org A", "NOERROR, shops.far.org. A 198.51.100.7"},
		{"shops.far.org MX", "NOERROR, . SOA -"},
		{"nothing.far.org A", "NXDOMAIN, . SOA -"},
		{"one.far.org A", "NOERROR, one.far.org. CNAME two.far.org., two.far.org. CNAME shops.far.org., shops.far.org. A 198.51.100.7"},
		{"one.far.org CNAME", "NOERROR, one.far.org. CNAME two.far.org."},
		{"gone.far.org A", "NXDOMAIN, gone.far.org. CNAME nothing.far.org., . SOA -"},
		{"one.far.org MX", "NOERROR, one.far.org. CNAME two.far.org., two.far.org. CNAME shops.far.org., . SOA -"},
		{"shops.far.org ANY", `NOERROR, shops.far.org. HINFO "ANY obsoleted" "See RFC 8482"`},
		// Circles.
		{"circle.far.org A", "SERVFAIL"},
		{"self.far.org A", "SERVFAIL"},
		// Private addresses of strangers.
		{"bad.far.org A", "NOERROR, bad.far.org. A 198.51.100.8, ede 15"},
		{"tobad.far.org A", "NOERROR, tobad.far.org. CNAME bad.far.org., bad.far.org. A 198.51.100.8, ede 15"},
		{"bad.own.org A", "NOERROR, bad.own.org. CNAME web1.home.example., web1.home.example. A 192.168.32.11"},
		// Aliases outside that lead into the house.
		{"home.far.org A", "NOERROR, home.far.org. CNAME web1.home.example., ede 15"},
		{"home.far.org AAAA", "NOERROR, home.far.org. CNAME web1.home.example., web1.home.example. AAAA 2001:db8:0:20::11"},
		{"nohome.far.org A", "NXDOMAIN, nohome.far.org. CNAME nobody.home.example., " + soa},
		{"back.far.org A", "NOERROR, back.far.org. CNAME shop2.home.example., shop2.home.example. CNAME shop.home.example., shop.home.example. CNAME shops.far.org., shops.far.org. A 198.51.100.7"},
		// What nobody answers.
		{"home.example AXFR", "REFUSED"},
		{"far.org AXFR", "REFUSED"},
		{"far.org MAILA", "NOTIMP"},
		{"far.org TKEY", "NOTIMP"},
	} {
		w := far(t).has("bad.own.org. 300 CNAME web1.home.example.")
		server := w.chain("own.org")
		name, typ, _ := strings.Cut(c.question, " ")
		for _, stream := range []bool{false, true} {
			for _, edns := range []bool{false, true} {
				m := question(name, dns.StringToType[typ])
				want := c.want
				if edns {
					m.SetEdns0(4096, false)
				} else {
					want, _, _ = strings.Cut(want, ", ede") // there is no place for it
				}
				same(t, c.question, words(serve(t, server, m, stream)), want)
			}
		}
		for _, asked := range w.asked {
			if strings.Contains(asked, "home.example") || strings.Contains(asked, "ANY") {
				t.Errorf("%s: a stranger was asked for %s", c.question, asked)
			}
		}
	}
}

// What Ask returns is whole: with its OPT record, aliases followed, and who was asked.
func TestAsk(t *testing.T) {
	c := far(t).chain()
	for name, want := range map[string]string{
		"shops.far.org": "NOERROR, shops.far.org. A 198.51.100.7",
		"one.far.org":   "NOERROR, one.far.org. CNAME two.far.org., two.far.org. CNAME shops.far.org., shops.far.org. A 198.51.100.7",
		"bad.far.org":   "NOERROR, bad.far.org. A 198.51.100.8",
	} {
		r, server := ask(t, c, name, dns.TypeA)
		same(t, name, words(r), want)
		same(t, name, server, "192.0.2.53")
		if r.IsEdns0() == nil {
			t.Errorf("%s: no OPT record", name)
		}
	}
	r, server := ask(t, c, "web1.home.example", dns.TypeA) // it became one of the house meanwhile
	same(t, "web1", words(r)+server, "NOERROR, aa, web1.home.example. A 192.168.32.11")
	for _, m := range []*dns.Msg{question("far.org", dns.TypeANY), {}, question("far.org", dns.TypeAXFR)} {
		if said, err := c.Ask(t.Context(), packed(t, m)); !errors.Is(err, ErrQuery) {
			t.Errorf("%v: %v, %v", m, said, err)
		}
	}
}

// A long answer is whole for Ask and TCP, and cut for UDP.
func TestLong(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.has(fmt.Sprintf("long.far.org. 300 AAAA 2001:db8:ffff::%x", i))
	}
	c := w.chain()
	whole, _ := ask(t, c, "long.far.org", dns.TypeAAAA)
	m := question("long.far.org", dns.TypeAAAA)
	m.SetEdns0(4096, false)
	for what, r := range map[string]*dns.Msg{"Ask": whole, "TCP": serve(t, c, m, true)} {
		if len(r.Answer) != 200 || r.Truncated {
			t.Errorf("%s: %d records, truncated %v", what, len(r.Answer), r.Truncated)
		}
	}
	for _, name := range []string{"long.far.org AAAA", "_ldap._tcp.home.example SRV"} {
		name, typ, _ := strings.Cut(name, " ")
		m := question(name, dns.StringToType[typ])
		for _, size := range []uint16{0, 512, 1232, 4096} {
			if m.Extra = nil; size > 0 {
				m.SetEdns0(size, false)
			}
			if r := serve(t, c, m, false); !r.Truncated {
				t.Errorf("%s within %d: %d records, not truncated", name, size, len(r.Answer))
			}
		}
	}
}

// What the client wants of DNSSEC is asked of those outside, and nothing else of what it sends.
func TestWhatIsAsked(t *testing.T) {
	w := far(t)
	c := w.chain()
	var queries [][]byte
	w.raw = func(query []byte) []byte {
		queries = append(queries, bytes.Clone(query))
		return nil
	}
	m := question("one.far.org", dns.TypeA)
	m.CheckingDisabled = true
	m.SetEdns0(4096, true)
	m.IsEdns0().Option = []dns.EDNS0{
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(198, 51, 100, 0)},
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
	}
	c.Serve(t.Context(), packed(t, m), client, false)
	var asked dns.Msg
	if len(queries) != 1 || asked.Unpack(queries[0]) != nil {
		t.Fatalf("asked: %x", queries)
	}
	opt := asked.IsEdns0()
	if asked.Id != m.Id || !asked.CheckingDisabled || !asked.RecursionDesired || !opt.Do() || len(opt.Option) > 0 {
		t.Errorf("asked:\n%v", &asked)
	}
	m.RecursionDesired = false
	same(t, "without RD", words(serve(t, c, m, false)), "REFUSED")
	shop := question("shop.home.example", dns.TypeA)
	shop.RecursionDesired = false
	same(t, "the house without RD", words(serve(t, c, shop, false)), "NOERROR, aa, shop.home.example. CNAME shops.far.org.")
	if len(queries) != 1 {
		t.Error("asked without RD")
	}
}

// Validated data is said to be so only if all of it is.
func TestAuthenticated(t *testing.T) {
	w := far(t)
	c := w.chain()
	for _, x := range []struct {
		name      string
		validated func(name string) bool
		want      bool
	}{
		{"shops.far.org", func(string) bool { return true }, true},
		{"one.far.org", func(string) bool { return true }, true},
		{"one.far.org", func(name string) bool { return name != "two.far.org." }, false},
		{"shop.home.example", func(string) bool { return true }, false},
		{"bad.far.org", func(string) bool { return true }, false},
		{"home.far.org", func(string) bool { return true }, false},
	} {
		w.change = func(m *dns.Msg) { m.AuthenticatedData = x.validated(m.Question[0].Name) }
		m := question(x.name, dns.TypeA)
		m.SetEdns0(1232, true)
		if r := serve(t, c, m, false); r.AuthenticatedData != x.want {
			t.Errorf("%s: AD is %v", x.name, r.AuthenticatedData)
		}
	}
}

func TestFailures(t *testing.T) {
	refused := &net.OpError{Op: "read", Err: errors.New("connection refused")}
	for what, c := range map[string]struct {
		err      error
		extended uint16
		busy     bool
	}{
		"silence":          {fmt.Errorf("%w: 192.0.2.53: no answer", upstream.ErrNoAnswer), 22, false},
		"nobody to ask":    {upstream.ErrNoServer, 22, false},
		"no network":       {fmt.Errorf("%w: 192.0.2.53: %w", upstream.ErrNoAnswer, refused), 23, false},
		"a wrong clock":    {fmt.Errorf("%w: %w", upstream.ErrNoAnswer, upstream.ErrClock), 14, false},
		"too much":         {upstream.ErrBusy, 0, true},
		"time":             {context.DeadlineExceeded, 22, false},
		"nobody waits now": {context.Canceled, 0, false},
	} {
		w := far(t)
		w.err = c.err
		chain := w.chain()
		want := "SERVFAIL"
		if c.extended != 0 {
			want += fmt.Sprintf(", ede %d", c.extended)
		}
		for _, name := range []string{"shops.far.org", "shop.home.example"} {
			m := question(name, dns.TypeA)
			m.SetEdns0(1232, false)
			same(t, what+" "+name, words(serve(t, chain, m, false)), want)
			if log := w.logged(); !strings.Contains(log, c.err.Error()) || !strings.Contains(log, name) {
				t.Errorf("%s: the log is %q", what, log)
			}
		}
		said, err := chain.Ask(t.Context(), packed(t, question("shops.far.org", dns.TypeA)))
		if !errors.Is(err, c.err) || said.Extended != c.extended || errors.Is(err, resolver.ErrBusy) != c.busy {
			t.Errorf("%s: %+v, %v", what, said, err)
		}
	}
}

// A server that says no is told on: its message and its reason for Ask, SERVFAIL for clients.
func TestBadAnswers(t *testing.T) {
	w := far(t)
	c := w.chain()
	for _, name := range []string{"shops.far.org", "shop.home.example", "one.far.org"} {
		w.change = func(m *dns.Msg) {
			if strings.HasPrefix(m.Question[0].Name, "shops") {
				m.Answer, m.Ns, m.Rcode = nil, nil, dns.RcodeRefused
				m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeProhibited, ExtraText: "no"}}
			}
		}
		m := question(name, dns.TypeA)
		m.SetEdns0(1232, false)
		same(t, name, words(serve(t, c, m, false)), "SERVFAIL, ede 18")
	}
	said, err := c.Ask(t.Context(), packed(t, question("shops.far.org", dns.TypeA)))
	if err != nil || said.Extended != 18 || said.Server != "192.0.2.53" || said.Message[3]&15 != dns.RcodeRefused {
		t.Errorf("%+v, %v", said, err)
	}
	for what, raw := range map[string][]byte{
		"nothing": nil, "a header": make([]byte, 12), "garbage": bytes.Repeat([]byte{0xc0}, 100),
		"a strange answer": packed(t, new(dns.Msg).SetReply(question("other.org", dns.TypeA))),
	} {
		w.raw = func([]byte) []byte { return raw }
		for _, name := range []string{"shops.far.org", "shop.home.example"} {
			same(t, what, words(serve(t, c, question(name, dns.TypeA), false)), "SERVFAIL")
		}
	}
}

// Aliases are followed, and not for ever.
func TestManyAliases(t *testing.T) {
	w := newWorld(t).has("a9.far.org. 300 A 198.51.100.9")
	for i := range 9 {
		w.has(fmt.Sprintf("a%d.far.org. 300 CNAME a%d.far.org.", i, i+1))
	}
	c := w.chain()
	r := serve(t, c, question("a1.far.org", dns.TypeA), true)
	if len(r.Answer) != 9 || r.Answer[8].Header().Rrtype != dns.TypeA {
		t.Errorf("eight steps: %s", words(r))
	}
	w.asked = nil
	same(t, "nine steps", words(serve(t, c, question("a0.far.org", dns.TypeA), true)), "SERVFAIL")
	if len(w.asked) != 1+maxSteps {
		t.Errorf("asked: %v", w.asked)
	}
	// Without a proof of the absence, the target is asked for once, not again and again.
	w.change = func(m *dns.Msg) { m.Ns, m.Rcode = nil, dns.RcodeSuccess }
	w.has("x.far.org. 300 CNAME nothing.far.org.")
	w.asked = nil
	same(t, "no proof", words(serve(t, c, question("x.far.org", dns.TypeA), true)), "NOERROR, x.far.org. CNAME nothing.far.org.")
	if len(w.asked) != 2 {
		t.Errorf("asked: %v", w.asked)
	}
}

// A mistake in a plugin ends its question, and says so in our log, not in CoreDNS's.
func TestPanic(t *testing.T) {
	var std bytes.Buffer
	before := log.Writer()
	log.SetOutput(&std)
	defer log.SetOutput(before)
	w := far(t)
	w.raw = func([]byte) []byte { panic("oh") }
	c := w.chain()
	for _, name := range []string{"shops.far.org", "shop.home.example"} {
		same(t, name, words(serve(t, c, question(name, dns.TypeA), false)), "SERVFAIL")
	}
	if _, err := c.Ask(t.Context(), packed(t, question("far.org", dns.TypeA))); err == nil {
		t.Error("no error")
	}
	if l := w.logged(); !strings.Contains(l, "mistake of this program: oh") || !strings.Contains(l, "outside.go") {
		t.Errorf("the log is %q", l)
	}
	if std.Len() > 0 {
		t.Errorf("the log of the process: %q", std.String())
	}
}

// Whatever strangers do, lines of the log are few.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := far(t)
		w.err = upstream.ErrNoServer
		c := w.chain()
		for range 1000 {
			c.Serve(t.Context(), packed(t, question("a.far.org", dns.TypeA)), client, false)
		}
		if n := strings.Count(w.logged(), "\n"); n != logBurst {
			t.Errorf("%d lines", n)
		}
		time.Sleep(logEvery)
		c.Serve(t.Context(), packed(t, question("a.far.org", dns.TypeA)), client, false)
		if !strings.Contains(w.logged(), "left_out=990") {
			t.Error("it is not said how many were left out")
		}
	})
}

func TestReconfigure(t *testing.T) {
	w := far(t)
	c := w.chain()
	const all = "NOERROR, bad.far.org. A 192.168.32.11, bad.far.org. A 198.51.100.8"
	for _, x := range []struct {
		except []string
		want   string
	}{
		{nil, "NOERROR, bad.far.org. A 198.51.100.8"}, {[]string{"far.org"}, all},
		{[]string{"other.org"}, "NOERROR, bad.far.org. A 198.51.100.8"},
	} {
		r, err := upstream.NewRebind(x.except)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Reconfigure(r); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint(x.except), words(serve(t, c, question("bad.far.org", dns.TypeA), false)), x.want)
	}
	if err := c.Reconfigure(nil); err != nil {
		t.Fatal(err)
	}
	same(t, "without", words(serve(t, c, question("bad.far.org", dns.TypeA), false)), all)
}

// A client that has sent a cookie gets one with every reply: without, it would drop it (RFC 7873 5.3).
func TestCookies(t *testing.T) {
	w := far(t)
	c := w.chain()
	c.o.Cookie = func(q *wire.Query, from netip.Addr) wire.ServerCookie {
		if from != client.Addr() {
			t.Errorf("a cookie for %s", from)
		}
		return wire.ServerCookie{1, 0, 0, 0, q.ClientCookie[0]}
	}
	for _, m := range []*dns.Msg{
		question("shop.home.example", dns.TypeA), question("far.org", dns.TypeANY), question("far.org", dns.TypeAXFR),
	} {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "7702030405060708"}}
		r := serve(t, c, m, false)
		i := slices.IndexFunc(r.IsEdns0().Option, func(o dns.EDNS0) bool { return o.Option() == dns.EDNS0COOKIE })
		if i < 0 || !strings.HasPrefix(r.IsEdns0().Option[i].String(), "77020304050607080100000077") {
			t.Errorf("%s:\n%v", m.Question[0].String(), r)
		}
	}
}

// What is linked with CoreDNS has no flags: they would be those of every command in its program.
func TestNoFlags(t *testing.T) {
	flag.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") {
			t.Errorf("-%s: %s", f.Name, f.Usage)
		}
	})
}
