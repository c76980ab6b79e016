package edit_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
)

// write makes a file in a directory of its own.
func write(t *testing.T, name, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestViScreen looks at vi in two sizes, and at what a file with escape sequences sends.
func TestViScreen(t *testing.T) {
	dir := write(t, "f", "one\n\ttab\nwide 世界\n\x1b]0;title\x07\n"+strings.Repeat("long ", 30)+"\n")
	p := sit(t, dir, 24, 80, program(t, false, "vi"), "f")
	p.bottom("- f 1/5 20%")
	for _, want := range []string{"one\n", "\n        tab\n", "\nwide 世界\n", "\n^[]0;title^G\n", "\n~\n"} {
		p.shows(want)
	}
	p.types("jjwl")
	p.sees("the cursor behind a wide character", func(s *emulator.Screen) bool { return s.Row == 2 && s.Column == 7 })
	p.types("ix")
	p.shows("wide 世x界")
	p.bottom("I f [Modified] 3/5 60%")
	p.resize(15, 40)
	p.bottom("I f [Modified] 3/5 60%")
	p.shows("\nwide 世x界\n")
	p.types("\x1b")
	p.bottom("- f [Modified] 3/5 60%")
	p.types("G$")
	p.sees("the end of a long line", func(s *emulator.Screen) bool { return s.Column == 39 && s.Line(4)[35:] == "long" })
	p.types(":q\r")
	p.bottom("No write since last change")
	p.types(":q!\r")
	if status := p.leaves(); status != 0 || bytes.Contains(p.sent, []byte("\x1b]")) {
		t.Errorf("exit status %d; sent %q", status, p.sent)
	}
}

// TestLess drives less: pages, searches, line numbers, what is added to a file.
func TestLess(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		text.WriteString("line " + strings.Repeat("i", i) + " end\n")
	}
	dir := write(t, "f", text.String())
	p := sit(t, dir, 15, 120, program(t, false, "less"), "-N", "f")
	p.shows("      1 line  end\n")
	p.types(" ")
	p.shows("     15 line iiiiiiiiiiiiii end\n")
	p.types("G")
	p.bottom("(END)")
	p.types("?i{50} end\r")
	p.sees("a match", func(s *emulator.Screen) bool { return strings.HasPrefix(s.Line(0), "     87 ") })
	p.types("g/nothing\r")
	p.bottom("Pattern not found")
	p.types("F")
	p.bottom("Waiting for data")
	f, err := os.OpenFile(filepath.Join(dir, "f"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("added\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	p.shows("    101 added\n")
	p.types("q")
	p.sees("the prompt", func(s *emulator.Screen) bool { return !strings.Contains(s.Line(14), "Waiting") })
	p.types("q")
	if status := p.leaves(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestLessColours: with -R colours are sent, and nothing else; without, all is seen as it is.
func TestLessColours(t *testing.T) {
	dir := write(t, "f", "\x1b[31mred\x1b[m \x1b[2J\x1b]0;title\x07 \x1b[1;9999999999999999999999999999999999999999999999999999m\n")
	for flag, want := range map[string]string{"-R": "red ^[[2J^[]0;title^G", "-N": "      1 ^[[31mred^[[m ^[[2J^[]0;title^G"} {
		p := sit(t, dir, 24, 80, program(t, false, "less"), flag, "f")
		p.shows(want)
		p.types("q")
		p.leaves()
		colour := bytes.Contains(p.sent, []byte("\x1b[31mred"))
		if colour != (flag == "-R") || bytes.Contains(p.sent, []byte("\x1b[2J")) || bytes.Contains(p.sent, []byte("\x1b]")) {
			t.Errorf("%s sent %q", flag, p.sent)
		}
	}
}

// TestLessFits: with -F a short file is printed, and that was it.
func TestLessFits(t *testing.T) {
	p := sit(t, write(t, "f", "one\ntwo\n"), 24, 80, program(t, false, "less"), "-F", "f")
	if status := p.leaves(); status != 0 || string(p.sent) != "one\r\ntwo\r\n" {
		t.Errorf("exit status %d; sent %q", status, p.sent)
	}
}

// TestMore goes by pages and lines.
func TestMore(t *testing.T) {
	p := sit(t, write(t, "f", strings.Repeat("x\n", 13)+"14\n15\n16\n\x1bc\n"), 15, 40, program(t, false, "more"), "f")
	p.bottom("--More--")
	p.types("\r")
	p.shows("15\n--More--")
	p.types(" ")
	if status := p.leaves(); status != 0 || !strings.Contains(string(p.sent), "16\r\n^[c\r\n") {
		t.Errorf("exit status %d; sent %q", status, p.sent)
	}
}

// TestNotEdited: a file that cannot be read, for its size or else, is not written to either, whoever forces
// it.
func TestNotEdited(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large"), []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "large"), 9<<20); err != nil { // with a hole: it takes no room
		t.Fatal(err)
	}
	for _, keys := range []string{":w!\r:q!\r", "iword\x1b:wq!\r:q!\r", "xZZ:q!\r", ":e! large\r:w!\r:q!\r"} {
		cmd := exec.Command(program(t, false, "vi"), "large")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(keys)
		out, err := cmd.CombinedOutput()
		if info, statErr := os.Stat(filepath.Join(dir, "large")); statErr != nil || info.Size() != 9<<20 {
			t.Errorf("%q: it has become another: %v, %v; vi: %v, %q", keys, info, statErr, err, out)
		}
	}
}

// TestTwoAtOnce: what another has written to a file meanwhile is not lost by :w.
func TestTwoAtOnce(t *testing.T) {
	dir := write(t, "f", "old\n")
	p := sit(t, dir, 10, 60, program(t, false, "vi"), "f")
	p.bottom("- f 1/1")
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("another's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.types("imine\x1b:w\r")
	p.bottom("changed by somebody else")
	if text, err := os.ReadFile(filepath.Join(dir, "f")); string(text) != "another's\n" {
		t.Errorf("%q, %v", text, err)
	}
	p.types(":w!\rx:wq\r")
	p.leaves()
	if text, err := os.ReadFile(filepath.Join(dir, "f")); string(text) != "minold\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestFullDisk: on a disk without room a file keeps what it had, and vi says why.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	script := `mount -t tmpfs -o size=64k none "$1" && cd "$1" && echo old >f && { cat /dev/zero >fill 2>/dev/null
		printf ':w\r' | "$2" -c '%s/old/new/' f; echo "status $?"; ls -A; cat f; }`
	out, err := exec.Command("unshare", "-m", "sh", "-c", script, "sh", dir, program(t, false, "vi")).CombinedOutput()
	if err != nil {
		t.Fatalf("a mount namespace needs root: %v: %s", err, out)
	}
	for _, want := range []string{"f: no space left on device", "status 1\nf\nfill\nold\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
}
