package pager_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/pager"
	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

func press(p *pager.Pager, keys string) {
	for _, r := range keys {
		p.Key(key.Key(r))
	}
}

// TestFrame: what is seen of a text of 9 lines on a screen of 4.
func TestFrame(t *testing.T) {
	const text = "1\n2 two\n3\n4\n5 abcdefghijklmnop\n6\n7\n8\n9\n"
	for _, tt := range []struct {
		keys string
		o    pager.Options
		want string
	}{
		{"", pager.Options{}, "1\n2 two\n3\nf\n"},
		{"j", pager.Options{}, "2 two\n3\n4\n:\n"},
		{" ", pager.Options{}, "4\n5 abcdefgh\nijklmnop\n:\n"},
		{" k", pager.Options{}, "3\n4\n5 abcdefgh\n:\n"},
		{"G", pager.Options{}, "7\n8\n9\n(END)\n"},
		{"G ", pager.Options{}, "7\n8\n9\n(END)\n"},
		{"Gb", pager.Options{}, "5 abcdefgh\nijklmnop\n6\n:\n"},
		{"5g", pager.Options{Chop: true}, "5 abcdefgh\n6\n7\n:\n"},
		{"99g", pager.Options{}, "7\n8\n9\n(END)\n"},
		{"/[45]\r", pager.Options{}, "4\n5 abcdefgh\nijklmnop\n:\n"},
		{"/[45]\rn", pager.Options{}, "5 abcdefgh\nijklmnop\n6\n:\n"},
		{"/TWO\r", pager.Options{}, "1\n2 two\n3\nnot found\n"},
		{"/TWO\r", pager.Options{IgnoreCase: true}, "2 two\n3\n4\n:\n"},
		{"-Nj", pager.Options{}, "      2 2\n        tw\n        o\n:\n"},
	} {
		p := pager.New("f", 4, 10, tt.o)
		for i := range len(text) {
			p.Feed([]byte{text[i]}) // in pieces as small as can be
		}
		p.End()
		press(p, tt.keys)
		if got := p.Frame().String(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.keys, got, tt.want)
		}
	}
}

// FuzzKeys: whatever is typed on whatever text, a frame is one.
func FuzzKeys(f *testing.F) {
	f.Add("one\n\x1b[31mtwo\x1b[m\n", "j/t.o\rn-N-S-RGb99g5p", 4, 10)
	f.Add("世界\xff\t\n\n", "-N\x1b", 2, 1)
	f.Fuzz(func(t *testing.T, text, keys string, rows, columns int) {
		if len(text) > 2000 || len(keys) > 100 {
			return
		}
		p := pager.New("f", min(rows, 100), min(columns, 200), pager.Options{Color: true})
		half := len(text) / 2
		p.Feed([]byte(text[:half]))
		press(p, keys)
		p.Feed([]byte(text[half:]))
		p.End()
		for _, r := range keys {
			p.Key(key.Key(r))
			frame := p.Frame()
			if len(frame.Lines) > frame.Rows || frame.Row >= frame.Rows || frame.Column >= frame.Columns || frame.Column < 0 {
				t.Fatalf("frame %+v", frame)
			}
			for _, line := range frame.Lines {
				for _, c := range line {
					if strings.ContainsAny(c.Text, "\x1b\n\r\b") || strings.Trim(string(c.Style), "0123456789;:") != "" {
						t.Fatalf("cell %+v", c)
					}
				}
			}
		}
	})
}
