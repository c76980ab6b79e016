package regex

import (
	"errors"
	"strings"
)

// Bounds: patterns are typed by people, or come from files that were.
const (
	maxRepeat = 32767 // RE_DUP_MAX
	maxDepth  = 500   // parentheses in parentheses
)

type parser struct {
	text   string
	at     int
	flags  int
	groups int
	closed [10]bool // groups that a back-reference may name
	depth  int
}

func (p *parser) extended() bool { return p.flags&Extended != 0 }

// sees reports whether an operator comes next: "(" is one of ERE, "\(" is one of BRE.
func (p *parser) sees(operator byte) bool {
	rest := p.text[p.at:]
	if p.extended() {
		return rest != "" && rest[0] == operator
	}
	return len(rest) > 1 && rest[0] == '\\' && rest[1] == operator
}

// skip passes an operator.
func (p *parser) skip() {
	if p.at++; !p.extended() {
		p.at++
	}
}

func (p *parser) parse() (*node, error) {
	n, err := p.alternatives()
	if err == nil && p.at < len(p.text) {
		err = errors.New("unmatched \\)")
	}
	return n, err
}

func (p *parser) alternatives() (*node, error) {
	var subs []*node
	for {
		n, err := p.sequence()
		if err != nil {
			return nil, err
		}
		subs = append(subs, n)
		if !p.sees('|') {
			break
		}
		p.skip()
	}
	if len(subs) == 1 {
		return subs[0], nil
	}
	return &node{kind: kAlt, subs: subs}, nil
}

func (p *parser) sequence() (*node, error) {
	all := &node{kind: kCat}
	for p.at < len(p.text) && !p.sees('|') {
		if p.sees(')') && (p.depth > 0 || !p.extended()) {
			break
		}
		first := len(all.subs) == 0 || !p.extended() && len(all.subs) == 1 && all.subs[0].kind == kBegin
		atom, err := p.atom(first, len(all.subs) == 0)
		if err == nil {
			atom, err = p.repeats(atom)
		}
		if err != nil {
			return nil, err
		}
		all.subs = append(all.subs, atom)
	}
	return all, nil
}

// atom reads what may be repeated. First: nothing is there yet to repeat; start: nothing is there at all.
func (p *parser) atom(first, start bool) (*node, error) {
	c := p.text[p.at]
	switch {
	case p.sees('('):
		return p.parentheses()
	case c == '\\':
		return p.escape()
	case c == '[':
		return p.bracket()
	case c == '.':
		p.at++
		n := &node{kind: kSet}
		n.set.invert()
		return n, nil
	case c == '^' && (p.extended() || start):
		p.at++
		return p.lineEdge(kBegin), nil
	case c == '$' && (p.extended() || p.endsHere()):
		p.at++
		return p.lineEdge(kEnd), nil
	case p.extended() && first && strings.IndexByte("*+?{", c) >= 0:
		if p.flags&Loose == 0 {
			return nil, errors.New("nothing to repeat before " + string(c))
		}
		if c != '{' || p.isInterval() {
			return p.repeats(&node{kind: kEmpty})
		}
	}
	p.at++
	return p.literal(c), nil
}

func (p *parser) lineEdge(k kind) *node { return &node{kind: k, lines: p.flags&Lines != 0} }

// isInterval reports whether { of an ERE begins a repetition.
func (p *parser) isInterval() bool {
	ahead := *p
	_, _, err := ahead.interval()
	return p.extended() && err == nil
}

// endsHere reports whether $ is an anchor of a BRE.
func (p *parser) endsHere() bool {
	rest := p.text[p.at+1:]
	return rest == "" || strings.HasPrefix(rest, `\)`) || strings.HasPrefix(rest, `\|`)
}

func (p *parser) literal(c byte) *node {
	n := &node{kind: kSet}
	n.set.add(c)
	if p.flags&IgnoreCase != 0 {
		n.set.fold()
	}
	return n
}

