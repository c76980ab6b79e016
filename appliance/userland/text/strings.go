package text

import (
	"fmt"
	"io"
	"math"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const stringsHelp = `  -n N        of N characters at least (4)
  -o          with its place before, octal
  -t o|d|x    the same: octal, decimal, hexadecimal
  -f          with the name of the file before
`

// stringsCommand prints text in binary files.
func stringsCommand(c *command.Call) {
	least, ok := option(c, 'n', 4, math.MaxInt32)
	if !ok {
		return
	}
	radix, given := c.Value('t')
	if !given {
		radix = "o"
	}
	if least == 0 || radix != "o" && radix != "d" && radix != "x" {
		c.Misused("expected one character at least, and o, d or x")
		return
	}
	stdin := len(c.Args) == 0
	c.Each(func(name string, r io.Reader) error {
		f := finder{out: c.Stdout, least: int(least)}
		if c.Has('f') {
			f.name = name + ": "
			if stdin {
				f.name = "{" + shownName(name) + "}: "
			}
		}
		if given || c.Has('o') {
			f.place = "%7" + radix + " "
		}
		err := eachPiece(c, r, f.find)
		f.end()
		return err
	})
}

// finder finds text.
type finder struct {
	out   *command.Writer
	least int
	name  string // before each; ""
	place string // its format; ""
	text  []byte // as long as it is too short
	found bool   // it is not
	at    int64
}

func (f *finder) find(piece []byte) error {
	for _, b := range piece {
		f.at++
		switch {
		case !isPrint(b) && b != '\t':
			f.end()
		case f.found:
			f.out.WriteByte(b)
		default:
			if f.text = append(f.text, b); len(f.text) < f.least {
				continue
			}
			f.out.WriteString(f.name)
			if f.place != "" {
				fmt.Fprintf(f.out, f.place, f.at-int64(len(f.text)))
			}
			f.out.Write(f.text)
			f.found = true
		}
	}
	return f.out.Err()
}

// end ends a text.
func (f *finder) end() {
	if f.found {
		f.out.WriteByte('\n')
	}
	f.text, f.found = f.text[:0], false
}
