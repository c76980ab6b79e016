package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
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

// TestEscaping: what a host of the link says does nothing to the terminal of who watches.
func TestEscaping(t *testing.T) {
	theirs, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = out
	defer func() { os.Stdout = before }()
	escaping(map[string]func(){"tcpdump": func() { fmt.Println("A? \x1b]0;x\x07.lan\nnext") }})["tcpdump"]()
	if os.Stdout != out {
		t.Error("standard output is another afterwards")
	}
	out.Close()
	if b, err := io.ReadAll(theirs); err != nil || string(b) != `A? \x1b]0;x\x07.lan`+"\nnext\n" {
		t.Errorf("it printed %q, %v", b, err)
	}
}
