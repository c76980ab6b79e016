package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// An internet is a box and, behind a bridge, as many hosts as are wanted.
type internet struct {
	t     *testing.T
	ca    *authority
	box   *testnet.Namespace
	cloud *testnet.Namespace
}

func newInternet(t *testing.T) *internet {
	i := &internet{t: t, ca: newAuthority(t, time.Now()), box: testnet.New(t, "box"), cloud: testnet.New(t, "cloud")}
	i.cloud.Bridge("net")
	i.plug(i.box, "192.0.2.254", "2001:db8::254")
	return i
}

// plug gives a namespace a link to the others, and addresses.
func (i *internet) plug(n *testnet.Namespace, addrs ...string) {
	n.Sysctl("ipv6.conf.default.accept_dad", "0")
	i.cloud.Plug("net", n, "eth0")
	for _, a := range addrs {
		if strings.Contains(a, ":") {
			n.Run("ip", "addr", "add", a+"/64", "dev", "eth0", "nodad")
		} else {
			n.AddAddr("eth0", a+"/24")
		}
	}
}

// host is a namespace with addresses.
func (i *internet) host(name string, addrs ...string) *testnet.Namespace {
	n := testnet.New(i.t, name)
	i.plug(n, addrs...)
	return n
}

// client returns one of the box.
func (i *internet) client(c servers.Config) *Client {
	i.t.Helper()
	dialer := func(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
		return conn, errors.Join(i.box.Do(func() error {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, to.String())
			return nil
		}), err)
	}
	u, err := New(c, Options{Dial: dialer, Roots: i.ca.roots})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(u.Close)
	return u
}

// files writes a certificate and its key where a server finds them.
func files(t *testing.T, dir string, c *tls.Certificate) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der := must1(x509.MarshalPKCS8PrivateKey(c.PrivateKey))
	must(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), 0o644))
	must(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o644))
	return cert, key
}

// start starts a server and waits until it answers on TCP at an address.
func (i *internet) start(n *testnet.Namespace, at string, program string, args ...string) {
	i.t.Helper()
	p := n.Start(exec.Command(program, args...))
	testnet.Eventually(i.t, 20*time.Second, filepath.Base(program)+" listens", func() bool {
		err := n.Do(func() error {
			c, err := net.DialTimeout("tcp", at, time.Second)
			if err == nil {
				err = c.Close()
			}
			return err
		})
		if ctx, cancel := context.WithTimeout(i.t.Context(), time.Millisecond); err != nil {
			defer cancel()
			if ended := p.Wait(ctx); !errors.Is(ended, context.DeadlineExceeded) {
				i.t.Fatalf("%s has ended: %v\n%s", program, ended, p.Output())
			}
		} else {
			cancel()
		}
		return err == nil
	})
}

// zone is what the authoritative server has: an answer that takes TCP, and one that does not.
func zone() string {
	text := "$ORIGIN example.\n$TTL 300\n@ SOA ns.example. host.example. 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.3\n" +
		"www A 192.0.2.80\nwww AAAA 2001:db8::80\nalias CNAME www\n"
	for n := range 30 {
		text += fmt.Sprintf("big TXT \"%03d %s\"\n", n, strings.Repeat("x", 100))
	}
	return text
}

// nsd starts an authoritative server for the zone.
func (i *internet) nsd(n *testnet.Namespace, addr string) {
	dir := i.t.TempDir()
	must(os.WriteFile(filepath.Join(dir, "example.zone"), []byte(zone()), 0o644))
	conf := filepath.Join(dir, "nsd.conf")
	must(os.WriteFile(conf, fmt.Appendf(nil, `server:
  ip-address: %s
  username: ""
  database: ""
  pidfile: ""
  zonesdir: %q
  zonelistfile: %q
  xfrdfile: %q
  xfrdir: %q
  cookie-secret-file: ""
  server-count: 1
zone:
  name: example
  zonefile: example.zone
`, addr, dir, dir+"/zone.list", dir+"/xfrd.state", dir), 0o644))
	i.start(n, addr+":53", testnet.Need(i.t, "nsd", "nsd"), "-d", "-c", conf)
}

