package upstream

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"golang.org/x/net/dns/dnsmessage"
)

// A lab is an Internet of pipes in virtual time.
type lab struct {
	t     *testing.T
	start time.Time
	ca    *authority
	log   lockedBuffer
	hosts map[netip.Addr]*host
}

// A host is a resolver in a lab. Its fields may be changed under its mutex.
type host struct {
	lab    *lab
	cert   *tls.Certificate
	config *tls.Config // in its place

	mu      sync.Mutex
	path    time.Duration // one way
	cut     bool          // nothing passes
	refuses bool
	// answer answers a query: what is to be sent, and after how long. Nil messages are none.
	answer func(network string, query []byte) (after time.Duration, replies [][]byte)
	history
	lines []*line
}

// A line is a connection of a host.
type line struct {
	dead bool
	conn net.Conn
}

func newLab(t *testing.T) *lab {
	t.Cleanup(func() { time.Sleep(time.Hour) }) // what is on its way arrives
	return &lab{t: t, start: time.Now(), hosts: map[netip.Addr]*host{}}
}

// add adds a resolver that answers 192.0.2.N at once, over a path of 5 ms one way.
func (l *lab) add(addr string) *host {
	h := &host{lab: l, path: 5 * time.Millisecond}
	h.answer = atOnce
	l.hosts[netip.MustParseAddr(addr)] = h
	return h
}

// atOnce is an answer without delay.
func atOnce(_ string, query []byte) (time.Duration, [][]byte) {
	return 0, [][]byte{answerA(query, "192.0.2.80")}
}

// secure gives a host a certificate.
func (h *host) secure(name string) *host {
	if h.lab.ca == nil {
		h.lab.ca = newAuthority(h.lab.t, time.Now())
	}
	h.cert = h.lab.ca.issue(h.lab.t, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	return h
}

// set changes a host.
func (h *host) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// A history of a host is what has come to it.
type history struct {
	asked []time.Duration // when a question came, from the start of the lab
	dials []time.Duration // the same for connections
	open  int             // connections now
	most  int             // the most there were
}

// seen returns what has come to a host.
func (h *host) seen() history {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.history
}

// client returns a Client in the lab that ends with the test.
func (l *lab) client(c servers.Config) *Client {
	l.t.Helper()
	o := Options{Dial: l.dial, Log: slog.New(slog.NewTextHandler(&l.log, nil))}
	if l.ca != nil {
		o.Roots = l.ca.roots
	}
	u, err := New(c, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(u.Close)
	return u
}

func (l *lab) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	h := l.hosts[to.Addr()]
	if h == nil {
		return nil, errors.New("no route to host")
	}
	h.mu.Lock()
	path, cut, refuses := h.path, h.cut, h.refuses
	if network == "tcp" {
		h.dials = append(h.dials, time.Since(l.start))
	}
	h.mu.Unlock()
	if network == "tcp" && cut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if network == "tcp" {
		time.Sleep(2 * path)
	}
	if refuses && network == "tcp" {
		return nil, errors.New("connection refused")
	}
	near, a := net.Pipe()
	b, far := net.Pipe()
	ln := &line{conn: a}
	h.mu.Lock()
	h.lines = append(h.lines, ln)
	h.mu.Unlock()
	go h.relay(ln, b, a)
	go h.relay(ln, a, b)
	if network == "udp" {
		go h.datagrams(far)
	} else {
		go h.serve(far)
	}
	return near, nil
}

// relay carries what is written at one end to the other, in order, and loses it when the path is cut.
func (h *host) relay(ln *line, to, from net.Conn) {
	type chunk struct {
		at time.Time
		b  []byte
	}
	chunks := make(chan chunk, 256)
	go func() {
		defer to.Close()
		for c := range chunks {
			time.Sleep(time.Until(c.at))
			if h.passes(ln) {
				if _, err := to.Write(c.b); err != nil {
					break
				}
			}
		}
		for range chunks {
		}
	}()
	defer close(chunks)
	for {
		b := make([]byte, 1<<12)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		chunks <- chunk{time.Now().Add(h.latency()), b[:n]}
	}
}

func (h *host) latency() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.path
}

func (h *host) passes(ln *line) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.cut && !ln.dead
}

// lose loses the connections that are open, silently: others work.
func (h *host) lose() {
	h.set(func() {
		for _, ln := range h.lines {
			ln.dead = true
		}
	})
}

func (h *host) datagrams(conn net.Conn) {
	defer conn.Close()
	for {
		b := make([]byte, 1<<12)
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		go h.reply("udp", b[:n], func(reply []byte) { _, _ = conn.Write(reply) })
	}
}

// reply has the host answer.
func (h *host) reply(network string, query []byte, send func([]byte)) {
	h.mu.Lock()
	if !bytes.Equal(query[headerLen:min(headerLen+5, len(query))], []byte{0, 0, typeNS, 0, classIN}) {
		h.asked = append(h.asked, time.Since(h.lab.start))
	}
	answer := h.answer
	h.mu.Unlock()
	after, replies := answer(network, query)
	time.Sleep(after)
	for _, r := range replies {
		send(r)
	}
}

