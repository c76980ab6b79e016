package text

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// dumpFormat is a format of hexdump -e: units one after the other, all for the same block of bytes.
type dumpFormat []dumpUnit

// dumpUnit is 8/2 "%04x ": eight times two bytes.
type dumpUnit struct {
	times int
	fixed bool // the times were given
	size  int  // bytes for one time
	parts []dumpPart
	atEnd bool // it is printed behind all
}

// dumpPart is one conversion, with the text around it.
type dumpPart struct {
	before, flags, width, precision, after string
	// d, u, f, s, c of printf; a an address, C P U of %_c %_p %_u; 0: text only
	kind byte
	verb byte // of printf
	size int
}

// parseDumpFormat reads a format.
func parseDumpFormat(s string) (format dumpFormat, err error) {
	for rest := strings.TrimLeft(s, spaces); rest != ""; rest = strings.TrimLeft(rest, spaces) {
		u := dumpUnit{times: 1}
		if isDigit(rest[0]) {
			u.fixed = true
			if u.times, rest, err = dumpCount(rest); err != nil {
				return nil, err
			}
			if rest == "" || rest[0] != '/' && !isSpace(rest[0]) {
				return nil, fmt.Errorf("format %q: expected / or a blank behind a count", s)
			}
			rest = strings.TrimLeft(rest, spaces)
		}
		if strings.HasPrefix(rest, "/") {
			rest = strings.TrimLeft(rest[1:], spaces)
		}
		if rest != "" && isDigit(rest[0]) {
			if u.size, rest, err = dumpCount(rest); err != nil {
				return nil, err
			}
			if rest == "" || !isSpace(rest[0]) {
				return nil, fmt.Errorf("format %q: expected a blank behind a size", s)
			}
			rest = strings.TrimLeft(rest, spaces)
		}
		quoted, ok := strings.CutPrefix(rest, `"`)
		text, after, closed := strings.Cut(quoted, `"`)
		if !ok || !closed {
			return nil, fmt.Errorf("format %q: expected text in quotes", s)
		}
		if err := u.read(unescape(text)); err != nil {
			return nil, fmt.Errorf("format %q: %w", s, err)
		}
		format, rest = append(format, u), after
	}
	return format, nil
}

// dumpCount reads a number that no block of sensible length exceeds.
func dumpCount(s string) (n int, rest string, err error) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	v, err := natural(s[:i], 10, 1<<20)
	return int(v), s[i:], err
}

// read reads the text of a unit.
func (u *dumpUnit) read(text string) error {
	given, conversions := u.size, 0
	for {
		before, rest, found := strings.Cut(text, "%")
		if !found {
			if len(u.parts) == 0 {
				u.parts = append(u.parts, dumpPart{before: text})
			} else {
				u.parts[len(u.parts)-1].after += text
			}
			return nil
		}
		if n := len(u.parts); n > 0 {
			u.parts[n-1].after = before
			before = ""
		}
		p := dumpPart{before: before}
		var err error
		if text, err = p.read(rest, given); err != nil {
			return err
		}
		if p.kind == 'A' {
			p.kind, u.atEnd = 'a', true
		}
		if p.kind != 'a' {
			conversions++
		}
		if given > 0 && conversions > 1 {
			return errors.New("expected one conversion where a size is given")
		}
		if given == 0 {
			u.size += p.size
		}
		u.parts = append(u.parts, p)
	}
}

// read reads what follows the % of a conversion, and returns what follows that. given: its size; 0: that of
// its kind.
func (p *dumpPart) read(s string, given int) (rest string, err error) {
	take := func(set string) string {
		taken := s[:len(s)-len(strings.TrimLeft(s, set))]
		s = s[len(taken):]
		return taken
	}
	p.flags = take("#-+ 0")
	p.width = take("0123456789")
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		p.precision = "." + take("0123456789")
	}
	s = strings.TrimPrefix(s, "l")
	if s == "" {
		return "", errors.New("expected a conversion behind %")
	}
	sizes := ""
	switch p.verb = s[0]; p.verb {
	case 'c':
		p.kind, sizes = 'c', "\x01"
	case 'd', 'i':
		p.kind, p.verb, sizes = 'd', 'd', "\x04\x02\x01"
	case 'u':
		p.kind, p.verb, sizes = 'u', 'd', "\x04\x02\x01"
	case 'o', 'x', 'X':
		p.kind, sizes = 'u', "\x04\x02\x01"
	case 'e', 'E', 'f', 'g', 'G':
		p.kind, sizes = 'f', "\x08\x04"
	case 's':
		return s[1:], p.readString(given)
	case '_':
		return p.readOwn(s[1:], given)
	default:
		return "", fmt.Errorf("%%%c is no conversion", p.verb)
	}
	return s[1:], p.setSize(sizes, given)
}

// setSize takes the size that is given, if it is one of sizes, or the first of them.
func (p *dumpPart) setSize(sizes string, given int) error {
	p.size = int(sizes[0])
	if given == 0 {
		return nil
	}
	if given > math.MaxInt8 || strings.IndexByte(sizes, byte(given)) < 0 {
		return fmt.Errorf("%%%c takes no %d bytes", p.verb, given)
	}
	p.size = given
	return nil
}

// readString: a string is as long as its precision says, if no size is given.
func (p *dumpPart) readString(given int) error {
	p.kind, p.size = 's', given
	if given > 0 {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(p.precision, "."))
	if err != nil || n > 1<<20 {
		return errors.New("%s needs a precision, or a size")
	}
	p.size = n
	return nil
}

// readOwn reads what printf does not know: _ad _ao _ax _Ad _Ao _Ax _c _p _u.
func (p *dumpPart) readOwn(s string, given int) (rest string, err error) {
	if len(s) > 1 && (s[0] == 'a' || s[0] == 'A') && strings.IndexByte("dox", s[1]) >= 0 {
		p.kind, p.verb = s[0], s[1]
		return s[2:], nil
	}
	if s == "" || strings.IndexByte("cpu", s[0]) < 0 {
		return "", errors.New("expected %_ad, %_ao, %_ax, %_c, %_p or %_u")
	}
	p.kind, p.verb = s[0]-'a'+'A', 's'
	return s[1:], p.setSize("\x01", given)
}
