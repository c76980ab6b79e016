package run

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// tcOver truncates by a network, and answers by the other as it is told.
func tcOver(network string, other func(c call)) func(c call) {
	return func(c call) {
		if network == "both" || c.network == network {
			c.reply(func(m *dns.Msg) { m.Truncated, m.Answer = true, nil })
			return
		}
		other(c)
	}
}

// changed answers with something changed.
func changed(change func(m *dns.Msg)) func(c call) {
	return func(c call) { c.reply(change) }
}

// rcode answers with a result and nothing else.
func rcode(r int) func(c call) {
	return changed(func(m *dns.Msg) { m.Rcode, m.Answer = r, nil })
}

// A badServer is one kind of them, and what the client gets if there is no other.
type badServer struct {
	name   string
	answer func(c call)
	want   string
}

// badServers are all kinds. stranger is a socket at another address.
func badServers(stranger net.PacketConn) []badServer {
	return []badServer{
		{"slow", after(300*time.Millisecond, good), "NOERROR"},
		{"crawls", after(6*time.Second, good), "SERVFAIL 22"},
		{"silent", silent, "SERVFAIL 22"},
		{"another-id", changed(func(m *dns.Msg) { m.Id++ }), "SERVFAIL 22"},
		{"another-question", changed(func(m *dns.Msg) { m.Question[0].Name = "other.lab." }), "SERVFAIL 22"},
		{"another-type", changed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }), "SERVFAIL 22"},
		{"another-source", func(c call) {
			c.send = func(b []byte) { _, _ = stranger.WriteTo(b, c.from) }
			c.reply(nil)
		}, "SERVFAIL 22"},
		{"echo", func(c call) { c.send(c.raw) }, "SERVFAIL 22"},
		{"garbage", func(c call) {
			c.send(append(bytes.Clone(c.raw[:2]), bytes.Repeat([]byte{0xc0}, 200)...))
		}, "SERVFAIL 22"},
		{"cut", func(c call) {
			send := c.send
			c.send = func(b []byte) { send(b[:len(b)-20]) }
			c.reply(nil)
		}, "SERVFAIL 22"},
		{"empty", func(c call) { c.send(nil) }, "SERVFAIL 22"},
		{"truncates", tcOver("udp", good), "NOERROR"},
		{"truncates-only", tcOver("udp", silent), "SERVFAIL 22"},
		{"truncates-always", tcOver("both", nil), "SERVFAIL 22"},
		{"refuses", rcode(dns.RcodeRefused), "SERVFAIL -1"},
		{"fails", rcode(dns.RcodeServerFailure), "SERVFAIL -1"},
		{"knows-no-edns", func(c call) {
			if c.q.IsEdns0() != nil {
				c.q.Extra = nil
				rcode(dns.RcodeFormatError)(c)
				return
			}
			c.reply(nil)
		}, "NOERROR"},
		{"refers", changed(func(m *dns.Msg) {
			m.Answer, m.RecursionAvailable = nil, false
			m.Ns = []dns.RR{record("lab. 300 NS ns.lab.")}
		}), "SERVFAIL -1"},
		{"circle", changed(func(m *dns.Msg) {
			m.Answer = []dns.RR{record(m.Question[0].Name + " 300 CNAME " + m.Question[0].Name)}
		}), "SERVFAIL -1"},
	}
}

