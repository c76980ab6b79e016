package filter

import "fmt"

// Of a tree, which is what an expression says.
type (
	node interface{ column() int }

	both   struct{ a, b node } // and
	either struct{ a, b node } // or
	negate struct{ of node }

	// A qualifier is what the words before a value say of it; "" is what is not said.
	qualifier struct {
		proto, dir, kind string
		set              bool // there is one, for a value that follows without words of its own
	}
	// A value with its qualifiers.
	value struct {
		q      qualifier
		token  token
		prefix *token // behind "/" or "mask"
	}
	// A primitive that has no value of an address, or a number at most.
	primitive struct {
		word, proto string
		n           *token
		at          int
	}
	relation struct {
		a, b sum
		op   string
		at   int
	}
)

func (n both) column() int      { return n.a.column() }
func (n either) column() int    { return n.a.column() }
func (n negate) column() int    { return n.of.column() }
func (n value) column() int     { return n.token.column }
func (n primitive) column() int { return n.at }
func (n relation) column() int  { return n.at }

type parser struct {
	tokens []token
	depth  int
}

// maxDepth is how deep parentheses and "not" go.
const maxDepth = 200

// parse makes the tree of an expression; nil of an empty one.
func parse(text string) (node, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	if p.next().kind == end {
		return nil, nil
	}
	n, _, err := p.expression(qualifier{})
	if err == nil && p.next().kind != end {
		err = p.expected("and, or, or the end")
	}
	return n, err
}

func (p *parser) next() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) takes(text string) bool {
	if p.next().is(text) {
		p.take()
		return true
	}
	return false
}

func (p *parser) expected(what string) error { return expected(p.next(), what) }

func expected(t token, what string) error {
	return &Error{t.column, fmt.Sprintf("%s: expected %s", t.text, what)}
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return &Error{p.next().column, fmt.Sprintf("more than %d levels", maxDepth)}
	}
	return nil
}

// expression reads terms with "and" and "or" between them, which bind alike, from left to right. q is the
// qualifier that a value without words of its own has; the last one comes back.
func (p *parser) expression(q qualifier) (node, qualifier, error) {
	if err := p.deeper(); err != nil {
		return nil, q, err
	}
	defer func() { p.depth-- }()
	n, q, err := p.term(q)
	for err == nil {
		var right node
		switch {
		case p.takes("and"):
			if right, q, err = p.term(q); err == nil {
				n = both{n, right}
			}
		case p.takes("or"):
			if right, q, err = p.term(q); err == nil {
				n = either{n, right}
			}
		default:
			return n, q, nil
		}
	}
	return nil, q, err
}

func (p *parser) term(q qualifier) (node, qualifier, error) {
	if p.takes("not") {
		if err := p.deeper(); err != nil {
			return nil, q, err
		}
		defer func() { p.depth-- }()
		n, q, err := p.term(q)
		return negate{n}, q, err
	}
	if n, ok := p.relation(); ok {
		return n, qualifier{}, nil
	}
	t := p.next()
	switch {
	case t.is("("):
		p.take()
		n, q, err := p.expression(q)
		if err == nil && !p.takes(")") {
			err = p.expected(")")
		}
		return n, q, err
	case t.kind == word && keyword(t.text):
		return p.head()
	case t.kind == symbol || t.kind == end:
		return nil, q, p.expected("a condition")
	case !q.set:
		return nil, q, p.expected("host, net, port or another word before a value")
	}
	n, err := p.value(q)
	return n, q, err
}

// head reads a primitive that begins with a word.
func (p *parser) head() (node, qualifier, error) {
	var q qualifier
	at := p.next().column
	if protocolWord(p.next().text) {
		q.proto = p.take().text
		if q.proto == "link" {
			q.proto = "ether"
		}
	}
	t := p.next()
	switch {
	case t.is("broadcast") || t.is("multicast"):
		return primitive{word: p.take().text, proto: q.proto, at: at}, qualifier{}, nil
	case t.is("proto"):
		q.kind = p.take().text
		return p.valueOf(q)
	case t.is("src") || t.is("dst"):
		q.dir = p.direction()
	}
	if t := p.next(); t.is("host") || t.is("net") || t.is("port") || t.is("portrange") {
		q.kind = p.take().text
	}
	if q.dir != "" || q.kind != "" {
		return p.valueOf(q)
	}
	if q.proto != "" {
		return primitive{word: q.proto, at: at}, qualifier{}, nil
	}
	return p.alone()
}

// direction reads "src", "dst", "src or dst" and the like.
func (p *parser) direction() string {
	dir := p.take().text
	if len(p.tokens) > 1 {
		sign, other := p.tokens[0], p.tokens[1]
		if (sign.is("or") || sign.is("and")) && (other.is("src") || other.is("dst")) && other.text != dir {
			p.take()
			p.take()
			return sign.text
		}
	}
	return dir
}

// alone reads the primitives without a qualifier.
func (p *parser) alone() (node, qualifier, error) {
	t := p.take()
	n := primitive{word: t.text, at: t.column}
	switch t.text {
	case "inbound", "outbound":
	case "less", "greater", "ifindex":
		if p.next().kind != number {
			return nil, qualifier{}, p.expected("a number")
		}
		v := p.take()
		n.n = &v
	case "vlan":
		if p.next().kind == number {
			v := p.take()
			n.n = &v
		}
	default:
		return nil, qualifier{}, expected(t, "a condition that this tcpdump knows")
	}
	return n, qualifier{}, nil
}

// valueOf reads what is behind qualifiers: a value, or values in parentheses.
func (p *parser) valueOf(q qualifier) (node, qualifier, error) {
	q.set = true
	switch {
	case p.takes("not"):
		if err := p.deeper(); err != nil {
			return nil, q, err
		}
		defer func() { p.depth-- }()
		n, q, err := p.valueOf(q)
		return negate{n}, q, err
	case p.takes("("):
		n, q, err := p.expression(q)
		if err == nil && !p.takes(")") {
			err = p.expected(")")
		}
		return n, q, err
	}
	n, err := p.value(q)
	return n, q, err
}

func (p *parser) value(q qualifier) (node, error) {
	t := p.next()
	if t.kind == symbol || t.kind == end || t.kind == word && keyword(t.text) {
		return nil, p.expected("a value of " + q.words())
	}
	v := value{q: q, token: p.take()}
	if t.kind != quad && t.kind != ipv6 {
		return v, nil
	}
	switch {
	case p.takes("/"):
		if p.next().kind != number {
			return nil, p.expected("the length of a prefix")
		}
	case t.kind != ipv6 && p.takes("mask"):
		if p.next().kind != quad {
			return nil, p.expected("a netmask")
		}
	default:
		return v, nil
	}
	prefix := p.take()
	v.prefix = &prefix
	return v, nil
}

// words are what a qualifier was written as, about.
func (q qualifier) words() string {
	if q.kind == "" {
		return "host"
	}
	return q.kind
}
