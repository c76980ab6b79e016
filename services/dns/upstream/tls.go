package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// ErrClock is wrapped by a CertificateError that a wrong clock of this box may have caused: the certificate
// is not valid yet, or has expired.
var ErrClock = errors.New("the clock may be wrong")

// A CertificateError says why a server's certificate is not accepted.
type CertificateError struct {
	Address netip.Addr
	reason  string
	err     error
}

// Error says what is wrong as a sentence.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("certificate of %s %s", e.Address, e.reason)
}

// Unwrap returns the cause, ErrClock among them if it may be.
func (e *CertificateError) Unwrap() error { return e.err }

// handshake makes a connection a TLS one. Undated, the dates of the certificate are not looked at if they are
// against the clock; it returns whether they were not.
func (p *peer) handshake(ctx context.Context, conn net.Conn, undated bool) (net.Conn, bool, error) {
	config := p.tls
	if undated {
		config = p.undated(&undated)
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, undated, p.explain(err, undated)
	}
	if undated {
		p.world.Log.Warn("the clock is wrong: the dates of a certificate are not looked at", "server",
			p.server.String())
	}
	return secure, undated, nil
}

// undated is how a connection is made while the clock may be wrong. The checks of crypto/tls, which cannot do
// without a time, are made by verify; no session of such a connection is kept for later ones.
func (p *peer) undated(undated *bool) *tls.Config {
	c := p.tls.Clone()
	c.ClientSessionCache = nil
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		now := p.world.Now()
		*undated = now.Before(p.world.Epoch) || p.verify(s, now) != nil
		if !*undated {
			return nil
		}
		return p.verify(s, latestStart(s.PeerCertificates, p.world.Epoch))
	}
	return c
}

// latestStart is the time by which certificates are looked at without a clock, which they name themselves:
// that from which all of them are valid, or epoch if it is later.
func latestStart(all []*x509.Certificate, epoch time.Time) time.Time {
	for _, c := range all {
		if c.NotBefore.After(epoch) {
			epoch = c.NotBefore
		}
	}
	return epoch
}

// verify does what crypto/tls does for a client.
func (p *peer) verify(s tls.ConnectionState, now time.Time) error {
	o := x509.VerifyOptions{
		DNSName: p.server.Name, Roots: p.world.Roots(), Intermediates: x509.NewCertPool(), CurrentTime: now,
	}
	for _, c := range s.PeerCertificates[1:] { // there is one: TLS demands it of servers
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// explain says in whose words it can what was wrong with a handshake.
func (p *peer) explain(err error, undated bool) error {
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) {
		return fmt.Errorf("TLS: %w", err)
	}
	bad := &CertificateError{Address: p.server.Address, err: err}
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &host):
		bad.reason = fmt.Sprintf("is for %s, not %s", subjects(host.Certificate), p.server.Name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && undated:
		bad.reason = fmt.Sprintf("expired on %s, when this box's software was not made yet",
			invalid.Cert.NotAfter.UTC().Format(minute))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		bad.reason = validity(invalid.Cert, p.world.Now())
		bad.err = errors.Join(ErrClock, err)
	case errors.As(err, &unknown):
		bad.reason = fmt.Sprintf("is signed by %q, whom this box does not trust",
			verification.UnverifiedCertificates[len(verification.UnverifiedCertificates)-1].Issuer)
	default:
		bad.reason = "is not accepted: " + printable.String(verification.Err.Error())
	}
	return bad
}

// minute is how times are told.
const minute = "2006-01-02 15:04"

// validity says when a certificate is valid, and what this box takes for now.
func validity(c *x509.Certificate, now time.Time) string {
	when := "expired on " + c.NotAfter.UTC().Format(minute)
	if now.Before(c.NotBefore) {
		when = "is not valid before " + c.NotBefore.UTC().Format(minute)
	}
	if c.IsCA {
		when = fmt.Sprintf("is signed by %q, which %s", c.Subject, when)
	}
	return fmt.Sprintf("%s by this box's clock of %s UTC, and %v", when, now.UTC().Format(minute), ErrClock)
}

// maxSubjects is how many names of a certificate are told: some are for hundreds.
const maxSubjects = 4

// subjects are the names that a certificate is for.
func subjects(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	if more := len(all) - maxSubjects; more > 0 {
		all = append(all[:maxSubjects], fmt.Sprintf("%d more", more))
	}
	return printable.String(strings.Join(all, ", "))
}
