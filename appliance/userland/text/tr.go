package text

import (
	"errors"
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const trHelp = `  -c, -C  all bytes that are not in SET1
  -d      delete those of SET1
  -s      write one only of several that are the same and in the last set
Sets: a-z, \n, \012, [:digit:] and other classes, [=a=].
`

// tr translates bytes.
func tr(c *command.Call) {
	if len(c.Args) == 0 {
		c.Misused("expected a set, or two")
		return
	}
	t, err := newTranslator(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	out := make([]byte, 0, chunkSize)
	err = eachPiece(c, c.Stdin, func(piece []byte) error {
		out = t.translate(out[:0], piece)
		_, err := c.Stdout.Write(out)
		return err
	})
	if err != nil && c.Stdout.Err() == nil {
		c.Fail(command.Named("standard input", err))
	}
}

// translator is what tr does with each byte.
type translator struct {
	to            [256]byte
	first, second [256]bool // sets
	drop, squeeze bool
	last          int // byte that was written; -1: none
}

func newTranslator(c *command.Call) (*translator, error) {
	t := &translator{drop: c.Has('d'), squeeze: c.Has('s'), last: -1}
	set1, err := trSet(c.Args[0])
	if err != nil {
		return nil, err
	}
	if c.Has('c') || c.Has('C') {
		set1 = complement(set1)
	}
	var set2 []byte
	if len(c.Args) > 1 { // more are not looked at
		if set2, err = trSet(c.Args[1]); err != nil {
			return nil, err
		}
		if len(set2) == 0 {
			return nil, errors.New("the second set is empty")
		}
	}
	for i := range t.to {
		t.to[i] = byte(i)
	}
	for i, b := range set1 {
		t.first[b] = true
		if set2 != nil {
			t.to[b] = set2[min(i, len(set2)-1)] // the last is repeated
		}
	}
	for _, b := range set2 {
		t.second[b] = true
	}
	return t, nil
}

func (t *translator) translate(out, in []byte) []byte {
	for _, b := range in {
		if t.drop && t.first[b] {
			continue
		}
		to := t.to[b]
		if t.squeeze && t.last == int(to) && (t.first[b] || t.second[to]) {
			continue
		}
		t.last = int(to)
		out = append(out, to)
	}
	return out
}

func complement(set []byte) (rest []byte) {
	var has [256]bool
	for _, b := range set {
		has[b] = true
	}
	for i, h := range has {
		if !h {
			rest = append(rest, byte(i))
		}
	}
	return rest
}

// trSet reads a set.
func trSet(s string) (set []byte, err error) {
	for s != "" {
		b, n := s[0], 1
		if b == '\\' {
			b, n = escape(s[1:])
			n++
		}
		rest := s[n:]
		if len(rest) > 1 && rest[0] == '-' {
			to, n := rest[1], 2
			if to == '\\' {
				to, n = escape(rest[2:])
				n += 2
			}
			for i := int(b); i <= int(to); i++ {
				set = append(set, byte(i))
			}
			s = rest[n:]
			continue
		}
		if s[0] == '[' {
			class, left, err := trClass(s)
			if err != nil {
				return nil, err
			}
			if left != s {
				set, s = append(set, class...), left
				continue
			}
		}
		set, s = append(set, b), rest
	}
	return set, nil
}

// trClass reads [:alpha:] or [=a=]. If left is s, it is neither.
func trClass(s string) (class []byte, left string, err error) {
	if len(s) > 2 && s[1] == '=' {
		if len(s) < 5 || s[3:5] != "=]" {
			return nil, "", fmt.Errorf("%q: expected [=x=]", s)
		}
		return []byte{s[2]}, s[5:], nil
	}
	for _, c := range trClasses() {
		if name := "[:" + c.name + ":]"; len(s) >= len(name) && s[:len(name)] == name {
			return c.bytes, s[len(name):], nil
		}
	}
	return nil, s, nil
}

type trClassOf struct {
	name  string
	bytes []byte
}

func trClasses() []trClassOf {
	const digits, upper, lower = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
	var punct, cntrl []byte
	for b := range byte(0x80) {
		switch {
		case b < ' ' || b == 0x7f:
			cntrl = append(cntrl, b)
		case b != ' ' && !isLetter(b) && !isDigit(b):
			punct = append(punct, b)
		}
	}
	return []trClassOf{
		{"alpha", []byte(upper + lower)}, {"alnum", []byte(digits + upper + lower)},
		{"digit", []byte(digits)},
		{"lower", []byte(lower)}, {"upper", []byte(upper)}, {"space", []byte("\t\n\v\f\r ")},
		{"blank", []byte("\t ")},
		{"punct", punct}, {"cntrl", cntrl}, {"xdigit", []byte(digits + upper[:6] + lower[:6])},
	}
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
