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
		{"nohup sleep -h", 0, false, ""},
		{"nohup --help", 0, true, "usage: nohup COMMAND [ARGUMENT…]\n"},
		{"uptime -c", 2, true, "uptime: unknown option -c\nusage: uptime\n"},
		{"stty -echo", 0, false, ""},
		{"stty --echo", 2, true, "stty: unknown option --echo\nusage: " + synopses()["stty"].usage + "\n"},
	} {
		words := strings.Fields(tt.line)
		var out bytes.Buffer
		status, refused := synopses()[words[0]].refuse(words[1:], &out, &out)
		if status != tt.status || refused != tt.refused || out.String() != tt.want {
			t.Errorf("%s: %d, %v, %q; want %d, %v, %q", tt.line, status, refused, &out, tt.status, tt.refused, tt.want)
		}
	}
}
