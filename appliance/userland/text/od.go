package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const odHelp = `	-t TYPE	a, c, or d, o, u, x, f with 1, 2, 4, 8 or C, S, I, L, F, D behind; z: and as text; several make several lines
	-a -b -c -d -f -h	types a, o1, c, u2, fF, x2
	-i -l -o -s -x	types d2, d4, o2, d2, x2
	-A d|o|x|n	addresses
	-j N	from byte N on
	-N N	no more than N bytes
	-w N	N bytes a line (16; 32 without N)
	-v	print also lines that are as the one before
Numbers may be 0x..., or end with b for 512, k for 1024, m for 1024*1024.
`

// odTraditional is the letter of --traditional: one file at most, as in the days of no -A, -j and -N.
const odTraditional = 1

func odLong() map[string]byte {
	return map[string]byte{
		"skip-bytes": 'j', "address-radix": 'A', "read-bytes": 'N', "format": 't', "output-duplicates": 'v',
		"width":       'w',
		"traditional": odTraditional,
	}
}

// odder is what od prints.
type odder struct {
	*command.Call
	types   []odType
	address string // its format; "": none
	skip    int64
	length  int64 // -1: all
	block   int
}

// odType is one line for a block.
type odType struct {
	kind  byte // a, c, d, o, u, x, f
	size  int  // bytes
	width int
	shown bool // what can be printed stands behind
}

// od prints bytes as numbers and characters.
func od(c *command.Call) {
	o := odder{Call: c, address: "%07o", length: -1}
	if err := o.read(); err != nil {
		c.Misused("%v", err)
		return
	}
	if c.Has(odTraditional) && len(c.Args) > 1 {
		c.Misused("--traditional: expected one file; -j skips bytes")
		return
	}
	in := &joined{Call: c, names: c.Args}
	if len(in.names) == 0 {
		in.names = []string{"-"}
	}
	defer in.close()
	if n, err := io.CopyN(io.Discard, in, o.skip); n < o.skip {
		if err == io.EOF {
			err = fmt.Errorf("expected %d bytes to skip, there are %d", o.skip, n)
		}
		c.Fail(err)
		return
	}
	in.Read(nil) // so that there is a file, if there is one
	r := io.Reader(in)
	if o.length >= 0 {
		r = io.LimitReader(in, o.length)
	}
	at := o.print(r)
	if o.address != "" && in.some {
		fmt.Fprintf(c.Stdout, o.address+"\n", at)
	}
}

// read reads the options.
func (o *odder) read() error {
	short := map[byte]string{
		'a': "a", 'b': "o1", 'c': "c", 'd': "u2", 'f': "fF", 'h': "x2", 'x': "x2", 'i': "d2", 'l': "d4",
		'o': "o2", 's': "d2",
	}
	add := func(letters string) {
		for _, letter := range []byte(letters) {
			if o.Has(letter) {
				o.addTypes(short[letter])
			}
		}
	}
	add("abcdfhilo") // in this order, whatever that of the options is
	width := ""
	for _, opt := range o.Options {
		var err error
		switch opt.Letter {
		case 't':
			err = o.addTypes(opt.Value)
		case 'A':
			formats := map[string]string{"d": "%07d", "o": "%07o", "x": "%06x", "n": ""}
			var ok bool
			if o.address, ok = formats[opt.Value[:min(1, len(opt.Value))]]; !ok {
				err = fmt.Errorf("-A %q: expected d, o, x or n", opt.Value)
			}
		case 'j':
			o.skip, err = amount(opt.Value, 0)
		case 'N':
			o.length, err = amount(opt.Value, 0)
		case 'w':
			if width = opt.Value; width == "" {
				width = "32"
			}
		}
		if err != nil {
			return err
		}
	}
	add("xs")
	if o.types == nil {
		o.addTypes("o2")
	}
	return o.setBlock(width)
}

// setBlock finds how many bytes a line has: a multiple of all sizes.
func (o *odder) setBlock(width string) error {
	most := 1
	for _, t := range o.types {
		most = max(most, t.size)
	}
	if o.block = 16; width == "" {
		return nil
	}
	n, err := natural(width, 10, 1<<20)
	if err != nil {
		return err
	}
	if o.block = int(n); n == 0 || int(n)%most != 0 {
		o.Warn(fmt.Errorf("lines of %d bytes do not fit the type; they have %d", n, most))
		o.block = most
	}
	return nil
}

