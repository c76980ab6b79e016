package vmtest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

//go:embed testdata/typed
var typedFile string

// A typedLine is a line of testdata/typed.
type typedLine struct {
	want string // its exit status; "=": what busybox does
	text string
}

func typedLines() (lines []typedLine) {
	for line := range strings.Lines(typedFile) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			want, text, _ := strings.Cut(line, " ")
			lines = append(lines, typedLine{want, text})
		}
	}
	return lines
}

// done ends what a line of the script has written: then comes its exit status.
const done = "\n--- status "

// script runs the lines one after the other, each in a shell of its own, in a directory made for them.
func script(lines []typedLine) string {
	var b strings.Builder
	b.WriteString("cd \"$(mktemp -d)\" || exit 1\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "( %s\n) </dev/null 2>/dev/null; printf '\\n--- status %%d\\n' $?\n", l.text)
	}
	return b.String()
}

// An answer is what a line came to.
type answer struct{ output, status string }

func answersOf(t *testing.T, lines []typedLine, output string) []answer {
	t.Helper()
	all := make([]answer, len(lines))
	for i, l := range lines {
		before, after, ok := strings.Cut(output, done)
		if !ok {
			t.Fatalf("%s: no status, but %q", l.text, output)
		}
		all[i].output = before
		all[i].status, output, _ = strings.Cut(after, "\n")
	}
	return all
}

// busyboxAnswers are those of Debian's busybox, to the lines that are compared.
func busyboxAnswers(ctx context.Context, t *testing.T) map[string]answer {
	t.Helper()
	busybox := testnet.Need(t, "busybox", "busybox")
	bin := t.TempDir()
	list, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		if err := os.Symlink(busybox, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	var lines []typedLine
	for _, l := range typedLines() {
		if l.want == "=" {
			lines = append(lines, l)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "sh"), "-s")
	cmd.Env, cmd.Stdin = []string{"PATH=" + bin, "HOME=/", "TMPDIR=" + t.TempDir()}, strings.NewReader(script(lines))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]answer{}
	for i, a := range answersOf(t, lines, string(out)) {
		all[lines[i].text] = a
	}
	return all
}

// typedByPeople: each line of the list does over ssh what it says there, and on the console, whose
// shell is open, its status is the same.
func typedByPeople(ctx context.Context, t *testing.T, h *home) {
	lines, theirs := typedLines(), busyboxAnswers(ctx, t)
	out, err := h.admin.run(ctx, script(lines))
	if err != nil {
		t.Fatal(err)
	}
	typed(ctx, t, h.vm, `cd "$(mktemp -d)"`)
	for i, got := range answersOf(t, lines, out) {
		l := lines[i]
		if l.want == "=" {
			want := theirs[l.text]
			if got.output != want.output {
				t.Errorf("%s: over ssh it says\n%s\nand busybox\n%s", l.text, got.output, want.output)
			}
			l.want = want.status
		}
		if got.status != l.want {
			t.Errorf("%s: over ssh its status is %s, expected %s\n%s", l.text, got.status, l.want, got.output)
		}
		said := typed(ctx, t, h.vm, "( "+l.text+" ) >said 2>&1; echo status-$?")
		if !strings.Contains(said, "status-"+l.want+"\r") {
			t.Errorf("%s: on the console, expected status %s:\n%s\n%s", l.text, l.want, said, typed(ctx, t, h.vm, "cat said"))
		}
	}
	closeShell(ctx, t, h.vm)
}
