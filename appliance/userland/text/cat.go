package text

import (
	"bytes"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const catHelp = `  -n  number the lines
  -b  number those that are not empty
  -v  show what cannot be printed as ^X and M-X
  -t  and tabs as ^I
  -e  and ends of lines as $
  -A  -vte
`

// cat copies files.
func cat(c *command.Call) {
	v := visible{out: c.Stdout, tabs: c.Has('t') || c.Has('A'), ends: c.Has('e') || c.Has('A')}
	n := numbering{numbered: c.Has('n') || c.Has('b'), nonempty: c.Has('b'), next: 1, step: 1, width: 6,
		between: "\t"}
	switch {
	case v.tabs || v.ends || c.Has('v'):
		v.numbering = n
		v.start = true
		c.Each(func(_ string, r io.Reader) error { return eachPiece(c, r, v.write) })
	case n.numbered:
		c.Each(func(_ string, r io.Reader) error { return n.copy(c.Stdout, r) })
	default:
		c.Each(func(_ string, r io.Reader) error {
			return eachPiece(c, r, func(piece []byte) error {
				_, err := c.Stdout.Write(piece)
				return err
			})
		})
	}
}

// visible shows bytes that cannot be printed.
type visible struct {
	numbering
	out        *command.Writer
	tabs, ends bool
	start      bool // of a line
}

func (v *visible) write(piece []byte) error {
	for _, b := range piece {
		if v.start && v.numbered && !(v.nonempty && b == '\n') {
			fmt.Fprintf(v.out, "%*d  ", v.width, v.next)
			v.next++
		}
		v.start = b == '\n'
		switch {
		case b == '\n' && v.ends:
			v.out.WriteString("$\n")
		case b == '\n' || b == '\t' && !v.tabs:
			v.out.WriteByte(b)
		default:
			if b >= 0x80 {
				v.out.WriteString("M-")
				b -= 0x80
			}
			if b < ' ' || b == 0x7f {
				v.out.WriteByte('^')
				b ^= 0x40
			}
			v.out.WriteByte(b)
		}
	}
	return v.out.Err()
}

// numbering numbers lines.
type numbering struct {
	numbered bool
	nonempty bool // those only
	next     int64
	step     int64
	width    int
	between  string // number and line
	filler   []byte // instead of both
}

func (n *numbering) copy(out *command.Writer, r io.Reader) error {
	return eachLine(r, '\n', func(line []byte, _ bool) error {
		if !n.numbered || n.nonempty && len(line) == 0 {
			out.Write(n.filler)
		} else {
			fmt.Fprintf(out, "%*d%s", n.width, n.next, n.between)
			n.next += n.step
		}
		out.Write(line)
		return out.WriteByte('\n')
	})
}

const nlHelp = `  -b a|t|n  number all lines, those that are not empty, none
  -v N      from N on (1)
  -i N      in steps of N (1)
  -s TEXT   between number and line (a tab)
  -w N      width of numbers (6)
`

func nlLong() map[string]byte {
	return map[string]byte{
		"body-numbering": 'b', "line-increment": 'i', "no-renumber": 'p', "number-separator": 's',
		"starting-line-number": 'v', "number-width": 'w',
	}
}

// nl numbers lines.
func nl(c *command.Call) {
	const most = 1<<31 - 1
	width, ok1 := option(c, 'w', 6, 1<<16)
	first, ok2 := option(c, 'v', 1, most)
	step, ok3 := option(c, 'i', 1, most)
	if !ok1 || !ok2 || !ok3 {
		return
	}
	n := numbering{next: int64(first), step: int64(step), width: int(width), between: "\t"}
	if s, given := c.Value('s'); given {
		n.between = s
	}
	style, given := c.Value('b')
	n.nonempty = !given || len(style) > 0 && style[0] == 't'
	n.numbered = n.nonempty || len(style) > 0 && style[0] == 'a'
	n.filler = bytes.Repeat([]byte(" "), n.width+len(n.between))
	c.Each(func(_ string, r io.Reader) error { return n.copy(c.Stdout, r) })
}
