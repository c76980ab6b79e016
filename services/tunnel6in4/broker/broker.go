// Package broker asks the API of a tunnel broker, in the words of dyndns2 as tunnelbroker.net has them, by
// HTTPS.
//
// A request goes out over IPv4 from the address that it is about, so the broker sees what the world sees of
// it. The key goes to a server whose certificate is good for the name, and to no other: redirects are not
// followed, there is no proxy and no HTTP/2. An answer is read up to 4 KiB, and all of it takes half a minute
// at most. Names are looked up at the resolver that Options say. Errors say what failed, without the key.
package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
)

const (
	maxAnswer = 4 << 10 // bytes
	maxHead   = 16 << 10
	within    = 30 * time.Second
	dialTime  = 15 * time.Second

	// agent names program and maker, as the API wants it of clients.
	agent = "Gatehouse/1 (6in4 endpoint update)"
)

// Options are the world of a request.
type Options struct {
	Resolver netip.AddrPort
	Roots    *x509.CertPool
	// Time is the time of day, for certificates.
	Time func() time.Time
}

// Ask tells a broker, and returns what came of it. Should an answer have the key in it, that is left out.
func Ask(ctx context.Context, t tunnel6in4.Tell, o Options) tunnel6in4.Outcome {
	out := ask(ctx, t, o)
	out.Text = strings.ReplaceAll(out.Text, t.Update.Key, "…")
	return out
}

func ask(ctx context.Context, t tunnel6in4.Tell, o Options) tunnel6in4.Outcome {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	transport := &http.Transport{
		DialContext: dialer(t.From, o.Resolver), TLSClientConfig: &tls.Config{RootCAs: o.Roots, Time: o.Time},
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHead, TLSHandshakeTimeout: dialTime,
	}
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Update.URL, nil)
	if err != nil {
		return failed(err)
	}
	req.URL.RawQuery = url.Values{"hostname": {t.Update.Tunnel}}.Encode()
	req.SetBasicAuth(t.Update.User, t.Update.Key)
	req.Header.Set("User-Agent", agent)
	resp, err := client.Do(req)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return failed(err)
	}
	return tunnel6in4.Read(resp.StatusCode, body)
}

// dialer connects over IPv4 from one address, and looks names up at one resolver.
func dialer(
	from netip.Addr, resolver netip.AddrPort,
) func(context.Context, string, string) (net.Conn, error) {
	d := net.Dialer{
		Timeout: dialTime, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn,
			error) {
			return (&net.Dialer{}).DialContext(ctx, network, resolver.String())
		}},
	}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp4", address)
	}
}

// failed makes an outcome of an error. That of http names the URL, which has the id and no key; its cause is
// enough.
func failed(err error) tunnel6in4.Outcome {
	const maxText = 200
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	o := tunnel6in4.Outcome{Code: tunnel6in4.Silent, Text: printable.Cut(err.Error(), maxText)}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	op, connecting := errors.AsType[*net.OpError](err)
	switch {
	case untrusted:
		o.Code = tunnel6in4.Untrusted
	case connecting && op.Op == "dial":
		o.Code = tunnel6in4.Unreached
	}
	return o
}
