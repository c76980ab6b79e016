package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// TestOnScreen: on a terminal no line is longer than it, whether it knows its width or not; elsewhere lines
// are whole.
func TestOnScreen(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 30))
	for _, tt := range []struct {
		columns uint16
		args    string
		want    int // columns of the first line
	}{
		{0, "status", 79}, {40, "status", 39}, {200, "status", len(long)}, {0, "status --json", len(long)},
		{0, "host web1 --xl=pv", len(long)}, {0, "host web1 --target", len(long)}, {0, "host web1 -target=lio", len(long)},
		{0, "host target", 79}, {0, "firewall show -a", len(long)}, {0, "firewall log", 79}, {0, "", 79},
	} {
		person, screen, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: tt.columns}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(onScreen(screen, strings.Fields(tt.args)), long)
		b := make([]byte, 1000)
		n, err := person.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if line, _, _ := strings.Cut(string(b[:n]), "\r\n"); len(line) != tt.want {
			t.Errorf("%d columns, %s: the first line has %d, want %d", tt.columns, tt.args, len(line), tt.want)
		}
		person.Close()
		screen.Close()
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if onScreen(file, nil) != file {
		t.Error("lines of a file are broken")
	}
}
