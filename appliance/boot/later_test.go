package boot

import (
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestLaterInterfaces: an interface that comes when the settings are made begins with them.
func TestLaterInterfaces(t *testing.T) {
	ns := testnet.New(t, "later")
	if err := ns.Do(func() error {
		for _, s := range settings() {
			if _, _, every := s.split(); every {
				if err := set(sysctlDir, s); err != nil {
					t.Errorf("%s: %v", s.Path, err)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ns.Bridge("eth7")
	if err := ns.Do(func() error {
		for _, s := range settings() {
			before, behind, every := s.split()
			if !every {
				continue
			}
			text, err := os.ReadFile(sysctlDir + "/" + before + "eth7" + behind)
			if err != nil || strings.TrimSpace(string(text)) != s.Value {
				t.Errorf("%s of eth7 is %q, %v", s.Path, text, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
