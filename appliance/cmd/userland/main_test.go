package main

import (
	"bytes"
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		want   string // in what it printed
	}{
		{"/bin/ps -Z", 1, "usage: ps"},
		{"/bin/kill", 1, "usage: kill"},
		{"head -n", 1, "usage: head"},
		{"tail -n", 1, "usage: tail"},
		{"/bin/userland names", 0, "awk\nbase64\n"},
		{"/bin/cp", 1, "usage: cp"},
		{"/bin/[ a = b", 2, "] is missing"},
		{"/bin/test a = a ]", 2, "unknown operand"},
		{"/bin/userland", 127, "userland: expected to be called by the name of a command"},
		{"/bin/frobnicate x", 127, "frobnicate: expected to be called"},
	} {
		var out bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &out, &out)
		if status != tt.status || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: status %d, want %d; printed %q, want %q in it", tt.args, status, tt.status, &out, tt.want)
		}
	}
}

// A command has its share of the machine from its start.
func TestLimitMemory(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	limitMemory()
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	want := max(leastMemory, int64(info.Totalram)*int64(info.Unit)*memoryShare/100)
	if got := debug.SetMemoryLimit(-1); got != want {
		t.Errorf("the limit is %d bytes, want %d", got, want)
	}
}

// What is wrong is said by the name of what is wrong, the same way by all.
func TestMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	hunk := []byte("--- a\n+++ a\n@@ -1 +1,2 @@\n x\n+y\n")
	err := errors.Join(os.WriteFile("a", []byte("x\ny\n"), 0o600), os.WriteFile("hunk", hunk, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"awk 1 nosuch", 1, "awk: nosuch: No such file or directory\n"},
		{"cat nosuch", 1, "cat: can't open 'nosuch': No such file or directory\n"},
		{"cp a a nosuch", 1, "cp: nosuch: Not a directory\n"},
		{"mv a a nosuch", 1, "mv: nosuch: Not a directory\n"},
		{"mv a nosuch/x", 1, "mv: can't create 'nosuch/x': No such file or directory\n"},
		{"mv nosuch x", 1, "mv: can't rename 'nosuch': No such file or directory\n"},
		{"ln a nosuch/x", 1, "ln: nosuch/x: No such file or directory\n"},
		{"cp . nosuch/x", 1, "cp: omitting directory '.'\n"},
		{"rm nosuch", 1, "rm: can't remove 'nosuch': No such file or directory\n"},
		{"ls nosuch", 1, "ls: nosuch: No such file or directory\n"},
		{"md5sum nosuch", 1, "md5sum: can't open 'nosuch': No such file or directory\n"},
		{"gunzip nosuch", 1, "gunzip: nosuch: No such file or directory\n"},
		{"printf %d, 1 x 2", 1, "1,printf: invalid number 'x'\n0,2,"},
		{"sleep x", 1, "sleep: invalid number 'x'\n"},
		{"date -d x", 1, "date: invalid date 'x'\n"},
		{"awk BEGIN{break}", 1, "awk: cmd. line:1: 'break' not in a loop\n"},
		{"patch a hunk", 1, "patching file a\nPossibly reversed hunk 1 at 3\nHunk 1 FAILED 1/1.\n x\n+y\n"},
		{"mktemp x", 1, "mktemp: x: expected a name that ends in XXXXXX\n"},
		{"env nosuch", 127, "env: can't execute 'nosuch': No such file or directory\n"},
		{"xargs nosuch", 127, "xargs: nosuch: No such file or directory\n"},
		{"umount nosuch", 1, "umount: can't unmount nosuch: No such file or directory\n"},
	} {
		var out bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &out, &out)
		if status != tt.status || out.String() != tt.want {
			t.Errorf("%s: status %d, want %d; printed %q, want %q", tt.args, status, tt.status, &out, tt.want)
		}
	}
}
