package main

import (
	"bytes"
	"os"
	"strings"
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

// What is wrong is said by the name of what is wrong, the same way by all.
func TestMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a", nil, 0o600); err != nil {
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
