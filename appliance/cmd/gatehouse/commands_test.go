package main

import (
	"crypto/x509"
	"sync"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// once: the standard library takes roots once in a process, and the test may run twice.
var once sync.Once

// TestWgetBelieves: where no disk has certificate authorities, those of the program are believed.
func TestWgetBelieves(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/dev/null")
	t.Setenv("SSL_CERT_DIR", "/dev/null")
	once.Do(believe)
	pool, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := trust.Roots(); err != nil || !pool.Equal(want) {
		t.Errorf("others are believed, %v", err)
	}
	ran := false
	mains := believing(map[string]func(){"ls": func() { ran = true }})
	if mains["ls"](); !ran || mains["wget"] != nil {
		t.Error("there is a wget, or no ls")
	}
}
