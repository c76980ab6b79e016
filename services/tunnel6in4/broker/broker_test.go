package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// A lab is an API with a certificate of an authority of its own, and a resolver that knows its name.
type lab struct {
	t     *testing.T
	roots *x509.CertPool
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey

	mu     sync.Mutex
	handle http.HandlerFunc
	asked  []string // what the API was asked, as it came in
}

const (
	apiName = "broker.example"
	user    = "customer"
	apiKey  = "s3cret+key/1"
)

func newLab(t *testing.T) *lab {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, key: key, roots: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if l.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	l.roots.AddCert(l.ca)
	return l
}

// certificate is one of the authority for a name.
func (l *lab) certificate(name string, until time.Time) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: until.Add(-2 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, l.ca, &l.key.PublicKey, l.key)
	if err != nil {
		l.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: l.key}
}

// serve starts an API, and returns its port. It offers HTTP/2.
func (l *lab) serve(cert tls.Certificate) int {
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", conf)
	if err != nil {
		l.t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(l.answer), ErrorLog: nil}
	s.SetKeepAlivesEnabled(false)
	go func() { _ = s.Serve(listener) }()
	l.t.Cleanup(func() { _ = s.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

func (l *lab) answer(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	name, key, _ := r.BasicAuth()
	l.asked = append(l.asked, fmt.Sprintf("%s %s %s %s:%s %s", r.Proto, r.Method, r.URL, name, key,
		r.UserAgent()))
	handle := l.handle
	l.mu.Unlock()
	handle(w, r)
}

// resolver answers for the name of the API.
func (l *lab) resolver() netip.AddrPort {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	go func() {
		var b [512]byte
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			q := m.Questions[0]
			if q.Name.String() == apiName+"." && q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: loopback.As4()},
				}}
			} else {
				m.RCode = dnsmessage.RCodeNameError
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteToUDPAddrPort(out, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// ask asks the API at a port by a name.
func (l *lab) ask(name string, port int) tunnel6in4.Outcome {
	return Ask(l.t.Context(), tunnel6in4.Tell{From: loopback, Update: tunnel6in4.Update{
		User: user, Tunnel: "123456", Key: apiKey, URL: fmt.Sprintf("https://%s:%d/nic/update", name, port),
	}}, Options{Resolver: l.resolver(), Roots: l.roots, Time: time.Now})
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

func status(n int, s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n); fmt.Fprint(w, s) }
}

// TestAnswers has the API say all that it can, and what servers say that are none.
func TestAnswers(t *testing.T) {
	l := newLab(t)
	port := l.serve(l.certificate(apiName, time.Now().Add(time.Hour)))
	elsewhere := l.serve(l.certificate(apiName, time.Now().Add(time.Hour)))
	for _, c := range []struct {
		what   string
		handle http.HandlerFunc
		want   tunnel6in4.Code
	}{
		{"good", text("good 198.51.100.7"), tunnel6in4.Good},
		{"nochg", text("nochg 198.51.100.7"), tunnel6in4.NoChange},
		{"badauth", text("badauth"), tunnel6in4.BadAuth},
		{"badagent", text("badagent"), tunnel6in4.BadAgent},
		{"abuse", text("abuse"), tunnel6in4.Abuse},
		{"nohost", text("nohost"), tunnel6in4.NoHost},
		{"notfqdn", text("notfqdn"), tunnel6in4.NotFQDN},
		{"!yours", text("!yours"), tunnel6in4.NotYours},
		{"numhost", text("numhost"), tunnel6in4.NumHost},
		{"!donator", text("!donator"), tunnel6in4.NotPaid},
		{"dnserr", text("dnserr"), tunnel6in4.DNSError},
		{"911", text("911"), tunnel6in4.Trouble},
		{"a page", text("<html>"), tunnel6in4.Unknown},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, tunnel6in4.Unknown},
		{"401", status(401, ""), tunnel6in4.BadAuth},
		{"404", status(404, ""), tunnel6in4.HTTPRefused},
		{"503", status(503, ""), tunnel6in4.HTTPTrouble},
		{"large head", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 64<<10))
		}, tunnel6in4.Silent},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("https://%s:%d/stolen", apiName, elsewhere), http.StatusFound)
		}, tunnel6in4.Redirected},
		{"cut", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
			tunnel6in4.Silent},
		{"the key back", text("what is " + apiKey), tunnel6in4.Unknown},
	} {
		l.mu.Lock()
		l.handle, l.asked = c.handle, nil
		l.mu.Unlock()
		o := l.ask(apiName, port)
		if o.Code != c.want {
			t.Errorf("%s: %+v, want %s", c.what, o, c.want)
		}
		if strings.Contains(fmt.Sprint(o), apiKey) {
			t.Errorf("%s: the key is shown: %+v", c.what, o)
		}
		want := "HTTP/1.1 GET /nic/update?hostname=123456 " + user + ":" + apiKey + " " + agent
		if len(l.asked) != 1 || l.asked[0] != want {
			t.Errorf("%s: asked %q, want %q once", c.what, l.asked, want)
		}
	}
}

// TestUntrusted: no request, and so no key, goes to a server that cannot show that it is the one.
func TestUntrusted(t *testing.T) {
	l, stranger := newLab(t), newLab(t)
	l.handle = text("good 198.51.100.7")
	soon := time.Now().Add(time.Hour)
	for what, cert := range map[string]tls.Certificate{
		"another name": l.certificate("other.example", soon), "expired": l.certificate(apiName,
			time.Now().Add(-time.Minute)),
		"another authority": stranger.certificate(apiName, soon),
	} {
		if o := l.ask(apiName, l.serve(cert)); o.Code != tunnel6in4.Untrusted || len(l.asked) > 0 {
			t.Errorf("%s: %+v, asked %q", what, o, l.asked)
		}
	}
}

// TestUnreached: a name that nobody knows, a port where nobody listens, and a server that says nothing.
func TestUnreached(t *testing.T) {
	l := newLab(t)
	if o := l.ask("nobody.example", 443); o.Code != tunnel6in4.Unreached {
		t.Errorf("a name that is none: %+v", o)
	}
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	if o := l.ask(apiName, port); o.Code != tunnel6in4.Unreached {
		t.Errorf("a closed port: %+v", o)
	}
	began := make(chan struct{})
	l.handle = func(_ http.ResponseWriter, r *http.Request) { close(began); <-r.Context().Done() }
	port = l.serve(l.certificate(apiName, time.Now().Add(time.Hour)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	o := Ask(ctx, tunnel6in4.Tell{From: loopback, Update: tunnel6in4.Update{
		User: user, Tunnel: "1", Key: apiKey, URL: fmt.Sprintf("https://%s:%d/", apiName, port),
	}}, Options{Resolver: l.resolver(), Roots: l.roots, Time: time.Now})
	if o.Code != tunnel6in4.Silent {
		t.Errorf("a server that says nothing: %+v", o)
	}
}
