package tty

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A wrapper writes words in lines that are not longer than the screen.
type wrapper struct {
	write          func(string) (int, error)
	width, current int
}

func (w *wrapper) word(s string) {
	switch {
	case w.current == 0:
	case w.current+1+len(s) >= w.width:
		w.end()
	default:
		w.write(" ")
		w.current++
	}
	w.write(s)
	w.current += len(s)
}

func (w *wrapper) end() {
	if w.current > 0 {
		w.write("\n")
		w.current = 0
	}
}

// show prints the modes: all, or what is not sane, and the characters.
func (t *terminal) show(all bool) {
	w := wrapper{write: t.c.Stdout.WriteString, width: columnsOf(os.Stdout)}
	w.word(fmt.Sprintf("speed %d baud;", rate(&t.modes)))
	if all {
		if rows, columns, err := sizeOf(t.file); err == nil {
			w.word(fmt.Sprintf("rows %d; columns %d;", rows, columns))
		}
	}
	w.word(fmt.Sprintf("line = %d;", t.modes.Line))
	w.end()
	for _, c := range t.controls {
		value := t.modes.Cc[c.index]
		switch c.index {
		case unix.VMIN:
			w.word(fmt.Sprintf("min = %d; time = %d;", value, t.modes.Cc[unix.VTIME]))
		case unix.VTIME:
		default:
			w.word(c.name + " = " + visible(value) + ";")
		}
	}
	w.end()
	of := uint8(ofControl)
	for _, s := range t.settings {
		if s.hidden {
			continue
		}
		if s.of != of {
			w.end()
			of = s.of
		}
		switch holds := s.holds(&t.modes); {
		case holds && (all || s.sane == unset):
			w.word(s.name)
		case !holds && s.mask == 0 && (all || s.sane == set):
			w.word("-" + s.name)
		}
	}
	w.end()
}

// visible is a character as people write it.
func visible(b byte) string {
	switch {
	case b == 0:
		return "<undef>"
	case b >= 0x80:
		return "M-" + visibleASCII(b&0x7f)
	}
	return visibleASCII(b)
}

func visibleASCII(b byte) string {
	if b < ' ' || b == 0x7f {
		return "^" + string(rune(b^0x40))
	}
	return string(rune(b))
}

// sizeOf is that of a terminal; where it does not know its own, as a serial line, the environment's, or
// usual.
func sizeOf(f *os.File) (rows, columns int, err error) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		size = &unix.Winsize{}
	}
	return side(int(size.Row), "LINES", 24), side(int(size.Col), "COLUMNS", 80), err
}

func side(n int, name string, usual int) int {
	const most = 30000 // as busybox has it
	if n <= 0 || n > most {
		n, _ = strconv.Atoi(os.Getenv(name))
	}
	if n <= 0 || n > most {
		n = usual
	}
	return n
}

func columnsOf(f *os.File) int {
	_, columns, _ := sizeOf(f)
	return columns
}
