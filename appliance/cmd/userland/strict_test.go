package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		line    string
		status  int
		refused bool
		want    string
	}{
		{"uptime", 0, false, ""},
		{"uptime -h", 0, true, "usage: uptime\n"},
		{"dmesg -clear", 0, false, ""},
		{"dmesg --read-clear", 0, false, ""},
		{"dmesg -c", 2, true, "dmesg: unknown option -c\nusage: dmesg [-clear | -read-clear]\n"},
	} {
		words := strings.Fields(tt.line)
		var out bytes.Buffer
		status, refused := synopses()[words[0]].refuse(words[1:], &out, &out)
		if status != tt.status || refused != tt.refused || out.String() != tt.want {
			t.Errorf("%s: %d, %v, %q; want %d, %v, %q", tt.line, status, refused, &out, tt.status, tt.refused, tt.want)
		}
	}
}
