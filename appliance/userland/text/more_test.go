package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// numbered are n lines.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String()
}

// TestPager: a page after each key, on a screen of 20 columns and 4 rows.
func TestPager(t *testing.T) {
	for _, tt := range []struct {
		name, in, keys string
		wait           bool
		want           string // "|" is a prompt that was taken away, "^" a cleared screen
	}{
		{"one page", numbered(3), "", false, numbered(3)},
		{"one page of less", numbered(3), "", true, numbered(3)},
		{"nothing", "", "", true, ""},
		{"pages", numbered(7), "  ", false, "line 1\nline 2\nline 3\n|line 4\nline 5\nline 6\n|line 7\n"},
		{"lines", numbered(5), "\rj", false, "line 1\nline 2\nline 3\n|line 4\n|line 5\n"},
		{"q ends", numbered(9), "q", false, "line 1\nline 2\nline 3\n|"},
		{"so does ^C", numbered(9), "\x03", false, "line 1\nline 2\nline 3\n|"},
		{"and the end of keys", numbered(9), "", false, "line 1\nline 2\nline 3\n|"},
		{"other keys do nothing", numbered(4), "xq", false, "line 1\nline 2\nline 3\n||"},
		{"less waits at the end", numbered(4), " q", true, "line 1\nline 2\nline 3\n|line 4\n|"},
		{"back", numbered(7), " bq", false, "line 1\nline 2\nline 3\n|line 4\nline 5\nline 6\n|^line 1\nline 2\nline 3\n|"},
		{"to the start", numbered(10), "  gq", false,
			"line 1\nline 2\nline 3\n|line 4\nline 5\nline 6\n|line 7\nline 8\nline 9\n|^line 1\nline 2\nline 3\n|"},
		{"long lines take rows", strings.Repeat("x", 41) + "\nshort\n", " ", false, strings.Repeat("x", 41) + "\n|short\n"},
		{"longer than the screen", strings.Repeat("x", 200) + "\nshort\n", " ", false, strings.Repeat("x", 200) + "\n|short\n"},
		{"no end of line", "a\nb", "", false, "a\nb\n"},
		{"nothing acts on the terminal", "a\x1b[2Jb\tc\n", "", false, `a\x1b[2Jb    c` + "\n"},
	} {
		var out bytes.Buffer
		p := newPager(strings.NewReader(tt.in), &out, func() (int, int) { return 20, 4 })
		keys := strings.NewReader(tt.keys)
		err := p.run(func() (byte, error) { return keys.ReadByte() }, tt.wait)
		got := strings.NewReplacer("\x1b[7m"+morePrompt+"\x1b[m\r\x1b[K", "|", "\x1b[7m"+endPrompt+"\x1b[m\r\x1b[K", "|", "\x1b[H\x1b[J", "^").Replace(out.String())
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, printed %q, want %q", tt.name, err, got, tt.want)
		}
	}
}

// TestPagerIsBounded: of more than it keeps the last lines are there for who goes back.
func TestPagerIsBounded(t *testing.T) {
	var out bytes.Buffer
	p := newPager(strings.NewReader(numbered(5*keptLines)+strings.Repeat("x", 3*longLine)), &out, func() (int, int) { return 80, keptLines })
	keys := strings.NewReader("       g")
	if err := p.run(func() (byte, error) { return keys.ReadByte() }, true); err != nil {
		t.Fatal(err)
	}
	if len(p.lines) > keptLines {
		t.Errorf("%d lines are kept", len(p.lines))
	}
	for i, line := range p.lines {
		if len(line) > longLine {
			t.Errorf("line %d has %d bytes", i, len(line))
		}
	}
	failing := newPager(io.MultiReader(strings.NewReader("a\n"), failingReader{}), &out, func() (int, int) { return 80, 24 })
	if err := failing.run(nil, false); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v, want that of the input", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, os.ErrPermission }

// TestMoreOnAPipe: to anything but a terminal it copies, also as less.
func TestMoreOnAPipe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
		out    string
		errs   string
	}{
		{"more", exitOK, numbered(100), ""},
		{"/bin/less", exitOK, numbered(100), ""},
		{"less " + file + " " + file, exitOK, "of the file\nof the file\n", ""},
		{"less " + dir + "/nosuch " + file, exitFailed, "of the file\n", "less: open " + dir + "/nosuch: no such file"},
		{"less -FRX", exitOK, numbered(100), ""},
		{"less -N", exitUsage, "", "less: unknown option -N\nusage: more"},
	} {
		var out, errs bytes.Buffer
		status := More(t.Context(), strings.Fields(tt.args), strings.NewReader(numbered(100)), &out, &errs)
		if status != tt.status || out.String() != tt.out || !strings.HasPrefix(errs.String(), tt.errs) {
			t.Errorf("%s: status %d, %q, %q", tt.args, status, &out, &errs)
		}
	}
}

// TestPageOnATerminal: keys come from the terminal while the text comes from elsewhere, and its modes are back.
func TestPageOnATerminal(t *testing.T) {
	person, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer screen.Close()
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 4, Cols: 20}); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := os.OpenFile(screen.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	if !isTerminal(keys) {
		t.Fatal("a terminal is none")
	}
	type chunk struct {
		text string
		err  error
	}
	said := make(chan chunk, 100)
	go func() {
		for {
			b := make([]byte, 1000)
			n, err := person.Read(b)
			if said <- (chunk{string(b[:n]), err}); err != nil {
				return
			}
		}
	}()
	got := ""
	until := func(want string) {
		t.Helper()
		late := time.After(time.Minute)
		for !strings.Contains(got, want) {
			select {
			case c := <-said:
				if got += c.text; c.err != nil {
					t.Fatalf("%v after %q", c.err, got)
				}
			case <-late:
				t.Fatalf("%q does not come; there is %q", want, got)
			}
		}
		got = ""
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- page(ctx, strings.NewReader(numbered(20)), screen, keys, true) }()
	until(morePrompt)
	fmt.Fprint(person, "\x1b[6~")
	until("line 6\r\n")
	fmt.Fprint(person, "\r")
	until("line 7\r\n")
	cancel() // the process is asked to end
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil || after.Lflag != before.Lflag {
		t.Errorf("the modes are %#x, and were %#x, %v", after.Lflag, before.Lflag, err)
	}
}
