package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const xxdHelp = `  -g N  bytes of a group (2)
  -c N  bytes of a line (16)
  -p    hexadecimal bytes only
  -i    as an array of C
  -l N  no more than N bytes
  -s N  from byte N on
  -o N  added to addresses
  -r    bytes from such a text; with -p from one without addresses
`

// xxd prints bytes as numbers, and makes bytes of them.
func xxd(c *command.Call) {
	d := dumper{Call: c, all: true, length: -1}
	group, columns := uint64(2), uint64(0)
	for _, o := range c.Options {
		var err error
		n := uint64(0)
		switch o.Letter {
		case 'l':
			n, err = natural(o.Value, 0, math.MaxInt32)
			d.length = int64(n)
		case 's':
			n, err = natural(o.Value, 0, math.MaxInt64)
			d.skip = int64(n)
		case 'g':
			group, err = natural(o.Value, 10, math.MaxInt32)
		case 'c':
			columns, err = natural(o.Value, 10, 1<<16)
		case 'o':
			d.shift, err = strconv.ParseInt(o.Value, 0, 64)
		}
		if err != nil {
			c.Misused("-%c %v", o.Letter, err)
			return
		}
	}
	switch {
	case len(c.Args) > 1:
		c.Misused("expected one file")
	case c.Has('r'):
		unxxd(c, d.skip)
	default:
		d.xxd(int(group), int(columns))
	}
}

func (d *dumper) xxd(group, columns int) {
	array, plain := d.Has('i'), d.Has('p')
	if columns == 0 {
		columns = 16
		switch {
		case plain:
			columns = 30
		case array:
			columns = 12
		}
	}
	format := `"%08_ax: "`
	if plain || array {
		format, d.end = "", "\n"
	}
	switch {
	case plain || !array && (group < 1 || group >= columns):
		format += fmt.Sprintf(`%d/1 "%%02x"`, columns)
	case array:
		format += fmt.Sprintf(`" " %d/1 " 0x%%02x,"`, columns)
	case group == 1:
		format += fmt.Sprintf(`%d/1 "%%02x "`, columns)
	default:
		for i := 1; i <= columns; i++ {
			if i%group == 0 && i < columns {
				format += `/1 "%02x "`
			} else {
				format += `/1 "%02x"`
			}
		}
	}
	last := `"\n"`
	if !plain && !array {
		last = fmt.Sprintf(`"  "%d/1 "%%_p""\n"`, columns)
	}
	if err := d.add(format, last); err != nil {
		d.Misused("%v", err)
		return
	}
	name := ""
	if array && len(d.Args) > 0 {
		name = nameOfC(d.Args[0])
		fmt.Fprintf(d.Stdout, "unsigned char %s[] = {\n", name)
	}
	if d.run(); name != "" && d.Status() == 0 {
		fmt.Fprintf(d.Stdout, "};\nunsigned int %s_len = %d;\n", name, d.address)
	}
}

// nameOfC makes of a file's name one that C has.
func nameOfC(file string) string {
	name := []byte(file)
	for i, b := range name {
		if !isLetter(b) && !isDigit(b) {
			name[i] = '_'
		}
	}
	if len(name) > 0 && isDigit(name[0]) {
		return "__" + string(name)
	}
	return string(name)
}

// unxxd makes bytes of a text with addresses, or with -p without.
func unxxd(c *command.Call, shift int64) {
	name := "-"
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	r, err := c.Open(name)
	if err != nil {
		c.Fail(err)
		return
	}
	defer r.Close()
	u := unhexer{out: c.Stdout, plain: c.Has('p'), high: -1}
	err = eachLine(r, '\n', func(line []byte, _ bool) error {
		text := string(line)
		if !u.plain {
			var err error
			if text, err = u.seek(text, shift); err != nil {
				return err
			}
		}
		u.read(text)
		return c.Stdout.Err()
	})
	if err != nil && c.Stdout.Err() == nil {
		c.Fail(command.Named(name, err))
	}
}

// unhexer reads hexadecimal bytes.
type unhexer struct {
	out   *command.Writer
	plain bool
	at    int64
	high  int // digit that waits for a second one; -1: none
}

// seek reads the address at the beginning of a line, and fills up to it.
func (u *unhexer) seek(line string, shift int64) (rest string, err error) {
	line = strings.TrimLeft(line, spaces)
	rest = strings.TrimLeft(line, "0123456789abcdefABCDEF")
	if len(rest) == len(line) {
		return "", nil // a line without one says nothing
	}
	to, err := strconv.ParseInt(line[:len(line)-len(rest)], 16, 63)
	if err != nil {
		return "", fmt.Errorf("%q: expected an address", line)
	}
	if to += shift; to < u.at {
		return "", fmt.Errorf("address %x: it is behind us", to)
	}
	for zeros := make([]byte, 4096); u.at < to && u.out.Err() == nil; {
		n, _ := u.out.Write(zeros[:min(to-u.at, int64(len(zeros)))])
		u.at += int64(n)
	}
	return strings.TrimPrefix(rest, ":"), nil
}

// read reads the bytes of a line. What is none is left out; where there are addresses, two such characters
// end the line. What comes behind half a byte spoils it.
func (u *unhexer) read(s string) {
	if !u.plain {
		u.high = -1
	}
	for bad := false; ; {
		if u.plain {
			s = strings.TrimLeft(s, spaces)
		}
		if s == "" {
			return
		}
		digit, ok := hexDigit(s[0])
		s = s[1:]
		switch {
		case ok && u.high < 0:
			u.high = digit
		case ok:
			u.out.WriteByte(byte(u.high<<4 | digit))
			u.at++
			u.high, bad = -1, false
		case u.high >= 0:
			u.high = -1
			for s != "" {
				if _, ok := hexDigit(s[0]); ok {
					break
				}
				s = s[1:]
			}
		case bad:
			return
		default:
			bad = !u.plain // the text beside the bytes begins with two
		}
	}
}

func hexDigit(b byte) (int, bool) {
	v, n := digits(string([]byte{b}), 16, 1)
	return v, n == 1
}