// TestBadServers has servers that are slow, lie, truncate, say nothing or nonsense: alone, the client gets
// SERVFAIL with the reason where the answer is not to be had, soon enough to be still there; beside another
// one it gets its answer in 1.5 s.
func TestBadServers(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	l.provider.AddAddr("eth0", "192.0.2.200/24")
	var stranger net.PacketConn
	if err := l.provider.Do(func() (err error) {
		stranger, err = net.ListenPacket("udp", "192.0.2.200:53")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	l.fake("192.0.2.100", nil, good)
	kinds := badServers(stranger)
	for i, k := range kinds {
		addr := fmt.Sprintf("192.0.2.%d", 101+i)
		l.fake(addr, nil, k.answer)
		l.conf.Upstream.Forward = append(l.conf.Upstream.Forward,
			servers.Forward{Domain: k.name + ".alone", Servers: []servers.Server{server(addr, "")}},
			servers.Forward{Domain: k.name + ".two", Servers: []servers.Server{server(addr, ""), server("192.0.2.100", "")}})
	}
	l.start()
	for _, where := range []string{"two", "alone"} {
		var all sync.WaitGroup
		for _, k := range kinds {
			all.Go(func() {
				m, took := l.exchange(t, "", "x."+k.name+"."+where+".", dns.TypeA, 9*time.Second)
				switch got := result(m); {
				case where == "alone" && (got != k.want || took > 6*time.Second):
					t.Errorf("%s: %s after %s, not %s", k.name, got, took, k.want)
				case where == "two" && k.name != "circle" && (got != "NOERROR" || took > 1500*time.Millisecond):
					t.Errorf("%s, beside another: %s after %s", k.name, got, took)
				}
			})
		}
		all.Wait()
	}
}

// result is what an answer says in a word, with the extended error of one that failed.
func result(m *dns.Msg) string {
	switch {
	case m == nil:
		return "nothing"
	case m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0:
		return "NOERROR"
	}
	return fmt.Sprintf("%s %d", dns.RcodeToString[m.Rcode], extended(m))
}

// TestCertificates has resolvers show certificates that are not accepted: the client gets SERVFAIL, with the
// reason where it is the clock, and the problem says which it is.
func TestCertificates(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	l := newNetwork(t)
	ca := newAuthority(t)
	l.options.Upstream.Roots = func() *x509.CertPool { return ca.pool }
	l.start()
	for i, c := range []struct {
		name     string
		by       *authority
		from, to time.Duration
		want     string
		problem  string
	}{
		{"dns.lab", ca, -day, day, "NOERROR", ""},
		{"other.lab", ca, -day, day, "SERVFAIL 22", "is for other.lab, not dns.lab"},
		{"dns.lab", ca, -2 * day, -day, "SERVFAIL 14", "expired on "},
		{"dns.lab", ca, day, 2 * day, "SERVFAIL 14", "is not valid before "},
		{"dns.lab", newAuthority(t), -day, day, "SERVFAIL 22", `is signed by "CN=Test CA", whom this box does not trust`},
	} {
		addr := fmt.Sprintf("192.0.2.%d", 101+i)
		l.fake(addr, c.by.issue(c.name, c.from, c.to), good)
		l.asks(server(addr, "dns.lab"))
		m, took := l.exchange(t, "", "www.lab.", dns.TypeA, 9*time.Second)
		if got := result(m); got != c.want || took > time.Second {
			t.Errorf("%s, from %s: %s after %s, not %s", c.name, c.from, got, took, c.want)
		}
		problems, state := l.problems(t.Context()), l.upstream.Status()[0].State
		sentence := fmt.Sprintf("No resolver outside answers: %s#dns.lab: certificate of %[1]s %s", addr, c.problem)
		switch {
		case c.problem == "" && (len(problems) != 0 || state != upstream.Up):
			t.Errorf("%s: the problems are %q, it is %s", c.name, problems, state)
		case c.problem != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0], sentence) || state != upstream.Down):
			t.Errorf("%s: the problems are %q, not %q, it is %s", c.name, problems, sentence, state)
		}
	}
}

