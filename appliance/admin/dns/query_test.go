package dns_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	admin "github.com/gatehouse-os/gatehouse/appliance/admin/dns"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	config "github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
	"github.com/gatehouse-os/gatehouse/site"
)

// outsideZone is what the resolver outside knows.
func outsideZone() []string {
	return []string{
		"www.example.net. 300 A 192.0.2.80", "www.example.net. 300 AAAA 2001:db8::80", "alias.example.net. 300 CNAME www.example.net.",
		"big.example.net. 300 TXT " + strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 12),
		`odd.example.net. 300 TXT "a  b" "\027[31m\"" "\\"`, "odd.example.net. 300 TYPE65400 \\# 3 010203",
		"svc.example.net. 300 HTTPS 1 . alpn=h2", "svc.example.net. 300 CAA 0 issue \"ca.example\"", "svc.example.net. 300 MX 10 www.example.net.",
		`evil\027.example.net. 300 CNAME \007\255.example.net.`, `\007\255.example.net. 300 A 192.0.2.81`,
	}
}

// serveOutside answers by UDP and TCP in a namespace.
func serveOutside(t *testing.T, n *testnet.Namespace, address string) {
	t.Helper()
	var all []dns.RR
	for _, text := range outsideZone() {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	soa, _ := dns.NewRR("example.net. 300 SOA ns.example.net. hostmaster.example.net. 1 3600 900 604800 30")
	handle := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		name, known := q.Question[0].Name, false
		for _, rr := range all {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			known = true
			if cname, ok := rr.(*dns.CNAME); ok {
				m.Answer, name = append(m.Answer, rr), cname.Target
			} else if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Ns = []dns.RR{soa}
		}
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		if _, ok := w.LocalAddr().(*net.UDPAddr); ok {
			m.Truncate(1232)
		}
		w.WriteMsg(m)
	}
	udp, tcp := &dns.Server{Handler: dns.HandlerFunc(handle)}, &dns.Server{Handler: dns.HandlerFunc(handle)}
	err := n.Do(func() (err error) {
		if udp.PacketConn, err = net.ListenPacket("udp", address); err == nil {
			tcp.Listener, err = net.Listen("tcp", address)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{udp, tcp} {
		started, done := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(started) }
		go func() { done <- s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			s.Shutdown()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A lab is the appliance with the service itself, and a resolver outside.
type lab struct {
	router *testnet.Namespace
	env    admin.Env
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{router: testnet.New(t, "router")}
	provider := testnet.New(t, "provider")
	l.router.Connect("eth0", provider, "eth0")
	l.router.AddAddr("eth0", "192.0.2.10/24")
	provider.AddAddr("eth0", "192.0.2.53/24")
	serveOutside(t, provider, "192.0.2.53:53")
	conf := config.Config{
		House: zone.Config{
			Domain: "home.example", Router: zone.Host{Name: "gate", Addrs: []netip.Addr{addr("192.168.32.1"), addr("fd00:32::1")}},
			Hosts:    []zone.Host{{Name: "web", Aliases: []string{"www"}, Addrs: []netip.Addr{addr("192.168.32.10"), addr("fd00:32::10")}}},
			Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("fd00:32::/64")},
			Records:  []zone.Record{{Name: "away", CNAME: "alias.example.net."}, {Name: "_ntp._udp", SRV: []zone.SRV{{Port: 123, Target: "gate"}}}},
		},
		Upstream: servers.Config{Servers: []servers.Server{{Address: addr("192.0.2.53"), Kind: servers.Plain}}},
	}
	service := l.open(t, conf)
	dir := admintest.RunDir(t)
	admintest.Serve(t, dir, "dns", service.Methods())
	admintest.Serve(t, dir, "dhcp", control.Mux{"leases": admintest.Says([]dhcp.LeaseInfo{})})
	s := loadSite(t)
	l.env = admin.Env{RunDir: dir, Now: time.Now, Site: func() (*site.Site, error) { return s, nil }, Dial: l.dial}
	return l
}

// dial dials on the appliance.
func (l *lab) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = l.router.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// open runs the service.
func (l *lab) open(t *testing.T, conf config.Config) (service *run.Service) {
	t.Helper()
	err := l.router.Do(func() (err error) {
		service, err = run.Open(conf, run.Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
			Upstream: upstream.Options{Dial: func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
				return l.dial(ctx, network, to.String())
			}},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return service
}

// TestQueryAsDig: what is printed is what dig prints with +short.
func TestQueryAsDig(t *testing.T) {
	l := newLab(t)
	dig := testnet.Need(t, "dig", "bind9-dnsutils")
	for _, question := range []string{
		"web.home.example A", "web.home.example AAAA", "WWW.Home.Example A", "away.home.example A", "_ntp._udp.home.example SRV",
		"home.example SOA", "www.example.net A", "alias.example.net AAAA", "big.example.net TXT", "odd.example.net TXT",
		"odd.example.net TYPE65400", "svc.example.net HTTPS", "svc.example.net CAA", "svc.example.net MX", "svc.example.net TYPE65",
		`evil\027.example.net. A`, "www.example.net A +tcp", "web.home.example HTTPS", "nobody.example.net A",
	} {
		want := l.router.Run(dig, append([]string{"@127.0.0.1", "+short", "+tries=1"}, strings.Fields(question)...)...)
		got, err := command(t, l.env, "query "+question)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %v (-dig +query):\n%s", question, err, d)
		}
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v, and dig says %q", question, err, want)
		}
	}
	for word, want := range map[string]string{"192.168.32.10": "web.home.example.\n", "fd00:32::1": "gate.home.example.\n", "web": "192.168.32.10\n"} {
		if got, err := command(t, l.env, "query "+word); err != nil || got != want {
			t.Errorf("%s: %v, %q, not %q", word, err, got, want)
		}
	}
}

// TestLive: the service itself answers each command.
func TestLive(t *testing.T) {
	l := newLab(t)
	if _, err := command(t, l.env, "query svc.example.net CAA"); err != nil { // the resolver outside is known to answer
		t.Fatal(err)
	}
	text := story(t, l.env, "why web", "why 192.168.32.10", "why web HTTPS", "why nobody", "why _ntp._udp SRV", "why printer.local",
		"why www.example.net --no-ask", "why www.example.net", "why www.example.net", "why away", "why nobody.example.net", "why svc.example.net TXT",
		"query www.example.net -v", "query nobody.example.net -v", "query web HTTPS", "flush www.example.net", "flush --all", "flush --all")
	for _, of := range []struct{ pattern, with string }{
		{`(< )?[0-9.]+ ms`, "TIME"}, {`\b[0-9]+s\b`, "SPAN"}, {`[0-9]m [0-9]+s|\b5m\b`, "SPAN"}, {`net\.( +)[0-9]+ `, "net.${1}TTL "}, {`[0-9]+ bytes`, "N bytes"},
	} {
		text = regexp.MustCompile(of.pattern).ReplaceAllString(text, of.with)
	}
	admintest.Golden(t, *update, "live.txt", text)
	if out, err := command(t, l.env, ""); err != nil || !strings.Contains(out, "192.0.2.53   up ") || !strings.Contains(out, "box(127.0.0.1)") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLiveLog: queries are seen as they come.
func TestLiveLog(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string, 100)
	env := l.env
	env.Stdout = writerFunc(func(p []byte) (int, error) { lines <- string(p); return len(p), nil })
	done := make(chan error, 1)
	go func() { done <- admin.Log(ctx, env, []string{"-f", "127.0.0.1"}) }()
	testnet.Eventually(t, 30*time.Second, "a query is seen", func() bool {
		if _, err := command(t, l.env, "query web"); err != nil {
			t.Fatal(err)
		}
		select {
		case line := <-lines:
			return strings.Contains(line, "box(127.0.0.1) web.home.example. A local NOERROR")
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	cancel()
	if err := <-done; err != nil {
		t.Errorf("interrupted: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestQueryStrange: a server that says nothing, nonsense, or something else.
func TestQueryStrange(t *testing.T) {
	for name, c := range map[string]struct {
		reply func(q *dns.Msg) []byte
		want  string
	}{
		"nothing":     {func(*dns.Msg) []byte { return nil }, "127.0.0.1:53, asked by UDP: no answer within 10s"},
		"garbage":     {func(*dns.Msg) []byte { return []byte("not more than twelve bytes of it") }, "the answer cannot be read"},
		"short":       {func(*dns.Msg) []byte { return []byte("x") }, "short read"},
		"a query":     {func(q *dns.Msg) []byte { b, _ := q.Pack(); return b }, "the answer is one to another question"},
		"another":     {func(q *dns.Msg) []byte { q.Response, q.Question[0].Name = true, "x."; b, _ := q.Pack(); return b }, "another question"},
		"another id":  {func(q *dns.Msg) []byte { q.Response = true; q.Id++; b, _ := q.Pack(); return b }, "another question"},
		"no question": {func(q *dns.Msg) []byte { q.Response, q.Question = true, nil; b, _ := q.Pack(); return b }, "another question"},
		"refused": {func(q *dns.Msg) []byte {
			m := new(dns.Msg).SetRcode(q, dns.RcodeRefused)
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: 15, ExtraText: "no\x1b[2J"}}
			b, _ := m.Pack()
			return b
		}, `web.home.example. A has no answer: REFUSED (15 (Blocked): (no\x1b[2J))`},
		"RCODE": {func(q *dns.Msg) []byte { b, _ := new(dns.Msg).SetRcode(q, 13).Pack(); return b }, "RCODE13"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site.Site{Name: "gate", Domain: "home.example"}
				env := admin.Env{Now: time.Now, RunDir: "nosuch", Site: func() (*site.Site, error) { return s, nil },
					Dial: func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go answerOne(server, c.reply)
						return packets{client}, nil
					}}
				out, err := command(t, env, "query web")
				if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
					t.Errorf("%v, not %q\n%s", err, c.want, out)
				}
			})
		})
	}
}

// answerOne answers a query, if there is an answer, and waits for the end.
func answerOne(conn net.Conn, reply func(*dns.Msg) []byte) {
	defer conn.Close()
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	q := new(dns.Msg)
	if err != nil || q.Unpack(buf[:n]) != nil {
		return
	}
	if b := reply(q); b != nil {
		conn.Write(b)
	}
	conn.Read(buf)
}

// packets is a pipe whose writes are datagrams.
type packets struct{ net.Conn }

func (packets) ReadFrom([]byte) (int, net.Addr, error) { panic("not called") }
func (packets) WriteTo([]byte, net.Addr) (int, error)  { panic("not called") }
