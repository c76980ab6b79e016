package bre_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/bre"
)

// TestGrep: what matches a text is what busybox's grep -o says.
func TestGrep(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox")
	}
	const text = `aab+c a.c a*b (x) {2} [y] a|b ab\c 1-2 foo_bar ^up $5 ooo]`
	for _, pattern := range []string{
		`a`, `a*b`, `*b`, `a.c`, `a\.c`, `+c`, `a\+b`, `a\?b`, `(x)`, `\((x)\)`, `{2}`, `o\{2\}`, `o\{1,\}`, `[ab]*c`, `[]y]`,
		`[^a-z ]`, `[[:digit:]]-[[:digit:]]`, `[\]`, `[a\]`, `a|b`, `ab\|foo`, `\(aa\|a\)b`, `^a`, `]$`, `^up`, `a^`, `$5`,
		`\<foo`, `bar\>`, `\w*_\w*`, `\[y\]`, `a**b`, `^*b`, `\(^a\)`, `\(]$\)`, `a\|ab`,
	} {
		re, err := bre.Compile(pattern, false)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		cmd := exec.Command(busybox, "grep", "-o", "-e", pattern)
		cmd.Stdin = strings.NewReader(text + "\n")
		out, _ := cmd.Output() // its status says whether there is a match
		want, _, _ := strings.Cut(string(out), "\n")
		for got := range strings.SplitSeq(re.FindString(text), "\n") {
			if got != want {
				t.Errorf("%s finds %q, busybox's grep %q", pattern, got, want)
			}
		}
	}
}

// TestRefused: what is no expression is an error.
func TestRefused(t *testing.T) {
	for _, pattern := range []string{`\`, `[`, `[a`, `\(a\)\1`, `\(`, `x\)`, `a\{3,1\}`, `[z-a]`, `[[:none:]]`} {
		if re, err := bre.Compile(pattern, false); err == nil {
			t.Errorf("%s is taken for %s", pattern, re)
		}
	}
}

// FuzzCompile: no pattern and no text make it panic.
func FuzzCompile(f *testing.F) {
	f.Add(`^\(a*\|[]x]\)\{2,3\}$`, "aax", true)
	f.Fuzz(func(t *testing.T, pattern, text string, ignoreCase bool) {
		if re, err := bre.Compile(pattern, ignoreCase); err == nil {
			for _, m := range re.FindAllStringIndex(text, -1) {
				if m[0] < 0 || m[1] < m[0] || m[1] > len(text) {
					t.Errorf("%q matches %v of %q", pattern, m, text)
				}
			}
		}
	})
}