// unbound starts a resolver with plain and TLS ports that asks the authoritative server for its zone, and a
// slow one for another.
func (i *internet) unbound(n *testnet.Namespace, cert *tls.Certificate, addrs ...string) {
	dir := i.t.TempDir()
	certFile, keyFile := files(i.t, dir, cert)
	conf := fmt.Sprintf(`server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  do-not-query-localhost: no
  local-zone: "2.0.192.in-addr.arpa" nodefault
  edns-tcp-keepalive: yes
  tls-service-pem: %q
  tls-service-key: %q
`, dir, certFile, keyFile)
	for _, a := range addrs {
		conf += fmt.Sprintf("  interface: %s@53\n  interface: %s@853\n", a, a)
	}
	for _, z := range []string{"example 192.0.2.3", "slow.lab 192.0.2.9"} {
		name, addr, _ := strings.Cut(z, " ")
		conf += fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: %s\n", name, addr)
	}
	path := filepath.Join(dir, "unbound.conf")
	must(os.WriteFile(path, []byte(conf), 0o644))
	i.start(n, addrs[0]+":853", testnet.Need(i.t, "unbound", "unbound"), "-d", "-c", path)
}

// kresd starts another resolver of the same.
func (i *internet) kresd(n *testnet.Namespace, cert *tls.Certificate, addr string) {
	dir := i.t.TempDir()
	certFile, keyFile := files(i.t, dir, cert)
	conf := filepath.Join(dir, "kresd.conf")
	must(os.WriteFile(conf, fmt.Appendf(nil, `net.ipv6 = false
net.listen('%s', 53, { kind = 'dns' })
net.tls(%q, %q)
net.listen('%s', 853, { kind = 'tls' })
cache.size = 10 * MB
trust_anchors.remove('.')
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
policy.add(policy.suffix(policy.STUB('192.0.2.3'), policy.todnames({'example.'})))
`, addr, certFile, keyFile, addr), 0o644))
	i.start(n, addr+":853", testnet.Need(i.t, "kresd", "knot-resolver"), "-n", "-q", "-c", conf, dir)
}