func (p *parser) parentheses() (*node, error) {
	p.skip()
	p.groups++
	n := &node{kind: kGroup, group: p.groups}
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("too many parentheses in each other")
	}
	sub, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.depth--; !p.sees(')') {
		return nil, errors.New("unmatched ( or \\(")
	}
	p.skip()
	if n.group < len(p.closed) {
		p.closed[n.group] = true
	}
	n.subs = []*node{sub}
	return n, nil
}

func (p *parser) escape() (*node, error) {
	if p.at+1 == len(p.text) {
		return nil, errors.New("a backslash at its end")
	}
	c := p.text[p.at+1]
	p.at += 2
	edges := map[byte]kind{'`': kTextBegin, '\'': kTextEnd, '<': kWordBegin, '>': kWordEnd, 'b': kWordEdge,
		'B': kNoWordEdge}
	if k, ok := edges[c]; ok {
		return &node{kind: k}, nil
	}
	n := &node{kind: kSet}
	switch {
	case c == 'w' || c == 'W':
		n.set.class("alnum")
		n.set.add('_')
	case c == 's' || c == 'S':
		n.set.class("space")
	case c >= '1' && c <= '9':
		if !p.closed[c-'0'] {
			return nil, errors.New("\\" + string(c) + " names no group before it")
		}
		return &node{kind: kBack, group: int(c - '0')}, nil
	default:
		return p.literal(c), nil
	}
	if c == 'W' || c == 'S' {
		n.set.invert()
	}
	return n, nil
}

// repeats reads the operators behind an atom.
func (p *parser) repeats(n *node) (*node, error) {
	loose := p.flags&Loose != 0
	if n.kind == kBegin && !p.extended() {
		return n, nil // the star of "^*" is one
	}
	if n.kind == kBegin {
		for p.at < len(p.text) && strings.IndexByte("*+?", p.text[p.at]) >= 0 {
			if p.at++; !loose {
				return nil, errors.New("nothing to repeat behind ^")
			}
		}
		return n, nil
	}
	first := n
	for p.at < len(p.text) {
		lo, hi := 0, -1
		switch c := p.text[p.at]; {
		case c == '*':
			p.at++
		case p.sees('+'):
			p.skip()
			lo = 1
		case p.sees('?'):
			p.skip()
			hi = 1
		case p.sees('{') && (!loose || p.isInterval() || !p.extended()):
			var err error
			if lo, hi, err = p.interval(); err != nil {
				return nil, err
			}
		default:
			return n, nil
		}
		if n != first && !loose && !p.extended() && p.text[p.at-1] != '+' && p.text[p.at-1] != '?' {
			return nil, errors.New("a repetition of a repetition")
		}
		if n.kind == kRepeat && n.lo == 0 && n.hi == -1 && lo <= 1 && hi == -1 {
			continue // a** is a*
		}
		n = &node{kind: kRepeat, lo: lo, hi: hi, subs: []*node{n}}
	}
	return n, nil
}

// interval reads {2}, {2,}, {,3}, {2,3}.
func (p *parser) interval() (lo, hi int, err error) {
	p.skip()
	bad := errors.New("a bad repetition in {}")
	lo, given := p.number()
	hi = lo
	if p.at < len(p.text) && p.text[p.at] == ',' {
		p.at++
		var most bool
		if hi, most = p.number(); !most {
			hi = -1
		}
		given = true
	}
	if !given || !p.sees('}') || lo > maxRepeat || hi > maxRepeat || hi >= 0 && lo > hi {
		return 0, 0, bad
	}
	p.skip()
	return lo, hi, nil
}

func (p *parser) number() (n int, given bool) {
	for ; p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9'; p.at++ {
		if n, given = n*10+int(p.text[p.at]-'0'), true; n > maxRepeat {
			n = maxRepeat + 1
		}
	}
	return n, given
}