// addTypes adds those of -t.
func (o *odder) addTypes(s string) error {
	for rest := s; rest != ""; {
		t := odType{kind: rest[0], size: 1, width: 3}
		rest = rest[1:]
		sizes, usual := "", 0
		switch t.kind {
		case 'a', 'c':
		case 'd', 'o', 'u', 'x':
			sizes, usual = "C1S2I4L8", 4
		case 'f':
			sizes, usual = "F4D8", 8
		default:
			return fmt.Errorf("-t %q: %q is no type", s, t.kind)
		}
		if usual > 0 {
			t.size = usual
			if i := strings.IndexByte(sizes, append([]byte(rest), 0)[0]); i >= 0 {
				t.size = int(sizes[i|1] - '0')
				rest = rest[1:]
				if i%2 == 1 && rest != "" {
					return fmt.Errorf("-t %q: expected nothing behind the size", s)
				}
			}
			if rest != "" && isDigit(rest[0]) {
				return fmt.Errorf("-t %q: there are no numbers of so many bytes", s)
			}
			t.width = t.columns()
		}
		if after, ok := strings.CutPrefix(rest, "z"); ok {
			t.shown, rest = true, after
		}
		o.types = append(o.types, t)
	}
	return nil
}

// columns is how wide the largest number is.
func (t odType) columns() int {
	digits := map[byte][]int{
		'd': {1: 4, 2: 6, 4: 11, 8: 20}, 'u': {1: 3, 2: 5, 4: 10, 8: 20}, 'o': {1: 3, 2: 6, 4: 11, 8: 22},
		'x': {1: 2, 2: 4, 4: 8, 8: 16}, 'f': {4: 15, 8: 23},
	}
	return digits[t.kind][t.size]
}

// print prints block after block, and returns the address behind the last.
func (o *odder) print(r io.Reader) int64 {
	now, last := make([]byte, o.block), make([]byte, o.block)
	at, first, starred := o.skip, true, false
	for o.Stdout.Err() == nil {
		n, err := io.ReadFull(r, now)
		switch same := n == o.block && !first && bytes.Equal(now, last) && !o.Has('v'); {
		case n == 0:
		case same && !starred:
			o.Stdout.WriteString("*\n")
			starred = true
		case !same:
			starred = false
			clear(now[n:])
			o.line(at, now, n)
		}
		at += int64(n)
		now, last, first = last, now, false
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				o.Fail(err)
			}
			break
		}
	}
	return at
}

// line prints n bytes of a block, filled up with zeros to the largest size.
func (o *odder) line(at int64, block []byte, n int) {
	most := 1
	for _, t := range o.types {
		most = max(most, t.size)
	}
	n = (n + most - 1) / most * most
	address := ""
	if o.address != "" {
		address = fmt.Sprintf(o.address, at)
	}
	for i, t := range o.types {
		if i > 0 && o.address != "" {
			address = strings.Repeat(" ", int(o.address[2]-'0'))
		}
		o.Stdout.WriteString(address)
		for j := 0; j+t.size <= n; j += t.size {
			o.Stdout.WriteByte(' ')
			o.Stdout.WriteString(t.text(block[j : j+t.size]))
		}
		if t.shown {
			gap := strings.Repeat(" ", (o.block-n)/t.size*(t.width+1))
			text := make([]byte, 0, n)
			for _, b := range block[:n] {
				text = append(text, dotted(b)[0])
			}
			fmt.Fprintf(o.Stdout, "%s  >%s<", gap, text)
		}
		o.Stdout.WriteByte('\n')
	}
}

// text is one number or character.
func (t odType) text(b []byte) string {
	switch t.kind {
	case 'a':
		return fmt.Sprintf("%3s", odName(b[0]&0x7f))
	case 'c':
		return fmt.Sprintf("%3s", escapeName(b[0]))
	case 'f':
		return t.float(b)
	}
	var v uint64
	for i := range b {
		v |= uint64(b[i]) << (8 * i)
	}
	switch t.kind {
	case 'd':
		shift := 64 - 8*t.size
		return fmt.Sprintf("%*d", t.width, int64(v<<shift)>>shift)
	case 'u':
		return fmt.Sprintf("%*d", t.width, v)
	case 'o':
		return fmt.Sprintf("%0*o", t.width, v)
	}
	return fmt.Sprintf("%0*x", t.width, v)
}

func (t odType) float(b []byte) string {
	p := dumpPart{width: fmt.Sprint(t.width), precision: ".7", verb: 'e', size: t.size}
	if t.size == 8 {
		p.precision = ".15"
	}
	return floatText(&p, "%"+p.width+p.precision, b)
}

// odName is a character by its name in ASCII, as od has them.
func odName(b byte) string {
	switch b {
	case '\n':
		return "nl"
	case ' ':
		return "sp"
	case 0x11:
		return "dc1"
	}
	return asciiName(b)
}