func (h *host) serve(raw net.Conn) {
	conn := raw
	config := h.config
	if config == nil && h.cert != nil {
		config = &tls.Config{Certificates: []tls.Certificate{*h.cert}}
	}
	if config != nil {
		conn = tls.Server(raw, config)
	}
	h.set(func() { h.open++; h.most = max(h.most, h.open) })
	defer h.set(func() { h.open-- })
	defer raw.Close()
	var mu sync.Mutex
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		go h.reply("tcp", b, func(reply []byte) {
			if reply == nil { // close the connection
				_ = raw.Close()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		})
	}
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// query returns one for A with EDNS, its id made of the name.
func query(name string) []byte { return queryType(name, dnsmessage.TypeA) }

func queryType(name string, typ dnsmessage.Type) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 0x1234, RecursionDesired: true})
	must(b.StartQuestions())
	q := dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}
	must(b.Question(q))
	must(b.StartAdditionals())
	var h dnsmessage.ResourceHeader
	must(h.SetEDNS0(4096, dnsmessage.RCodeSuccess, true))
	must(b.OPTResource(h, dnsmessage.OPTResource{}))
	return must1(b.Finish())
}

// respond builds an answer to a query.
func respond(query []byte, rcode dnsmessage.RCode, change func(*dnsmessage.Message)) []byte {
	var p dnsmessage.Parser
	h := must1(p.Start(query))
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: true, RecursionAvailable: true,
			RCode: rcode},
		Questions: must1(p.AllQuestions()),
	}
	must(p.SkipAllAnswers())
	must(p.SkipAllAuthorities())
	if all := must1(p.AllAdditionals()); len(all) > 0 {
		var o dnsmessage.ResourceHeader
		must(o.SetEDNS0(1232, rcode, all[0].Header.DNSSECAllowed()))
		m.Additionals = []dnsmessage.Resource{{Header: o, Body: &dnsmessage.OPTResource{}}}
	}
	if change != nil {
		change(&m)
	}
	return must1(m.Pack())
}

// answerA answers any query with one address.
func answerA(query []byte, addr string) []byte {
	return respond(query, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{recordA(m.Questions[0].Name, addr)}
	})
}

func recordA(name dnsmessage.Name, addr string) dnsmessage.Resource {
	a := netip.MustParseAddr(addr)
	h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 300}
	if a.Is4() {
		h.Type = dnsmessage.TypeA
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}}
	}
	h.Type = dnsmessage.TypeAAAA
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}
}

// addressIn returns the first address of an answer.
func addressIn(t *testing.T, msg []byte) string {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil {
		t.Fatalf("the answer %x: %v", msg, err)
	}
	if m.ID != 0x1234 || !m.Response {
		t.Errorf("the answer has the header %v", m.Header)
	}
	for _, r := range m.Answers {
		if a, ok := r.Body.(*dnsmessage.AResource); ok {
			return netip.AddrFrom4(a.A).String()
		}
	}
	return ""
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must1[T any](v T, err error) T {
	must(err)
	return v
}

// An authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func (a *authority) roots() *x509.CertPool { return a.pool }

func newAuthority(t testing.TB, now time.Time) *authority {
	t.Helper()
	key := must1(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: now.AddDate(-40, 0, 0), NotAfter: now.AddDate(40, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must1(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	a := &authority{cert: must1(x509.ParseCertificate(der)), key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(a.cert)
	return a
}

// issue issues a certificate for a name or an address.
func (a *authority) issue(t testing.TB, name string, from, to time.Time) *tls.Certificate {
	t.Helper()
	key := must1(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der := must1(x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key))
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsLeaf is the certificate itself.
func tlsLeaf(c *tls.Certificate) (*x509.Certificate, error) {
	return x509.ParseCertificate(c.Certificate[0])
}

// plain and overTLS are servers of a Config.
func plain(addr string) servers.Server {
	return servers.Server{Address: netip.MustParseAddr(addr), Kind: servers.Plain}
}

func overTLS(addr, name string) servers.Server {
	return servers.Server{Address: netip.MustParseAddr(addr), Kind: servers.TLS, Name: name}
}

// statusOf returns the Status of a server.
func statusOf(t *testing.T, u *Client, addr string) Status {
	t.Helper()
	all := u.Status()
	i := slices.IndexFunc(all, func(s Status) bool { return s.Address.String() == addr })
	if i < 0 {
		t.Fatalf("no server %s in %v", addr, all)
	}
	return all[i]
}

// ask asks and expects an answer from a server.
func ask(t *testing.T, u *Client, name, from string) Answer {
	t.Helper()
	a, err := u.Ask(t.Context(), query(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got := addressIn(t, a.Message); got != "192.0.2.80" {
		t.Errorf("%s has the address %q", name, got)
	}
	if from != "" && a.From.Address.String() != from {
		t.Errorf("%s was answered by %s, not %s", name, a.From, from)
	}
	return a
}