// TestForwards asks others for a domain and for the reverse zone of its network, whose private addresses are
// left to it; for the same names upstream is not asked, and what upstream says of private addresses is not
// told.
func TestForwards(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	l.provider.AddAddr("eth0", "192.0.2.54/24")
	const head = "$TTL 300\n@ SOA ns.lab. h.lab. 1 3600 900 604800 30\n@ NS ns.lab.\n"
	private := head + "www A 10.8.0.10\nwww AAAA fd00:8::10\n*.w A 10.8.0.11\nout CNAME inside.example.net.\n"
	l.startNSD("192.0.2.53", "example.net", exampleNet(), "lab", head+"ns A 192.0.2.53\nwww A 192.0.2.99\n")
	l.startNSD("192.0.2.54", "corp.lab", private, "8.10.in-addr.arpa", head+"10.0 PTR www.corp.lab.\n")
	there := []servers.Server{server("192.0.2.54", "")}
	l.conf.Upstream.Forward = []servers.Forward{
		{Domain: "corp.lab", Servers: there}, {Domain: "8.10.in-addr.arpa", Servers: there},
	}
	l.conf.House.Elsewhere = []string{"corp.lab.", "8.10.in-addr.arpa."}
	l.conf.House.Records = append(l.conf.House.Records, zone.Record{Name: "intranet", CNAME: "www.corp.lab."})
	l.start()
	l.says("www.corp.lab A", "10.8.0.10")
	l.says("www.corp.lab AAAA", "fd00:8::10")
	l.says("any.w.corp.lab A", "10.8.0.11")
	l.says("-x 10.8.0.10", "www.corp.lab.")
	l.says("www.lab", "192.0.2.99")                            // beside it, upstream
	l.says("intranet.home.example", "www.corp.lab. 10.8.0.10") // an alias of the house into it
	l.has("-x 10.8.0.99", "NXDOMAIN", "AUTHORITY: 1")
	l.has("-x 10.9.0.1", "NXDOMAIN") // of another network: nobody is asked
	l.has("inside.example.net A", "ANSWER: 1", "192.0.2.81")
	for _, s := range l.upstream.Status() {
		if s.State != upstream.Up {
			t.Errorf("%s is %s: %s", s.Server, s.State, s.Error)
		}
	}
}

// TestDying has one of two servers die under load, each in its own way: nobody waits for longer than 1.5 s.
func TestDying(t *testing.T) {
	t.Parallel()
	const every, last = 20 * time.Millisecond, 1500 * time.Millisecond
	for _, name := range []string{"", "dns.lab"} {
		for what, dead := range map[string]func(c call){
			"silent": silent, "fails": rcode(dns.RcodeServerFailure), "refuses": rcode(dns.RcodeRefused),
		} {
			t.Run(strings.Join([]string{what, name}, " "), func(t *testing.T) {
				t.Parallel()
				l := newNetwork(t)
				ca := newAuthority(t)
				l.options.Upstream.Roots = func() *x509.CertPool { return ca.pool }
				cert := ca.issue("dns.lab", -time.Hour, time.Hour)
				first := l.fake("192.0.2.101", cert, good)
				l.fake("192.0.2.102", cert, after(20*time.Millisecond, good))
				l.conf.Upstream.Servers = []servers.Server{server("192.0.2.101", name), server("192.0.2.102", name)}
				l.start()
				var all sync.WaitGroup
				var longest [100]time.Duration
				machine := time.Duration(0) // how late it wakes who sleeps
				for i := range longest {
					if i == 25 {
						first.becomes(dead)
					}
					all.Go(func() {
						m, took := l.exchange(t, "", fmt.Sprintf("n%d.lab.", i), dns.TypeA, 6*time.Second)
						if got := result(m); got != "NOERROR" {
							t.Errorf("question %d: %s after %s", i, got, took)
						}
						longest[i] = took
					})
					slept := time.Now()
					time.Sleep(every)
					machine = max(machine, time.Since(slept)-every)
				}
				all.Wait()
				took := slices.Max(longest[:])
				t.Logf("%s at most; who sleeps was woken %s late", took, machine)
				if took > last+3*machine { // each of client, service and resolver waits for the machine
					t.Errorf("a question took %s; who sleeps was woken %s late", took, machine)
				}
			})
		}
	}
}
