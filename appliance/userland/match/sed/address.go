package sed

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

// address reads one; nil: there is none.
func (p *parser) address() (*address, error) {
	switch c := p.peek(); {
	case c >= '0' && c <= '9':
		n, err := p.number()
		if n == 0 && err == nil {
			err = errors.New("lines are counted from 1")
		}
		return &address{kind: aNumber, number: n}, err
	case c == '$':
		p.at++
		return &address{kind: aLast}, nil
	case c == '/' || c == '\\':
		p.at++
		if c == '\\' {
			if p.at == len(p.text) {
				return nil, errors.New("expected a delimiter")
			}
			c = p.text[p.at]
			p.at++
		}
		text, err := p.pattern(c)
		if err != nil {
			return nil, err
		}
		re, err := p.compile(text, p.flags)
		return &address{kind: aRegex, re: re}, err
	}
	return nil, nil
}

// second reads the address behind a comma.
func (p *parser) second() (*address, error) {
	if p.peek() == '+' {
		p.at++
		n, err := p.number()
		return &address{kind: aPlus, number: n}, err
	}
	a, err := p.address()
	if a == nil && err == nil {
		err = errors.New("expected an address behind the comma")
	}
	return a, err
}

func (p *parser) number() (int, error) {
	rest := p.text[p.at:]
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	p.at += digits
	n, err := strconv.ParseUint(rest[:digits], 10, 31)
	if err != nil {
		return 0, errors.New("expected a number")
	}
	return int(n), nil
}

// compile makes an expression; nil of "", which is the last one used.
func (p *parser) compile(text string, flags int) (*regex.Regex, error) {
	if text == "" {
		return nil, nil
	}
	return regex.Compile(text, flags)
}

// pattern reads an expression up to its delimiter, which ends it but behind a backslash and in brackets.
func (p *parser) pattern(delim byte) (string, error) {
	var b strings.Builder
	bracket := 0 // where the inside of one begins; 0: outside
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.text):
			next := p.text[p.at+1]
			switch {
			case unescape(next) != next && next != delim:
				b.WriteByte(unescape(next))
				p.at++
			case bracket > 0:
				b.WriteByte(c)
			case next == delim && isAlnum(delim):
				b.WriteByte(next)
				p.at++
			default:
				b.WriteString(p.text[p.at : p.at+2])
				p.at++
			}
			continue
		case bracket > 0 && c == ']' && p.at > bracket:
			bracket = 0
		case bracket > 0 && c == '[' && p.class(&b):
			continue
		case bracket == 0 && c == '[':
			if bracket = p.at + 1; strings.HasPrefix(p.text[bracket:], "^") {
				b.WriteByte(c)
				c, bracket = '^', bracket+1
				p.at++
			}
		case bracket == 0 && c == delim:
			p.at++
			return b.String(), nil
		}
		b.WriteByte(c)
	}
	return "", errors.New("expected " + string(rune(delim)) + " behind the expression")
}

// class passes [:name:] in brackets.
func (p *parser) class(b *strings.Builder) bool {
	rest := p.text[p.at:]
	if len(rest) < 2 || strings.IndexByte(":.=", rest[1]) < 0 {
		return false
	}
	end := strings.Index(rest[2:], string(rest[1])+"]")
	if end < 0 {
		return false
	}
	b.WriteString(rest[:end+4])
	p.at += end + 3
	return true
}

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}
