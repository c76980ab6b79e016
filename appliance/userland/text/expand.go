package text

import (
	"bytes"
	"io"
	"math"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// foldOptions are those of fold, where -20 is -w 20.
func foldOptions(args []string) ([]getopt.Option, []string, error) {
	words := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			words = append(words, args[i:]...)
			break
		}
		if len(arg) > 1 && arg[0] == '-' && isDigit(arg[1]) {
			arg = "-w" + arg[1:]
		}
		words = append(words, arg)
	}
	return getopt.ParseLong(words, "bsw:", nil)
}

const expandHelp = `  -i    only tabs at the beginning of a line
  -t N  a tab stop each N columns (8)
`

// expand makes blanks of tabs.
func expand(c *command.Call) {
	stop, ok := tabStop(c)
	if !ok {
		return
	}
	width := textWidth()
	c.Each(func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, whole bool) error {
			var out []byte
			start, leading := 0, true
			for i, b := range line {
				leading = leading && isBlank(b)
				if b != '\t' || c.Has('i') && !leading {
					continue
				}
				out = append(out, line[start:i]...)
				out = append(out, bytes.Repeat([]byte(" "), stop-width(line[start:i])%stop)...)
				start = i + 1
			}
			return putLine(c.Stdout, append(out, line[start:]...), whole)
		})
	})
}

const unexpandHelp = `  -a    all blanks; else only those at the beginning of a line
  -f    only those, with -t too
  -t N  a tab stop each N columns (8); all blanks
`

// unexpand makes tabs of blanks.
func unexpand(c *command.Call) {
	stop, ok := tabStop(c)
	if !ok {
		return
	}
	all, width := (c.Has('a') || c.Has('t')) && !c.Has('f'), textWidth()
	c.Each(func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, whole bool) error {
			return putLine(c.Stdout, unexpandLine(line, stop, all, width), whole)
		})
	})
}

// unexpandLine counts columns from the last tab stop that is written.
func unexpandLine(line []byte, stop int, all bool, width func([]byte) int) (out []byte) {
	column, first := 0, true
	for rest := line; len(rest) > 0; first = false {
		text := bytes.TrimLeft(rest, " ")
		blanks := len(rest) - len(text)
		column += blanks
		if len(text) > 0 && text[0] == '\t' {
			column += stop - column%stop
			rest = text[1:]
			continue
		}
		if n := column / stop; n > 0 {
			column %= stop
			blanks = column
			out = append(out, bytes.Repeat([]byte("\t"), n)...)
		}
		out = append(out, bytes.Repeat([]byte(" "), blanks)...)
		if moved := len(text) < len(line) || !first; !all && moved {
			return append(out, text...)
		}
		n := bytes.IndexAny(text, " \t")
		if n < 0 {
			n = len(text)
		}
		out = append(out, text[:n]...)
		column = (column + width(text[:n])) % stop
		rest = text[n:]
	}
	return out
}

// tabStop is the distance of tab stops.
func tabStop(c *command.Call) (stop int, ok bool) {
	n, ok := option(c, 't', 8, math.MaxInt32)
	if ok && n == 0 {
		c.Misused("expected a tab stop each column or more")
		return 0, false
	}
	return int(n), ok
}

// textWidth is how many columns a text has.
func textWidth() func([]byte) int {
	if isUnicode() {
		return utf8.RuneCount
	}
	return func(text []byte) int { return len(text) }
}

func putLine(w *command.Writer, line []byte, whole bool) error {
	w.Write(line)
	if whole {
		w.WriteByte('\n')
	}
	return w.Err()
}