// good is a certificate that is valid now.
func (i *internet) good(name string) *tls.Certificate {
	return i.ca.issue(i.t, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// TestRealServers has unbound, Knot Resolver and NSD answer: plain, by TCP what is too long, and over TLS.
func TestRealServers(t *testing.T) {
	i := newInternet(t)
	i.nsd(i.host("nsd", "192.0.2.3"), "192.0.2.3")
	i.unbound(i.host("unbound", "192.0.2.1", "2001:db8::1"), i.good("unbound.example"), "192.0.2.1", "2001:db8::1")
	i.kresd(i.host("kresd", "192.0.2.2"), i.good("kresd.example"), "192.0.2.2")
	for _, s := range []servers.Server{
		plain("192.0.2.1"), overTLS("192.0.2.1", "unbound.example"),
		plain("2001:db8::1"), overTLS("2001:db8::1", "unbound.example"),
		plain("192.0.2.2"), overTLS("192.0.2.2", "kresd.example"),
		plain("192.0.2.3"),
	} {
		t.Run(s.String(), func(t *testing.T) {
			for _, mixed := range []bool{false, true} {
				u := i.client(servers.Config{Servers: []servers.Server{s}, MixedCase: mixed})
				for _, tc := range []struct {
					name    string
					typ     dnsmessage.Type
					rcode   dnsmessage.RCode
					answers int
				}{
					{"www.example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, 1},
					{"alias.example.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, 2},
					{"big.example.", dnsmessage.TypeTXT, dnsmessage.RCodeSuccess, 30},
					{"www.example.", dnsmessage.TypeHTTPS, dnsmessage.RCodeSuccess, 0},
					{"nobody.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, 0},
				} {
					a, err := u.Ask(t.Context(), queryType(tc.name, tc.typ))
					if err != nil {
						t.Errorf("%s %v: %v", tc.name, tc.typ, err)
						continue
					}
					var m dnsmessage.Message
					if err := m.Unpack(a.Message); err != nil || m.RCode != tc.rcode || len(m.Answers) != tc.answers ||
						m.Questions[0].Name.String() != tc.name || a.From != withPort(s) {
						t.Errorf("%s %v by %s: %v, %v", tc.name, tc.typ, a.From, m.GoString(), err)
					}
				}
				st := u.Status()[0]
				if st.State != Up || st.Error != "" || st.Strays+st.Garbage > 0 || s.Kind == servers.Plain && st.Streamed != 1 {
					t.Errorf("the counters are %+v, the error %q", st.Counters, st.Error)
				}
			}
		})
	}
}

// withPort is a server as Status tells it.
func withPort(s servers.Server) servers.Server {
	s.Port = s.Endpoint().Port()
	return s
}

func TestRealCertificates(t *testing.T) {
	i := newInternet(t)
	now := time.Now()
	for addr, tc := range map[string]struct {
		cert *tls.Certificate
		want string
	}{
		"192.0.2.11": {i.good("dns.example"), "certificate of 192.0.2.11 is for dns.example, not resolver.example"},
		"192.0.2.12": {i.ca.issue(t, "resolver.example", now.AddDate(0, 0, -2), now.AddDate(0, 0, -1)),
			"certificate of 192.0.2.12 expired on " + now.AddDate(0, 0, -1).UTC().Format("2006-01-02 15:04")},
		"192.0.2.13": {i.ca.issue(t, "resolver.example", now.AddDate(0, 0, 1), now.AddDate(0, 0, 2)),
			"certificate of 192.0.2.13 is not valid before " + now.AddDate(0, 0, 1).UTC().Format("2006-01-02 15:04")},
	} {
		i.unbound(i.host("unbound", addr), tc.cert, addr)
		u := i.client(servers.Config{Servers: []servers.Server{overTLS(addr, "resolver.example")}})
		_, err := u.Ask(t.Context(), query("www.example."))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, not %s", err, tc.want)
		}
	}
}

// slowServer is an authoritative server that takes its time, and for a name with a gate begins when that is
// open.
func (i *internet) slowServer(n *testnet.Namespace, addr string, takes time.Duration, gates map[byte]chan bool) {
	i.t.Helper()
	conn := listen(i.t, n, addr)
	serve(conn, func(q []byte, from netip.AddrPort) {
		const name = 13 // where the first letter of the name is, behind the header and a length
		if gate := gates[q[name]|0x20]; gate != nil {
			<-gate
		}
		time.Sleep(takes)
		b := respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
			m.Authoritative, m.RecursionAvailable = true, false
			if m.Questions[0].Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{recordA(m.Questions[0].Name, "192.0.2.80")}
			}
		})
		_, _ = conn.WriteToUDPAddrPort(b, from)
	})
}

// listen opens a UDP socket in a namespace for the duration of the test.
func listen(t *testing.T, n *testnet.Namespace, addr string) (conn *net.UDPConn) {
	t.Helper()
	must(n.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr+":53")))
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// serve calls f with each query, in goroutines of its own.
func serve(conn *net.UDPConn, f func(q []byte, from netip.AddrPort)) {
	go func() {
		for {
			b := make([]byte, 4096)
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			go f(b[:n], from)
		}
	}()
}

