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
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// A request is what is asked for, and how.
type request struct {
	method      string // "": GET, POST where there is a body
	keepMethod  bool   // after redirects too
	keepBody    bool   // and what is sent
	close       bool   // one reply, and then the end
	url         *url.URL
	header      http.Header
	host        string // in place of the URL's
	body        func() (io.ReadCloser, int64, error)
	user        *url.Userinfo
	follow      bool
	redirects   int // how many are followed
	network     string
	connect     time.Duration
	silence     time.Duration // between two pieces of a reply
	insecure    bool
	authorities string            // a file of them
	resolve     map[string]string // HOST:PORT → address
	proxy       string            // its URL; "-": none; "": as the environment has it
	from        string            // a link of this machine, or an address
	unzip       bool
	// what is done, for people; may be nil
	onConnect    func(format string, args ...any)
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
		next, wrong := location(resp, at)
		last := !r.follow || next == nil && wrong == nil
		if err := r.onHeader(resp, raw, last); err != nil || last {
			return resp, err
		}
		if wrong != nil {
			resp.Body.Close()
			return nil, wrong
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
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect ||
		method == http.MethodHead {
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
func location(resp *http.Response, at *url.URL) (*url.URL, error) {
	switch resp.StatusCode {
	case 300, 301, 302, 303, 305, 307, 308:
	default:
		return nil, nil
	}
	text := resp.Header.Get("Location")
	if text == "" {
		return nil, nil
	}
	next, err := at.Parse(strings.ReplaceAll(text, " ", "%20"))
	if err != nil {
		return nil, fmt.Errorf("%w: a redirect to %s", errURL, printed(text))
	}
	if next.Fragment == "" {
		next.Fragment = at.Fragment
	}
	return next, nil
}

// transport is net/http's, with connections of our own.
func (r *request) transport(record *headerRecord) (*http.Transport, error) {
	config, err := r.tlsConfig()
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		TLSClientConfig: config, DisableCompression: !r.unzip, MaxResponseHeaderBytes: maxHeader,
		ExpectContinueTimeout: time.Second, DialContext: func(ctx context.Context, _, addr string) (net.Conn,
			error) {
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
		proxyOfAll()
		t.Proxy = r.tunnel(http.ProxyFromEnvironment, config)
	default:
		proxy, err := parseProxy(r.proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = r.tunnel(http.ProxyURL(proxy), config)
	}
	return t, nil
}

// proxyOfAll has ALL_PROXY be that of each scheme that has none of its own in the environment, which net/http
// reads once.
func proxyOfAll() {
	for _, all := range []string{"all_proxy", "ALL_PROXY"} {
		for _, one := range []string{"http_proxy", "https_proxy"} {
			if value := os.Getenv(all); value != "" && os.Getenv(one) == "" &&
				os.Getenv(strings.ToUpper(one)) == "" {
				_ = os.Setenv(one, value) // it fails for no such name
			}
		}
	}
}

// parseProxy reads HOST:PORT, or a URL. Its port is 1080 if it says none, as curl has it.
func parseProxy(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !isPort(u.Port()) {
		return nil, fmt.Errorf("%w: the proxy %s", errURL, printed(text))
	}
	if u.Port() == "" && u.Scheme == "http" {
		u.Host += ":1080"
	}
	return u, nil
}

// tunnel is a choice of proxies that sees when HTTPS goes through one: net/http speaks TLS itself then.
func (r *request) tunnel(choice func(*http.Request) (*url.URL, error),
	config *tls.Config) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choice(req)
		if r.tunnelled = proxy != nil && req.URL.Scheme == "https"; r.tunnelled && config.RootCAs == nil &&
			!r.insecure {
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
		if c, err = r.dialer().DialContext(ctx, r.network, net.JoinHostPort(a, port)); err == nil {
			r.open, r.remote, r.local = time.Since(r.began), c.RemoteAddr(), c.LocalAddr()
			r.tell("Connected to %s (%s) port %s", printed(host), a, port)
			return c, nil
		}
	}
	return nil, &connectError{host, err}
}

// dialer connects from the link or address that --interface names.
func (r *request) dialer() *net.Dialer {
	d := &net.Dialer{}
	if addr := net.ParseIP(r.from); addr != nil {
		d.LocalAddr = &net.TCPAddr{IP: addr}
	} else if r.from != "" {
		d.Control = func(_, _ string, c syscall.RawConn) (err error) {
			failed := c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), r.from) })
			if err = errors.Join(failed, err); err != nil {
				err = fmt.Errorf("%w %s: %w", errInterface, printed(r.from), err)
			}
			return err
		}
	}
	return d
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
