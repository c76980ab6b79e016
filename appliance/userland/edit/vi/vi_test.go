package vi_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/vi"
	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

func press(e *vi.Editor, keys string) {
	for _, r := range keys {
		if r == '\n' {
			r = '\r'
		}
		e.Key(key.Key(r))
	}
}

// TestKeys: what keys make of a text, and where the cursor is. What busybox's does as well is in TestBusybox
// and TestKeys of package edit; here is what it does not, and where the cursor stays.
func TestKeys(t *testing.T) {
	const E = "\x1b"
	for _, tt := range []struct {
		name, text, keys, want string
		cursor                 int
	}{
		{"a column is kept", "abcdef\nx\nabcdef\n", "4ljj", "abcdef\nx\nabcdef\n", 13},
		{"the end is kept", "abc\nx\nabcdef\n", "$jj", "abc\nx\nabcdef\n", 11},
		{"columns of tabs", "12345678901\n\tab\n", "10lj", "12345678901\n\tab\n", 14},
		{"one u for one command", "abc\n", "cwxyz" + E + "u", "abc\n", 0},
		{"one u for one insertion", "abc\n", "ione\ntwo" + E + "u", "abc\n", 0},
		{"one u for o", "abc\n", "oxyz" + E + "u", "abc\n", 3 - 1},
		{"u of a repeated command", "a b c d\n", "dw.u", "b c d\n", 0},
		{"u, more than there is", "abc\n", "xxuuuuu", "abc\n", 0},
		{"3x keeps all three", "abcdef\n", "3x$p", "defabc\n", 5},
		{"letters of more bytes", "äöü\n", "lx", "äü\n", 2},
		{"and r", "äöü\n", "lrx", "äxü\n", 2},
		{"and ~", "äöü\n", "~~", "ÄÖü\n", 4},
		{"and X", "äöü\n", "$X", "äü\n", 2},
		{"and words", "für dich\n", "wdw", "für \n", 4},
		{"and typed", "a\n", "aß" + E, "aß\n", 1},
		{"and f", "aöboc\n", "föx", "aboc\n", 1},
		{"broken UTF-8", "a\xffb\n", "lx", "ab\n", 1},
		{"d;", "a.b.c\n", "f.d;", "ac\n", 1},
		{"S", "one\ntwo\n", "jSx" + E, "one\nx\n", 4},
		{"^ matches once", "aaa\n", ":s/^a/b/g\n", "baa\n", 0},
		{"a pattern that cannot be", "abc\n", "/\\(a\\)\\1\nx", "bc\n", 0},
		{"u after :s", "a\na\n", ":%s/a/b/\nu", "a\na\n", 0},
		{"a count without end", "abc\n", "99999999999999999999x", "\n", 0},
		{"the same of p", "abcdefghijkl\n", "yy99999999999p", "abcdefghijkl\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := vi.New(24, 80)
			e.Load("f", []byte(tt.text), "")
			press(e, tt.keys)
			if got := string(e.Text()[:min(len(e.Text()), 100)]); got != tt.want || e.Cursor() != tt.cursor {
				t.Errorf("%q, cursor %d; want %q, %d", got, e.Cursor(), tt.want, tt.cursor)
			}
		})
	}
}

// TestModified: undo of all that was done since the file was written makes it unmodified.
func TestModified(t *testing.T) {
	e := vi.New(24, 80)
	e.Load("f", []byte("abc\n"), "")
	press(e, "xx")
	if !e.Modified() {
		t.Error("x does not count")
	}
	press(e, "uu")
	if e.Modified() {
		t.Error("uu does not count")
	}
	press(e, "x:w\n")
	wanted := e.Requests()
	if len(wanted) != 1 || wanted[0].Operation != vi.Write || string(wanted[0].Text) != "bc\n" {
		t.Fatalf("wanted %+v", wanted)
	}
	e.Wrote(wanted[0], nil)
	if e.Modified() {
		t.Error(":w does not count")
	}
	press(e, "u")
	if !e.Modified() {
		t.Error("u after :w does not count")
	}
}

// FuzzKeys: whatever is typed, the cursor is on a character of the text, the frame is one, and undo of all
// gives the text that was loaded.
func FuzzKeys(f *testing.F) {
	f.Add("one two\nthree\n", "dwjxpiabc\x1bu.:s/e/x/g\rGyyP/o\rn3J", 24, 80)
	f.Add("", "ox\x1bddu.uRab\r\x1bU", 2, 1)
	f.Add("ä\xff\t\n\n(a)\n", "2xjd%>>:%d\rupP~:1,2s/^/>/\rd}{c}x\x1b", 15, 40)
	f.Fuzz(func(t *testing.T, text, keys string, rows, columns int) {
		if len(text) > 2000 || len(keys) > 200 {
			return // large ones find nothing more
		}
		e := vi.New(min(rows, 100), min(columns, 200))
		e.Load("f", []byte(text), "")
		original := bytes.Clone(e.Text())
		for _, r := range keys {
			e.Key(key.Key(r))
			for _, wanted := range e.Requests() {
				switch wanted.Operation {
				case vi.Read:
					e.Put(wanted, []byte("read\n"), nil)
				case vi.Write:
					e.Wrote(wanted, nil)
				}
			}
			check(t, e)
			if len(e.Text()) > 1<<20 {
				return
			}
		}
		e.Key(key.Escape)
		e.Key(key.Escape)
		e.Key(key.Escape)
		for range 100000 {
			if e.Key('u'); strings.HasPrefix(e.Said(), "Already") {
				break
			}
			check(t, e)
		}
		if !bytes.Equal(e.Text(), original) {
			t.Errorf("undone: %q, was %q", e.Text(), original)
		}
	})
}

func check(t *testing.T, e *vi.Editor) {
	t.Helper()
	text, at := e.Text(), e.Cursor()
	if len(text) == 0 || text[len(text)-1] != '\n' || at < 0 || at >= len(text) {
		t.Fatalf("cursor %d in %q", at, text)
	}
	if !utf8.RuneStart(text[at]) && utf8.Valid(text) {
		t.Fatalf("cursor %d in the middle of a character of %q", at, text)
	}
	if f := e.Frame(); f.Row < 0 || f.Row >= f.Rows || f.Column < 0 || f.Column >= f.Columns || len(f.Lines) > f.Rows {
		t.Fatalf("frame %+v", f)
	}
}
