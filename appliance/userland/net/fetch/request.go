package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// A request is what is asked for, and how.
type request struct {
	method       string // "": GET, POST where there is a body
	keepMethod   bool   // after redirects too
	keepBody     bool   // and what is sent
	close        bool   // one reply, and then the end
	url          *url.URL
	header       http.Header
	host         string // in place of the URL's
	body         func() (io.ReadCloser, int64, error)
	user         *url.Userinfo
	follow       bool
	redirects    int // how many are followed
	network      string
	connect      time.Duration
	silence      time.Duration // between two pieces of a reply
	insecure     bool
	authorities  string            // a file of them
	resolve      map[string]string // HOST:PORT → address
	proxy        string            // its URL; "-": none; "": as the environment has it
	unzip        bool
	onConnect    func(format string, args ...any)                       // what is done, for people; may be nil
	onSend       func(*http.Request)                                    // may be nil
	onHeader     func(resp *http.Response, raw []byte, last bool) error // each hop's
	tunnelled    bool
	uploaded     int64
	hops         int
	began        time.Time
	looked, open time.Duration
	remote       net.Addr
	local        net.Addr
}

// errRedirects is too many of them, errNoFile what cannot be read to be sent.
var errRedirects = errors.New("too many redirections")

// do asks, follows redirects, and returns the last reply, whose body is still to be read.
func (r *request) do(ctx context.Context) (*http.Response, error) {
	r.began = time.Now()
	record := &headerRecord{}
	transport, err := r.transport(record)
	if err != nil {
		return nil, err
	}
	method, at, origin := r.method, r.url, r.url
	for {
		hop, err := r.hop(ctx, method, at, origin)
		if err != nil {
			return nil, err
		}
		if r.onSend != nil {
			told := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { r.onSend(hop) }}
			hop = hop.WithContext(httptrace.WithClientTrace(ctx, told))
		}
		resp, err := transport.RoundTrip(hop)
		if err != nil {
			return nil, err
		}
		raw := record.take()
		if r.tunnelled {
			raw = nil // it is the proxy's
		}
		next := location(resp, at)
		last := next == nil || !r.follow
		if err := r.onHeader(resp, raw, last); err != nil || last {
			return resp, err
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		resp.Body.Close()
		if r.hops++; r.hops > r.redirects {
			return nil, errRedirects
		}
		if next.Scheme != "http" && next.Scheme != "https" || next.Host == "" {
			return nil, fmt.Errorf("%w: a redirect to %s", errProtocol, printed(next.Redacted()))
		}
		method, at = r.after(resp.StatusCode, method), next
	}
}

// after is the method behind a redirect.
func (r *request) after(status int, method string) string {
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect || method == http.MethodHead {
		return method
	}
	if r.body != nil && !r.keepBody {
		r.body = nil
		r.header.Del("Content-Type")
	}
	if r.keepMethod {
		return method
	}
	return http.MethodGet
}

// hop is one request. Passwords and cookies are for where they were meant, by scheme, name and port.
func (r *request) hop(ctx context.Context, method string, at, origin *url.URL) (*http.Request, error) {
	req := &http.Request{Method: method, URL: at, Header: r.header.Clone(), Host: r.host, Close: r.close}
	same := at.Scheme == origin.Scheme && at.Host == origin.Host
	switch {
	case !same:
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
		req.Host = ""
	case r.user != nil && req.Header.Get("Authorization") == "":
		password, _ := r.user.Password()
		req.SetBasicAuth(r.user.Username(), password)
	}
	if !same && at.User != nil {
		password, _ := at.User.Password()
		req.SetBasicAuth(at.User.Username(), password)
	}
	if r.body != nil {
		body, size, err := r.body()
		if err != nil {
			return nil, err
		}
		req.Body, req.ContentLength, r.uploaded = body, size, max(size, 0)
	}
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = nil // net/http has none of its own then
	}
	return req.WithContext(ctx), nil
}

// location is where a reply sends one, nil: nowhere.
func location(resp *http.Response, at *url.URL) *url.URL {
	switch resp.StatusCode {
	case 300, 301, 302, 303, 305, 307, 308:
	default:
		return nil
	}
	text := resp.Header.Get("Location")
	if text == "" {
		return nil
	}
	next, err := at.Parse(text)
	if err != nil {
		return nil
	}
	if next.Fragment == "" {
		next.Fragment = at.Fragment
	}
	return next
}

