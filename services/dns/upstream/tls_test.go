package upstream

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// TestCertificates has servers with certificates that are not accepted. The error says which, and why, at
// once.
func TestCertificates(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name     string
		issue    func(l *lab) *tls.Certificate
		want     string
		clock    bool
		accepted bool
	}{
		{"another name", func(l *lab) *tls.Certificate {
			return l.ca.issue(l.t, "dns.example", l.start.Add(-day), l.start.Add(day))
		}, "certificate of 192.0.2.53 is for dns.example, not resolver.example", false, false},
		{"an address", func(l *lab) *tls.Certificate {
			return l.ca.issue(l.t, "192.0.2.53", l.start.Add(-day), l.start.Add(day))
		}, "certificate of 192.0.2.53 is for 192.0.2.53, not resolver.example", false, false},
		{"expired", func(l *lab) *tls.Certificate {
			return l.ca.issue(l.t, "resolver.example", l.start.Add(-2*day), l.start.Add(-day))
		}, "certificate of 192.0.2.53 expired on 1999-12-31 00:00 by this box's clock of 2000-01-01 00:00 " +
			"UTC, and the clock may be wrong", true, false},
		{"not valid yet", func(l *lab) *tls.Certificate {
			return l.ca.issue(l.t, "resolver.example", l.start.AddDate(26, 0, 0), l.start.AddDate(27, 0, 0))
		}, "certificate of 192.0.2.53 is not valid before 2026-01-01 00:00 by this box's clock of " +
			"2000-01-01 00:00 UTC, and the clock may be wrong", true, false},
		{"another authority", func(l *lab) *tls.Certificate {
			other := newAuthority(l.t, l.start)
			return other.issue(l.t, "resolver.example", l.start.Add(-day), l.start.Add(day))
		}, `certificate of 192.0.2.53 is signed by "CN=Test CA", whom this box does not trust`, false, false},
		{"the right one", func(l *lab) *tls.Certificate {
			return l.ca.issue(l.t, "resolver.example", l.start.Add(-day), l.start.Add(day))
		}, "", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.53").secure("unused.example")
				h.cert = tc.issue(l)
				u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.53", "resolver.example")}})
				if tc.accepted {
					ask(t, u, "a.example.", "")
					return
				}
				began := time.Now()
				_, err := u.Ask(t.Context(), query("a.example."))
				want := "no server answered: 192.0.2.53#resolver.example: " + tc.want
				if err == nil || err.Error() != want || errors.Is(err, ErrClock) != tc.clock {
					t.Errorf("the error is\n%v, not\n%s", err, want)
				}
				var bad *CertificateError
				if !errors.As(err, &bad) || bad.Address.String() != "192.0.2.53" {
					t.Errorf("the error is %#v", err)
				}
				if took := time.Since(began); took > 100*ms {
					t.Errorf("it took %s", took)
				}
				if s := statusOf(t, u, "192.0.2.53"); s.State != Down || s.Error != tc.want {
					t.Errorf("the status is %s, %q", s.State, s.Error)
				}
			})
		})
	}
}

// TestClockIsSet has a box that starts in 1970: it answers soon after its clock is right.
func TestClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.add("192.0.2.53").secure("resolver.example")
		l.add("192.0.2.54")
		ahead := -30 * 365 * 24 * time.Hour
		now := func() time.Time { return time.Now().Add(ahead) }
		u := must1(New(servers.Config{Servers: []servers.Server{overTLS("192.0.2.53", "resolver.example")}},
			Options{Dial: l.dial, Now: now, Roots: l.ca.roots}))
		t.Cleanup(u.Close)
		for range 20 {
			if _, err := u.Ask(t.Context(), query("a.example.")); !errors.Is(err, ErrClock) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if s := statusOf(t, u, "192.0.2.53"); s.ErrorAt.Year() != 1970 {
			t.Errorf("the last error was at %s", s.ErrorAt)
		}
		ahead = 0
		for began := time.Now(); ; time.Sleep(100 * ms) {
			if _, err := u.Ask(t.Context(), query("a.example.")); err == nil {
				break
			} else if time.Since(began) > backoffFew {
				t.Fatal(err)
			}
		}
	})
}

// TestResumption has a client that comes back not make a whole handshake again.
func TestResumption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.53").secure("resolver.example")
		var resumed []bool
		h.config = &tls.Config{Certificates: []tls.Certificate{*h.cert}}
		h.config.VerifyConnection = func(s tls.ConnectionState) error {
			resumed = append(resumed, s.DidResume)
			return nil
		}
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.53", "resolver.example")}})
		ask(t, u, "a.example.", "")
		time.Sleep(time.Minute)
		ask(t, u, "b.example.", "")
		if len(resumed) != 2 || resumed[0] || !resumed[1] {
			t.Errorf("resumed: %v", resumed)
		}
	})
}

func TestOldTLSIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.53").secure("resolver.example")
		h.config = &tls.Config{
			Certificates: []tls.Certificate{*h.cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		}
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.53", "resolver.example")}})
		_, err := u.Ask(t.Context(), query("a.example."))
		if err == nil || !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestSubjects(t *testing.T) {
	l := &lab{t: t, ca: newAuthority(t, time.Now())}
	cert := must1(tlsLeaf(l.ca.issue(t, "dns.example", time.Now(), time.Now())))
	cert.DNSNames = []string{"a.example", "b.example", "c\x1b[2J.example"}
	cert.IPAddresses = []net.IP{{192, 0, 2, 1}, {192, 0, 2, 2}}
	if got := subjects(cert); got != `a.example, b.example, c\x1b[2J.example, 192.0.2.1, 1 more` {
		t.Errorf("the names are %q", got)
	}
	cert.DNSNames, cert.IPAddresses = nil, nil
	if got := subjects(cert); got != "nobody" {
		t.Errorf("the names are %q", got)
	}
	cert.IsCA, cert.RawSubject = true, nil
	if got := validity(cert, cert.NotAfter.Add(time.Hour)); !strings.HasPrefix(got, `is signed by "`) {
		t.Errorf("of an authority: %s", got)
	}
}

// TestBadCertificateBesideAnother has the other server answer as if there were one only.
func TestBadCertificateBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.add("192.0.2.1").secure("dns.example")
		l.add("192.0.2.2").secure("resolver.example").path = 50 * ms
		u := l.client(servers.Config{Servers: []servers.Server{
			overTLS("192.0.2.1", "resolver.example"), overTLS("192.0.2.2", "resolver.example"),
		}})
		for range 100 {
			if a := ask(t, u, "a.example.", "192.0.2.2"); a.Took > 350*ms {
				t.Errorf("took %s", a.Took)
			}
			time.Sleep(time.Second)
		}
	})
}
