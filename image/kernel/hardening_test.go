package kernel

import (
	"os"
	"strings"
	"testing"
)

// Each line of hardening.config has a reason in docs/hardening.md, and the other way round.
func TestHardeningHasReasons(t *testing.T) {
	options, err := readFragmentFile(fragmentFiles, "config/hardening.config")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(cells[1], " `CONFIG_") {
			name := strings.Trim(cells[1], " `")
			if written[name] != "" {
				t.Errorf("the page has %s twice", name)
			}
			if written[name] = strings.TrimSpace(cells[2]); strings.TrimSpace(cells[3]) == "" {
				t.Errorf("the page has no reason for %s", name)
			}
		}
	}
	for _, o := range options {
		want := o.value
		switch want {
		case "y":
			want = "on"
		case notSet:
			want = "off"
		}
		if written[o.name] != want {
			t.Errorf("%s: %s is %s, the page says %q", o.place, o.name, want, written[o.name])
		}
		delete(written, o.name)
	}
	for name := range written {
		t.Errorf("the page has %s, hardening.config has not", name)
	}
}
