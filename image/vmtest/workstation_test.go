package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// pushProgram is that of `make push`.
var pushProgram = sync.OnceValues(func() (string, error) {
	program := filepath.Join(builds, "push")
	out, err := exec.Command("go", "build", "-o", program, "../../appliance/cmd/push").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// A workstation is where an administrator keeps the site of an appliance, and sends it from.
type workstation struct {
	admin
	site string // its directory
	push string // the program
}

// newWorkstation has the site that the image was made of, with the administrator's key.
func newWorkstation(t *testing.T, a admin, site string) *workstation {
	t.Helper()
	program, err := pushProgram()
	if err != nil {
		t.Fatal(err)
	}
	w := &workstation{admin: a, site: filepath.Join(t.TempDir(), "site"), push: program}
	if err := os.CopyFS(w.site, os.DirFS(site)); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(a.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, "authorized_keys", string(key))
	return w
}

// copied is the same administrator with a copy of the site.
func (w *workstation) copied(t *testing.T) *workstation {
	t.Helper()
	other := *w
	other.site = filepath.Join(t.TempDir(), "site")
	if err := os.CopyFS(other.site, os.DirFS(w.site)); err != nil {
		t.Fatal(err)
	}
	return &other
}

func (w *workstation) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.site, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w *workstation) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.site, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// add adds lines to a file of the site.
func (w *workstation) add(t *testing.T, name, lines string) {
	t.Helper()
	w.write(t, name, strings.TrimRight(w.read(t, name), "\n")+"\n"+lines)
}

// change puts one text in the place of another, which must be there, in a file of the site.
func (w *workstation) change(t *testing.T, name, from, to string) {
	t.Helper()
	text := w.read(t, name)
	if !strings.Contains(text, from) {
		t.Fatalf("%s has no %q", name, from)
	}
	w.write(t, name, strings.ReplaceAll(text, from, to))
}

// tunnel adds the tunnel of the tests to the site, with what its broker routes.
func (w *workstation) tunnel(t *testing.T, routed ...string) {
	t.Helper()
	w.change(t, "site.toml", beforeLANs, tunnelTo(routed...)+beforeLANs)
}

// What the site of the home has, and what is put there: lines in which the tests change it.
const (
	noIPv6        = `# ipv6     = "2001:db8:0:1::10/64"`
	delegatedIPv6 = "ipv6 = \"auto\"\ndelegation = 56"
	beforeLANs    = "# A network of hosts. The"
)

// tunnelTo is the tunnel of the tests in a site.
func tunnelTo(routed ...string) string {
	return fmt.Sprintf("[tunnel]\nserver = %q\nipv6 = %q\nrouted = [\"%s\"]\n\n", brokerAddr, ourEnd, strings.Join(routed, `", "`))
}

// pushes makes the appliance the site, as `make push` does, and gives all that it says.
func (w *workstation) pushes(ctx context.Context, args ...string) (string, error) {
	ssh := "ssh " + strings.Join(w.options(), " ")
	args = append([]string{"-host", w.address, "-site", w.site, "-ssh", ssh}, args...)
	out, err := output(ctx, w.from, nil, w.push, args...)
	if err != nil {
		out += err.Error()
	}
	return out, err
}

// apply puts the site on trial, and gives its number. Nobody comes in anew to confirm it.
func (w *workstation) apply(ctx context.Context, t *testing.T) (number string) {
	t.Helper()
	send := fmt.Sprintf("tar cf - -C %s . | ssh %s admin@%s gatehouse apply - --within 2m",
		w.site, strings.Join(w.options(), " "), w.address)
	out, err := output(ctx, w.from, nil, "sh", "-c", send)
	match := regexp.MustCompile("gatehouse confirm ([0-9]+)").FindStringSubmatch(out)
	if err != nil || match == nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	return match[1]
}

// mustPush is pushes for a site that has to be kept.
func (w *workstation) mustPush(ctx context.Context, t *testing.T, args ...string) {
	t.Helper()
	out, err := w.pushes(ctx, args...)
	if err != nil || !strings.Contains(out, "is kept.") {
		t.Fatalf("push: %v\n%s", err, out)
	}
}

// answered gives the status of an appliance when all whom it asks have answered.
func (a admin) answered(ctx context.Context, t *testing.T) (s status) {
	t.Helper()
	testnet.Eventually(t, Guard, "everybody answers status", func() bool {
		s = status{}
		a.json(ctx, t, "gatehouse status --json || true", &s)
		return !slices.ContainsFunc(s.Problems, unanswered)
	})
	return s
}

// clean gives the status of an appliance, which must have no problem but those with some words, and nothing
// on trial.
func (a admin) clean(ctx context.Context, t *testing.T, when string, but ...string) status {
	t.Helper()
	s := a.answered(ctx, t)
	problems := slices.DeleteFunc(slices.Clone(s.Problems), func(p string) bool {
		return slices.ContainsFunc(but, func(words string) bool { return strings.Contains(p, words) })
	})
	if len(problems) > 0 || s.Box.Site.Trial != nil {
		t.Errorf("%s: problems %q, on trial %+v", when, problems, s.Box.Site.Trial)
	}
	return s
}

// well waits until an appliance has no problem and nothing on trial, and gives its status.
func (a admin) well(ctx context.Context, t *testing.T, when string) (s status) {
	t.Helper()
	defer func() {
		if len(s.Problems) > 0 {
			t.Logf("%s: %q", when, s.Problems)
		}
	}()
	testnet.Eventually(t, Guard, "all is well "+when, func() bool {
		s = status{}
		a.json(ctx, t, "gatehouse status --json || true", &s)
		return len(s.Problems) == 0 && s.Box.Site.Trial == nil
	})
	return s
}

// wellText waits until an appliance says that all is well, and gives what it says.
func (a admin) wellText(ctx context.Context, t *testing.T) (text string) {
	t.Helper()
	testnet.Eventually(t, Guard, "gatehouse status ends with 0", func() bool {
		var err error
		text, err = a.run(ctx, "gatehouse status")
		return err == nil
	})
	return text
}

// unanswered reports whether a problem is that somebody took longer to answer than status waits, as they do
// on an emulated machine beside others.
func unanswered(problem string) bool {
	return strings.Contains(problem, "answer within") || strings.Contains(problem, "i/o timeout")
}

// saysAll looks for texts in what somebody said.
func saysAll(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s: %q is missing in\n%s", what, w, text)
		}
	}
}
