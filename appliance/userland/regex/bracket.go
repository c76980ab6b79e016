package regex

import (
	"errors"
	"strings"
)

// bracket reads [abc], [^a-z], [[:digit:]]. A backslash in it is one.
func (p *parser) bracket() (*node, error) {
	n := &node{kind: kSet}
	p.at++
	inverted := strings.HasPrefix(p.text[p.at:], "^")
	if inverted {
		p.at++
	}
	for first := true; ; first = false {
		if p.at >= len(p.text) {
			return nil, errors.New("unmatched [")
		}
		if p.text[p.at] == ']' && !first {
			p.at++
			break
		}
		if err := p.element(&n.set); err != nil {
			return nil, err
		}
	}
	if p.flags&IgnoreCase != 0 {
		n.set.fold()
	}
	if inverted {
		n.set.invert()
	}
	return n, nil
}

// element reads a byte, a range or a class of a bracket.
func (p *parser) element(s *set) error {
	if strings.HasPrefix(p.text[p.at:], "[:") {
		name, rest, found := strings.Cut(p.text[p.at+2:], ":]")
		if !found {
			return errors.New("unmatched [")
		}
		if !s.class(name) {
			return errors.New("unknown class [:" + name + ":]")
		}
		p.at = len(p.text) - len(rest)
		return nil
	}
	lo, err := p.end()
	if err != nil {
		return err
	}
	rest := p.text[p.at:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		s.add(lo)
		return nil
	}
	p.at++
	hi, err := p.end()
	if err != nil {
		return err
	}
	if lo > hi {
		return errors.New("a range that ends before it begins")
	}
	s.addRange(lo, hi)
	return nil
}

// end reads one end of a range: a byte, [.a.] or [=a=].
func (p *parser) end() (byte, error) {
	rest := p.text[p.at:]
	if rest == "" {
		return 0, errors.New("unmatched [")
	}
	if len(rest) < 2 || rest[0] != '[' || rest[1] != '.' && rest[1] != '=' {
		p.at++
		return rest[0], nil
	}
	if len(rest) < 5 || rest[3] != rest[1] || rest[4] != ']' {
		return 0, errors.New("unknown collating element")
	}
	p.at += 5
	return rest[2], nil
}
