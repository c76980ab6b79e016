package main

import (
	"bytes"
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
