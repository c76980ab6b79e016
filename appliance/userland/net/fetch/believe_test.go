package fetch

import (
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// TestBelieve: where no disk has certificate authorities, those of the program are believed.
func TestBelieve(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/dev/null")
	t.Setenv("SSL_CERT_DIR", "/dev/null")
	if want, err := trust.Roots(); err != nil || !believe().Equal(want) {
		t.Errorf("others are believed, %v", err)
	}
}
