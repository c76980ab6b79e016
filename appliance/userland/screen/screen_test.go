package screen_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/emulator"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// FuzzDraw: the differences that are sent make a terminal show the frame, whatever the frame was before; and
// nothing that a text holds reaches the terminal as an escape sequence.
func FuzzDraw(f *testing.F) {
	f.Add("one\ntwo\n", "one\nt\n", 5, 10)
	f.Add("世界\nabc", "a世\n\tx\x1b[2J", 3, 4)
	f.Add("a世b", "aXYb", 2, 3)
	f.Add("e\u0301\xff\u202e", "", 2, 20)
	f.Fuzz(func(t *testing.T, first, second string, rows, columns int) {
		rows, columns = 1+(rows&0x1f), 2+(columns&0x3f)
		var s screen.Screen
		terminal := emulator.New(rows, columns)
		for _, text := range []string{first, second, first} {
			frame := frameOf(text, rows, columns)
			_, _ = terminal.Write(s.Draw(frame))
			want := frame.String() + strings.Repeat("\n", rows-len(frame.Lines))
			if got := terminal.String(); got != want {
				t.Fatalf("the terminal shows\n%q\nwant\n%q", got, want)
			}
			if terminal.Row != frame.Row || terminal.Column != frame.Column || len(terminal.Unknown) > 0 {
				t.Fatalf("cursor %d,%d, want %d,%d; unknown: %s", terminal.Row, terminal.Column, frame.Row, frame.Column,
					terminal.Unknown)
			}
		}
	})
}

func frameOf(text string, rows, columns int) screen.Frame {
	f := screen.Frame{Rows: rows, Columns: columns, Row: len(text) % rows, Column: len(text) % columns}
	for i, line := range strings.Split(text, "\n") {
		style := screen.Style("")
		if i%2 == 1 {
			style = screen.Reverse
		}
		if len(f.Lines) < rows {
			f.Lines = append(f.Lines, screen.Window(screen.Text(line, style), 0, columns))
		}
	}
	return f
}
