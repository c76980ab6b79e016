package fetch_test

import (
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// serve starts the servers of the test: HTTP on 80 and 8080, HTTPS on 443 and 8443, with an authority of
// their own, which vouches for site.example and nosuch.example.
func serve(t *testing.T, ns *testnet.Namespace, caFile string) {
	t.Helper()
	certificate := authority(t, caFile)
	servers := handler()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnel(ns, w)
			return
		}
		servers.ServeHTTP(w, r)
	})
	for _, addr := range []string{"127.0.0.1:80", "127.0.0.2:80", "127.0.0.1:8080", "127.0.0.1:443", "127.0.0.2:443", "127.0.0.1:8443"} {
		var l net.Listener
		err := ns.Do(func() (err error) { l, err = net.Listen("tcp", addr); return err })
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(addr, "443") {
			l = tls.NewListener(l, &tls.Config{
				Certificates: []tls.Certificate{certificate}, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256},
			})
		}
		server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
		server.SetKeepAlivesEnabled(true)
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { server.Close() })
	}
}

// tunnel is a proxy for HTTPS, whatever was asked for.
func tunnel(ns *testnet.Namespace, w http.ResponseWriter) {
	var far net.Conn
	err := ns.Do(func() (err error) { far, err = net.Dial("tcp", "127.0.0.1:443"); return err })
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	_, _ = io.WriteString(near, "HTTP/1.1 200 Go on\r\nX: y\r\n\r\n")
	go func() { _, _ = io.Copy(far, near); far.Close() }()
	_, _ = io.Copy(near, far)
}

// authority makes one, writes it to a file and returns a certificate by it.
func authority(t *testing.T, file string) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "site.example"}, DNSNames: []string{"site.example", "nosuch.example"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	if err == nil {
		err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}
}

func handler() http.Handler {
	const file = "0123456789"
	mux := http.NewServeMux()
	mux.HandleFunc("/", echo)
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x-file")
		http.ServeContent(w, r, "file", time.Time{}, strings.NewReader(file))
	})
	mux.HandleFunc("/norange", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, file) })
	mux.HandleFunc("/status/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		w.WriteHeader(n)
		if n != http.StatusNoContent {
			_, _ = io.WriteString(w, "sorry\n")
		}
	})
	to := func(path, target string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target)
			n, err := strconv.Atoi(r.PathValue("n"))
			if err != nil {
				n = http.StatusFound
			}
			w.WriteHeader(n)
			_, _ = io.WriteString(w, "moved\n")
		})
	}
	to("/redirect/{n}", "/echo")
	to("/loop", "/loop")
	to("/nowhere", "http://[::1")
	to("/elsewhere", "http://other.example/echo")
	to("/otherport", "http://site.example:8080/echo")
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
		for range 300 {
			_, _ = io.WriteString(w, strings.Repeat("0123456789abcdef", 1024))
		}
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "piece %d\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "unzipped\n")
		_ = z.Close()
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/hostile", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		switch r.URL.RawQuery {
		case "status":
			_, _ = io.WriteString(c, "HTTP/1.1 500 \u009b31mno\r\nContent-Length: 0\r\n\r\n")
		case "to":
			_, _ = io.WriteString(c, "HTTP/1.1 302 \u009b31m\r\nLocation: gopher://\u009b31m/\r\nContent-Length: 0\r\n\r\n")
		default:
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Evil: a\u009b31mb\r\nContent-Length: 0\r\n\r\n")
		}
	})
	raw(mux, "/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	raw(mux, "/empty", "")
	raw(mux, "/garbage", "nonsense\r\n\r\n")
	raw(mux, "/brokenchunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
	mux.HandleFunc("/stall", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			c.Close()
		}
	})
	return mux
}

// raw answers with bytes, and the end of the connection.
func raw(mux *http.ServeMux, path, text string) {
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, text)
			c.Close()
		}
	})
}

// echo says what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Host, r.RequestURI)
	// Which curl it is, and whether it asks first and tells a proxy to keep the connection, is another with
	// each version.
	if strings.HasPrefix(r.Header.Get("User-Agent"), "curl/") {
		r.Header.Set("User-Agent", "curl")
	}
	r.Header.Del("Expect")
	r.Header.Del("Proxy-Connection")
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], " | "))
	}
	fmt.Fprintf(w, "%s\n", body)
}
