package sed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

// substitution reads s/expression/replacement/flags.
func (p *parser) substitution(c *cmd) error {
	delim, err := p.delimiter()
	if err != nil {
		return err
	}
	text, err := p.pattern(delim)
	if err != nil {
		return err
	}
	s := &substitution{nth: 1}
	c.subst = s
	if err := p.replacement(s, delim); err != nil {
		return err
	}
	flags := p.flags
	if err := p.substFlags(s, &flags); err != nil {
		return err
	}
	if s.re, err = p.compile(text, flags); err != nil || s.re == nil {
		return err
	}
	for _, piece := range s.pieces {
		if piece.group > s.re.Groups {
			return fmt.Errorf("\\%d names no group of the expression", piece.group)
		}
	}
	return nil
}

func (p *parser) delimiter() (byte, error) {
	if p.at == len(p.text) || p.text[p.at] == '\n' || p.text[p.at] == '\\' {
		return 0, errors.New("expected a delimiter")
	}
	p.at++
	return p.text[p.at-1], nil
}

func (p *parser) replacement(s *substitution, delim byte) error {
	var b strings.Builder
	group := func(n int) {
		if b.Len() > 0 {
			s.pieces = append(s.pieces, piece{text: b.String()})
			b.Reset()
		}
		s.pieces = append(s.pieces, piece{group: n})
	}
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == delim:
			p.at++
			if b.Len() > 0 {
				s.pieces = append(s.pieces, piece{text: b.String()})
			}
			return nil
		case c == '&':
			group(0)
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			switch c := p.text[p.at]; {
			case c == delim:
				b.WriteByte(c)
			case c >= '0' && c <= '9':
				group(int(c - '0'))
			default:
				b.WriteByte(unescape(c))
			}
		default:
			b.WriteByte(c)
		}
	}
	return errors.New("expected " + string(rune(delim)) + " behind the replacement")
}

func (p *parser) substFlags(s *substitution, flags *int) (err error) {
	for {
		p.skip(" \t\r")
		switch c := p.peek(); {
		case p.at == len(p.text), c == '\n', c == ';', c == '}', c == '#':
			return nil
		case c == 'g':
			s.all = true
		case c == 'p':
			s.print = true
		case c == 'i', c == 'I':
			*flags |= regex.IgnoreCase
		case c == 'w':
			p.at++
			p.skip(" \t")
			if s.file = p.line(); s.file == "" {
				return errors.New("expected the name of a file")
			}
			p.writes(s.file)
			return nil
		case c >= '1' && c <= '9':
			if s.nth, err = p.number(); err != nil {
				return err
			}
			continue
		default:
			return fmt.Errorf("unknown flag %q of s", c)
		}
		p.at++
	}
}

// transliteration reads y/abc/xyz/.
func (p *parser) transliteration(c *cmd) error {
	delim, err := p.delimiter()
	if err != nil {
		return err
	}
	from, err := p.letters(delim)
	if err != nil {
		return err
	}
	to, err := p.letters(delim)
	if err == nil && len(from) != len(to) {
		err = errors.New("y: as many bytes on one side as on the other")
	}
	if err != nil {
		return err
	}
	c.table = new([256]byte)
	for i := range c.table {
		c.table[i] = byte(i)
	}
	for i := len(from) - 1; i >= 0; i-- {
		c.table[from[i]] = to[i]
	}
	return nil
}

func (p *parser) letters(delim byte) ([]byte, error) {
	var all []byte
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		if c == delim {
			p.at++
			return all, nil
		}
		if c == '\\' && p.at+1 < len(p.text) {
			next := p.text[p.at+1]
			if next == delim || next == '\\' || unescape(next) != next {
				p.at++
				if c = next; next != delim {
					c = unescape(next)
				}
			}
		}
		all = append(all, c)
	}
	return nil, errors.New("expected " + string(rune(delim)) + " behind the letters")
}

// textSize is how many bytes of a replacement are texts.
func (s *substitution) textSize() (n int) {
	for _, piece := range s.pieces {
		n += len(piece.text)
	}
	return n
}

// substitute replaces in the pattern space, and reports whether it did.
func (r *runner) substitute(s *substitution) (bool, error) {
	re, err := r.regex(s.re)
	if err != nil {
		return false, err
	}
	most := s.nth
	if s.all {
		most = -1
	}
	all, err := re.All(r.space, most)
	if err != nil || len(all) < s.nth {
		return false, err
	}
	out := make([]byte, 0, len(r.space)+len(all)*s.textSize())
	at := 0
	for _, m := range all[s.nth-1:] {
		out = append(out, r.space[at:m[0]]...)
		for _, piece := range s.pieces {
			if piece.text != "" {
				out = append(out, piece.text...)
			} else if g := 2 * piece.group; g < len(m) && m[g] >= 0 {
				out = append(out, r.space[m[g]:m[g+1]]...)
			}
		}
		at = m[1]
	}
	r.space = append(out, r.space[at:]...)
	return true, nil
}
