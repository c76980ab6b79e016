package main

import (
	"bytes"
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
	if err := os.WriteFile("a", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"awk 1 nosuch", 1, "awk: nosuch: no such file or directory\n"},
		{"cat nosuch", 1, "cat: nosuch: no such file or directory\n"},
		{"cp a a nosuch", 1, "cp: nosuch: not a directory\n"},
		{"mv a a nosuch", 1, "mv: nosuch: not a directory\n"},
		{"mv a nosuch/x", 1, "mv: nosuch/x: no such file or directory\n"},
		{"mv nosuch x", 1, "mv: nosuch: no such file or directory\n"},
		{"ln a nosuch/x", 1, "ln: nosuch/x: no such file or directory\n"},
		{"mktemp x", 1, "mktemp: x: expected a name that ends in XXXXXX\n"},
		{"env nosuch", 127, "env: nosuch: not found\n"},
		{"xargs nosuch", 127, "xargs: nosuch: not found\n"},
		{"umount nosuch", 1, "umount: nosuch: no such file or directory\n"},
	} {
		var out bytes.Buffer
		status := run(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &out, &out)
		if status != tt.status || out.String() != tt.want {
			t.Errorf("%s: status %d, want %d; printed %q, want %q", tt.args, status, tt.status, &out, tt.want)
		}
	}
}
