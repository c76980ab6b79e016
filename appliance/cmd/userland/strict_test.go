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
		{"tty", 0, false, ""},
		{"tty -h", 0, true, "usage: tty\n"},
		{"nohup sleep -h", 0, false, ""},
		{"nohup --help", 0, true, "usage: nohup COMMAND [ARGUMENT…]\n"},
		{"dmesg -clear", 0, false, ""},
		{"dmesg --read-clear", 0, false, ""},
		{"dmesg -c", 2, true, "dmesg: unknown option -c\nusage: dmesg [-clear | -read-clear]\n"},
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