// TestRealPipelining has 50 questions outstanding at unbound, on one connection; and 50 more when the path
// to it is cut, silently: the other resolver answers all of them within a second, though that takes it 200
// ms; or within the time that 50 answers more than these 200 ms take on this machine, five times.
func TestRealPipelining(t *testing.T) {
	const takes = 200 * time.Millisecond
	gates := map[byte]chan bool{'b': make(chan bool), 'c': make(chan bool)}
	i := newInternet(t)
	i.slowServer(i.host("slow", "192.0.2.9"), "192.0.2.9", takes, gates)
	hosts := map[string]*testnet.Namespace{"192.0.2.1": i.host("one", "192.0.2.1"), "192.0.2.2": i.host("two", "192.0.2.2")}
	for addr, n := range hosts {
		i.unbound(n, i.good("dns.example"), addr)
	}
	u := i.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "dns.example"), overTLS("192.0.2.2", "dns.example")}})
	for n := range 3 { // so that both are known
		ask(t, u, fmt.Sprintf("a%d.slow.lab.", n), "")
		time.Sleep(300 * time.Millisecond)
	}
	// burst asks 50, and says who has them all; finish opens their gate, and returns how long all take then.
	burst := func(letter byte) (by string, finish func() time.Duration) {
		errs := make(chan error, 50)
		for n := range 50 {
			go func() {
				_, err := u.Ask(t.Context(), query(fmt.Sprintf("%c%d.slow.lab.", letter, n)))
				errs <- err
			}()
		}
		for end := time.Now().Add(patience); by == "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
			for _, s := range u.Status() {
				if s.InFlight >= 50 {
					by = s.Address.String()
				}
			}
		}
		return by, func() time.Duration {
			began := time.Now()
			close(gates[letter])
			for range 50 {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
			return time.Since(began)
		}
	}
	by, finish := burst('b')
	out := i.box.Run(testnet.Need(t, "ss", "iproute2"), "-Htn", "state", "established", "dst", by, "dport", "=", ":853")
	if n := strings.Count(out, ":853"); n != 1 {
		t.Errorf("50 questions at %s take %d connections:\n%s", by, n, out)
	}
	limit := max(time.Second, 5*(finish()-takes))
	by, finish = burst('c')
	if hosts[by] == nil {
		t.Fatalf("the questions are not at one server: %+v", u.Status())
	}
	hosts[by].Down("eth0")
	took := finish()
	t.Logf("the path was cut under 50 questions: the last answer came after %s", took)
	if took > limit {
		t.Errorf("that is more than %s after the cut", limit)
	}
}

// TestStrangersAnswers has others answer first: from another port, from another address. The kernel does
// not let them through; and each question comes from a port of its own.
func TestStrangersAnswers(t *testing.T) {
	i := newInternet(t)
	n := i.host("server", "192.0.2.1", "192.0.2.66")
	conn, stranger := listen(t, n, "192.0.2.1"), listen(t, n, "192.0.2.66")
	var port *net.UDPConn
	must(n.Do(func() (err error) {
		port, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5353})
		return err
	}))
	t.Cleanup(func() { port.Close() })
	var mu sync.Mutex
	ports := map[uint16]bool{}
	serve(conn, func(q []byte, from netip.AddrPort) {
		mu.Lock()
		ports[from.Port()] = true
		mu.Unlock()
		for _, other := range []*net.UDPConn{stranger, port} {
			_, _ = other.WriteToUDPAddrPort(answerA(q, "192.0.2.99"), from)
		}
		time.Sleep(5 * time.Millisecond)
		_, _ = conn.WriteToUDPAddrPort(answerA(q, "192.0.2.80"), from)
	})
	u := i.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
	for range 64 {
		ask(t, u, "www.example.", "192.0.2.1")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ports) < 60 {
		t.Errorf("64 questions came from %d ports", len(ports))
	}
	sum := 0
	for p := range ports {
		if ports[p+1] || ports[p+2] {
			sum++
		}
	}
	if sum > len(ports)/4 {
		t.Errorf("%d of %d ports follow each other", sum, len(ports))
	}
}

// TestPortUnreachable has a host without a server say so: another is asked at once.
func TestPortUnreachable(t *testing.T) {
	i := newInternet(t)
	i.host("nobody", "192.0.2.1")
	n := i.host("server", "192.0.2.2")
	conn := listen(t, n, "192.0.2.2")
	serve(conn, func(q []byte, from netip.AddrPort) {
		time.Sleep(20 * time.Millisecond)
		_, _ = conn.WriteToUDPAddrPort(answerA(q, "192.0.2.80"), from)
	})
	// The quickest of a few clients is looked at: what the machine does beside this is no matter.
	best := time.Hour
	for range 5 {
		u := i.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		longest := time.Duration(0)
		for range 10 {
			longest = max(longest, ask(t, u, "www.example.", "192.0.2.2").Took)
		}
		best = min(best, longest)
		if s := statusOf(t, u, "192.0.2.1"); s.State != Down || !strings.Contains(s.Error, "connection refused") {
			t.Errorf("%s, %q", s.State, s.Error)
		}
	}
	if best > 300*time.Millisecond {
		t.Errorf("took %s", best)
	}
}
