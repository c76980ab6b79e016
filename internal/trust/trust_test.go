package trust

import (
	"crypto/x509"
	"testing"
)

func TestRoots(t *testing.T) {
	pool, err := Roots()
	if err != nil {
		t.Fatal(err)
	}
	if pool.Equal(x509.NewCertPool()) {
		t.Error("nobody is trusted")
	}
}
