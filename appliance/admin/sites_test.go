package admin_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
)

// TestSiteIsWarnedOf: who compares or applies a site is told what it says and hardly means, of one that the
// box is or was nothing; --strict applies no such site, and one with errors is counted out.
func TestSiteIsWarnedOf(t *testing.T) {
	const example = "../../examples/home"
	slip, broken := copyOf(t, example), copyOf(t, example)
	add(t, slip, "ethers", "00:16:3e:20:00:99 scaner\n")
	add(t, slip, "hosts", "192.168.32.98 scanner\n")
	add(t, broken, "ethers", "00:16:3e:20:00:99 scaner x\n00:16:3e:20:00 x\n")
	command := func(args ...string) (stdout, stderr string, code int) {
		var out, errs bytes.Buffer
		env := admin.Env{Stdout: &out, Stderr: &errs, RunDir: t.TempDir(), Image: os.DirFS(example)}
		code = admin.Run(t.Context(), env, args)
		return out.String(), errs.String(), code
	}
	for _, tt := range []struct {
		args       []string
		code       int
		says, ends string // on standard error; "" for nothing
	}{
		{[]string{"diff", "image", "image"}, 0, "", ""},
		{[]string{"diff", "image", slip}, 1, `ethers:11:19: warning: "scaner" is not in hosts`, "\n2 warnings\n"},
		{[]string{"apply", slip, "--dry-run"}, 0, `ethers:11:19: warning: "scaner" is not in hosts`, "\n2 warnings\n"},
		{[]string{"apply", slip, "--dry-run", "--strict"}, 1, `ethers:11:19: "scaner" is not in hosts`, "\n2 errors\n"},
		{[]string{"apply", broken, "--dry-run"}, 1, `ethers:11:26: "x" is one word too many`, "\n2 errors, 1 warning\n"},
	} {
		stdout, stderr, code := command(tt.args...)
		if code != tt.code || !strings.Contains(stderr, tt.says) || !strings.HasSuffix(stderr, tt.ends) || tt.says == "" && stderr != "" {
			t.Errorf("%q: status %d\n%s%s", tt.args, code, stdout, stderr)
		}
	}
}

// copyOf is a copy of a directory.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "site")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// add adds to the end of a file.
func add(t *testing.T, dir, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