// transport is net/http's, with connections of our own.
func (r *request) transport(record *headerRecord) (*http.Transport, error) {
	config, err := r.tlsConfig()
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		TLSClientConfig: config, DisableCompression: !r.unzip, MaxResponseHeaderBytes: maxHeader, ExpectContinueTimeout: time.Second,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			c, err := r.dial(ctx, addr)
			if err != nil {
				return nil, err
			}
			return &recordedConn{c, r.silence, record}, nil
		},
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			c, err := r.dialTLS(ctx, addr, config)
			if err != nil {
				return nil, err
			}
			return &recordedConn{c, r.silence, record}, nil
		},
	}
	switch r.proxy {
	case "-":
	case "":
		t.Proxy = r.tunnel(http.ProxyFromEnvironment, config)
	default:
		proxy, err := url.Parse(r.proxy)
		if err == nil && !strings.Contains(r.proxy, "://") {
			proxy, err = url.Parse("http://" + r.proxy)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the proxy", errURL)
		}
		t.Proxy = r.tunnel(http.ProxyURL(proxy), config)
	}
	return t, nil
}

// tunnel is a choice of proxies that sees when HTTPS goes through one: net/http speaks TLS itself then.
func (r *request) tunnel(choice func(*http.Request) (*url.URL, error), config *tls.Config) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choice(req)
		if r.tunnelled = proxy != nil && req.URL.Scheme == "https"; r.tunnelled && config.RootCAs == nil && !r.insecure {
			config.RootCAs = believe()
		}
		return proxy, err
	}
}

func (r *request) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: r.insecure}
	switch {
	case r.insecure:
		return config, nil
	case r.authorities != "":
		text, err := os.ReadFile(r.authorities)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errAuthorities, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%w: %s: no certificates in PEM", errAuthorities, r.authorities)
		}
		return config, nil
	}
	return config, nil
}

// believe finds the authorities of the disk or, where it has none, our own. An authority that cannot be read
// is believed in nothing.
func believe() *x509.CertPool {
	if pool, err := x509.SystemCertPool(); err == nil && !pool.Equal(x509.NewCertPool()) {
		return pool
	}
	pool, _ := trust.Roots()
	return pool
}

// dial connects, to where --resolve says perhaps.
func (r *request) dial(ctx context.Context, addr string) (net.Conn, error) {
	if r.connect > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.connect)
		defer cancel()
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if to := r.resolve[strings.ToLower(addr)]; to != "" {
		host = to
	}
	addrs := []string{host}
	if net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+strings.TrimPrefix(r.network, "tcp"), host)
		if err != nil {
			return nil, &resolveError{host, err}
		}
		addrs = nil
		for _, ip := range ips {
			addrs = append(addrs, ip.Unmap().String())
		}
	}
	r.looked = time.Since(r.began)
	for _, a := range addrs {
		r.tell("  Trying %s...", net.JoinHostPort(a, port))
		var c net.Conn
		if c, err = (&net.Dialer{}).DialContext(ctx, r.network, net.JoinHostPort(a, port)); err == nil {
			r.open, r.remote, r.local = time.Since(r.began), c.RemoteAddr(), c.LocalAddr()
			r.tell("Connected to %s (%s) port %s", printed(host), a, port)
			return c, nil
		}
	}
	return nil, &connectError{host, port, err}
}

// dialTLS connects and checks who is there.
func (r *request) dialTLS(ctx context.Context, addr string, config *tls.Config) (net.Conn, error) {
	c, err := r.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if r.connect > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.connect)
		defer cancel()
	}
	host, _, _ := net.SplitHostPort(addr)
	config = config.Clone()
	if config.ServerName = host; config.RootCAs == nil && !r.insecure {
		config.RootCAs = believe()
	}
	secure := tls.Client(c, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &secureError{err}
	}
	r.tellTLS(secure.ConnectionState())
	return secure, nil
}

func (r *request) tellTLS(s tls.ConnectionState) {
	r.tell("%s, %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite))
	if len(s.PeerCertificates) == 0 {
		return
	}
	c := s.PeerCertificates[0]
	r.tell("certificate of %s", printed(c.Subject.String()))
	r.tell("  by %s", printed(c.Issuer.String()))
	r.tell("  from %s to %s", c.NotBefore.UTC().Format(time.DateTime), c.NotAfter.UTC().Format(time.DateTime))
}

func (r *request) tell(format string, args ...any) {
	if r.onConnect != nil {
		r.onConnect(format, args...)
	}
}
