package inet

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestHostname(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(name, ".")
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"", 0, name + "\n", ""},
		{"-s", 0, short + "\n", ""},
		{"-h", 1, "", "unknown option -h"}, // the defect that this command is here for
		{"--fqdn", 1, "", "unknown option --fqdn"},
		{"other", 1, "", "the name of the box is set in the site"},
	} {
		var stdout, stderr bytes.Buffer
		got := Commands()["hostname"].Main()(t.Context(), append([]string{"hostname"}, strings.Fields(tt.args)...), strings.NewReader(""), &stdout, &stderr)
		if got != tt.status || stdout.String() != tt.stdout || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("hostname %s: %d, %q, %q", tt.args, got, &stdout, &stderr)
		}
	}
	if after, err := os.Hostname(); err != nil || after != name {
		t.Errorf("the name of this machine is now %q: %v", after, err)
	}
}

// TestFullName uses the one name that every /etc/hosts has.
func TestFullName(t *testing.T) {
	if got, err := fullName(t.Context(), "localhost"); err != nil || !strings.HasPrefix(got, "localhost") {
		t.Errorf("full name of localhost: %q, %v", got, err)
	}
	if _, err := fullName(t.Context(), "no such name"); err == nil || !strings.Contains(err.Error(), "the full name of no such name is not in /etc/hosts") {
		t.Errorf("full name of nothing: %v", err)
	}
	if got, err := addresses(t.Context(), "localhost"); err != nil || !strings.HasPrefix(got, "127.") {
		t.Errorf("addresses of localhost: %q, %v", got, err)
	}
}
