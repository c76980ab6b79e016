package run

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// An authority issues certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key = a.make(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.pool.AddCert(a.cert)
	return a
}

// make makes a certificate, that of the authority if it has none.
func (a *authority) make(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	issuer, signer := a.cert, a.key
	if issuer == nil {
		issuer, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// issue issues a certificate for a name, valid from and to so long from now.
func (a *authority) issue(name string, from, to time.Duration) *tls.Certificate {
	a.t.Helper()
	cert, key := a.make(&x509.Certificate{
		DNSNames: []string{name}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// files writes a certificate and its key where a server finds them.
func (l *lab) files(c *tls.Certificate) (cert, key string) {
	l.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.file("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))),
		l.file("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// file writes a file and returns its path.
func (l *lab) file(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// The zones outside are delegated by a root of our own: each has a server and an address, and something is
// wrong with most of them.
const (
	rootZone = `$ORIGIN .
$TTL 300
@ SOA ns.lab. h.lab. 1 3600 900 604800 30
@ NS ns.lab.
ns.lab. A 192.0.2.53
`
	childZone = `$ORIGIN %s.
$TTL 300
@ SOA ns h 1 3600 900 604800 30
@ NS ns
ns A 192.0.2.54
www A 192.0.2.80
alias CNAME www
`
)

// signed signs a zone, valid from and to so long from now. ds is for the zone above.
func (l *lab) signed(name, text string, from, to time.Duration) (zone, ds string) {
	l.t.Helper()
	dir := l.t.TempDir()
	tool := func(program string, args ...string) string {
		cmd := exec.Command(testnet.Need(l.t, program, "ldnsutils"), args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			l.t.Fatalf("%v: %v", cmd, err)
		}
		return strings.TrimSpace(string(out))
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			l.t.Fatal(err)
		}
		return string(b)
	}
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("20060102150405") }
	key := tool("ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", name+".")
	plain := l.file("zone", text)
	tool("ldns-signzone", "-i", at(from), "-e", at(to), "-o", name+".", "-f", "signed", plain, key)
	return read("signed"), read(key + ".ds")
}

// startInternet starts servers of the root and of zones below it, and returns the key of the root as a DS
// record.
func (l *lab) startInternet() (anchor string) {
	l.t.Helper()
	const day = 24 * time.Hour
	l.provider.AddAddr("eth0", "192.0.2.54/24")
	root, zones := rootZone, []string{}
	for _, z := range []struct {
		name     string
		from, to time.Duration
	}{
		{"good", -day, day}, {"expired", -2 * day, -day}, {"early", day, 2 * day}, {"broken", -day, day}, {"plain", 0, 0},
	} {
		text, ds := fmt.Sprintf(childZone, z.name), ""
		if z.to != 0 {
			text, ds = l.signed(z.name, text, z.from, z.to)
		}
		if z.name == "broken" {
			text = strings.ReplaceAll(text, "192.0.2.80", "192.0.2.99")
		}
		root += fmt.Sprintf("%[1]s. NS ns.%[1]s.\nns.%[1]s. A 192.0.2.54\n%[2]s", z.name, ds)
		zones = append(zones, z.name, text)
	}
	root += "lame. NS ns.lame.\nns.lame. A 192.0.2.200\n" // where no server is
	l.provider.AddAddr("eth0", "192.0.2.200/24")
	root, anchor = l.signed("", root, -day, day)
	l.startNSD("192.0.2.53", ".", root)
	l.startNSD("192.0.2.54", zones...)
	return anchor
}

// startUnbound starts a resolver that validates, with TLS.
func (l *lab) startUnbound(addr, anchor string, cert *tls.Certificate) {
	l.t.Helper()
	l.provider.AddAddr("eth0", addr+"/24")
	certFile, keyFile := l.files(cert)
	hints := l.file("hints", ". 3600 NS ns.lab.\nns.lab. 3600 A 192.0.2.53\n")
	conf := l.file("unbound.conf", fmt.Sprintf(`server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  ede: yes
  module-config: "validator iterator"
  access-control: 0.0.0.0/0 allow
  root-hints: %q
  trust-anchor-file: %q
  tls-service-pem: %q
  tls-service-key: %q
  interface: %s@53
  interface: %[6]s@853
remote-control:
  control-enable: no
`, l.t.TempDir(), hints, l.file("anchor", anchor), certFile, keyFile, addr))
	l.provider.Start(exec.Command(testnet.Need(l.t, "unbound", "unbound"), "-d", "-c", conf))
	l.listens(addr + ":853")
}

// startKresd starts another of the same.
func (l *lab) startKresd(addr, anchor string, cert *tls.Certificate) {
	l.t.Helper()
	l.provider.AddAddr("eth0", addr+"/24")
	certFile, keyFile := l.files(cert)
	conf := l.file("kresd.conf", fmt.Sprintf(`net.ipv6 = false
net.listen('%[1]s', 53, { kind = 'dns' })
net.tls(%[2]q, %[3]q)
net.listen('%[1]s', 853, { kind = 'tls' })
cache.size = 10 * MB
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.load('hints > iterate')
hints.root({ ['ns.lab.'] = '192.0.2.53' })
trust_anchors.remove('.')
trust_anchors.add(%[4]q)
`, addr, certFile, keyFile, strings.TrimSpace(anchor)))
	l.provider.Start(exec.Command(testnet.Need(l.t, "kresd", "knot-resolver"), "-n", "-q", "-c", conf, l.t.TempDir()))
	l.listens(addr + ":853")
}

// server is one of a Config; name is that of its certificate, "" for one in the clear.
func server(addr, name string) servers.Server {
	s := servers.Server{Address: netip.MustParseAddr(addr), Kind: servers.Plain, Name: name}
	if name != "" {
		s.Kind = servers.TLS
	}
	return s
}

// asks has the service ask others.
func (l *lab) asks(all ...servers.Server) {
	l.t.Helper()
	l.conf.Upstream = servers.Config{Servers: all}
	if err := l.Reconfigure(l.conf); err != nil {
		l.t.Fatal(err)
	}
	l.resolver.Cache().Flush([]byte{0}, true)
}
