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
		{"/bin/ps -Z", 2, "usage: ps"},
		{"/bin/kill", 2, "usage: kill"},
		{"head -n", 2, "usage: head"},
		{"tail -n", 2, "usage: tail"},
		{"/bin/userland names", 0, "head\nkill\nless\nmore\nps\nsh\ntac\ntail\nvi\n"},
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
