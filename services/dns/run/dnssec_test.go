package run

import (
	"crypto/x509"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestValidators has real resolvers validate, with zones that are signed, expired, early, broken, unsigned
// and lame: what they say of them comes through to the client, and AD if it came over TLS.
func TestValidators(t *testing.T) {
	t.Parallel()
	l := newNetwork(t)
	ca := newAuthority(t)
	l.options.Upstream.Roots = func() *x509.CertPool { return ca.pool }
	anchor := l.startInternet()
	good := ca.issue("dns.lab", -time.Hour, time.Hour)
	l.startUnbound("192.0.2.1", anchor, good)
	l.startKresd("192.0.2.2", anchor, good)
	l.start()
	for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		for _, name := range []string{"dns.lab", ""} {
			s := server(addr, name)
			l.asks(s)
			ad := ""
			if name != "" {
				ad = " ad"
			}
			l.validated(t, s.String(), ad)
			l.delv(t, s.String(), anchor)
		}
	}
	l.asks(server("192.0.2.1", "dns.lab"))
	l.has("www.lame A +timeout=9", "SERVFAIL", "EDE: 2") // it has asked for as long as we wait
}

// validated asks for names of all zones, each twice: the second time there is an answer in the cache, or that
// there is none. What resolvers say of a zone with no valid signature is that it is bogus (6), has none in
// time (7, 8), or no key (9).
func (l *lab) validated(t *testing.T, who, ad string) {
	t.Helper()
	for _, c := range []struct{ question, status, flags, has, without string }{
		{"www.good A +dnssec", "NOERROR", ad, "RRSIG A 13", "EDE:"},
		{"www.good A", "NOERROR", ad, "192.0.2.80", "RRSIG"},
		{"www.good A +noadflag", "NOERROR", "", "192.0.2.80", "RRSIG"},
		{"alias.good A", "NOERROR", ad, "CNAME www.good.", "RRSIG"},
		{"nobody.good A +dnssec", "NXDOMAIN", ad, "NSEC", "EDE:"},
		{"www.plain A", "NOERROR", "", "192.0.2.80", "EDE:"},
		{"www.broken A", "SERVFAIL", "", "EDE: 6 ", "192.0.2.99"},
		{"www.broken A +cd", "NOERROR", " cd", "192.0.2.99", "EDE: 22"},
		{"www.expired A", "SERVFAIL", "", "EDE: [679] ", "192.0.2.80"},
		{"www.expired A +cd +dnssec", "NOERROR", " cd", "RRSIG A 13", "EDE: 22"},
		{"www.early A", "SERVFAIL", "", "EDE: [689] ", "192.0.2.80"},
	} {
		want := regexp.MustCompile("status: " + c.status + ", .*;; flags: qr rd ra" + c.flags + ";.*" + c.has)
		for range 2 {
			got := l.dig(strings.Fields(c.question + " +timeout=9")...)
			if !want.MatchString(got) || strings.Contains(got, c.without) {
				t.Errorf("%s, %s: not %s, or with %q:\n%s", who, c.question, want, c.without, got)
			}
		}
	}
}

// delv validates by itself, by way of the box.
func (l *lab) delv(t *testing.T, who, anchor string) {
	t.Helper()
	words := strings.Fields(anchor) // . IN DS tag algorithm digest-type digest
	file := l.file("anchors", fmt.Sprintf("trust-anchors { . static-ds %s %s %s \"%s\"; };\n",
		words[3], words[4], words[5], words[6]))
	for name, want := range map[string]string{
		"www.good": "; fully validated", "www.plain": "; unsigned answer", "alias.good": "; fully validated",
		"www.broken": "resolution failed", "www.expired": "resolution failed",
		"nobody.good": "; negative response, fully validated",
	} {
		out := l.client.Run(testnet.Need(t, "delv", "bind9-dnsutils"), "@192.168.32.1", "-a", file, "+root=.", name, "A")
		if !strings.Contains(out, want) {
			t.Errorf("%s: delv says of %s\n%s\nand not %s", who, name, out, want)
		}
	}
}
