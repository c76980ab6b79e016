package filter

// A sum is a number that is computed of a packet.
type sum interface{}

type (
	constant uint32
	length   struct{} // of the packet on the wire
	// A field is one of a protocol's bytes, size of them, from an offset behind its header's beginning.
	field struct {
		proto  string
		offset sum
		size   int
		at     int
	}
	operation struct {
		op   string
		a, b sum
	}
)

// relation reads a comparison of two sums; if there is none, nothing is taken.
func (p *parser) relation() (node, bool) {
	if t := p.next(); !(t.kind == number || t.is("(") || t.is("-") || t.is("len") || t.is("length") ||
		t.kind == word && protocolWord(t.text) && len(p.tokens) > 1 && p.tokens[1].is("[")) {
		return nil, false
	}
	before := p.tokens
	r := relation{at: p.next().column}
	a, ok := p.sum(0)
	if ok {
		t := p.take()
		switch t.text {
		case "=", "!=", "<", ">", "<=", ">=":
			r.a, r.op = a, t.text
			if r.b, ok = p.sum(0); ok {
				return r, true
			}
		}
	}
	p.tokens = before
	return nil, false
}

// levels are the operations, those that bind more behind.
func levels() [][]string {
	return [][]string{{"|", "^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}
}

func (p *parser) sum(level int) (sum, bool) {
	if level == len(levels()) {
		return p.factor()
	}
	a, ok := p.sum(level + 1)
	for ok {
		op := ""
		for _, s := range levels()[level] {
			if p.next().kind == symbol && p.next().text == s {
				op = s
			}
		}
		if op == "" {
			return a, true
		}
		p.take()
		var b sum
		if b, ok = p.sum(level + 1); ok {
			a = fold(operation{op, a, b})
		}
	}
	return nil, false
}

func (p *parser) factor() (sum, bool) {
	if p.deeper() != nil {
		return nil, false
	}
	defer func() { p.depth-- }()
	t := p.take()
	switch {
	case t.kind == number:
		return constant(t.n), true
	case t.is("len") || t.is("length"):
		return length{}, true
	case t.is("-"):
		a, ok := p.factor()
		return fold(operation{"-", constant(0), a}), ok
	case t.is("("):
		a, ok := p.sum(0)
		return a, ok && p.takes(")")
	case t.kind == word && protocolWord(t.text) && p.takes("["):
		return p.field(t)
	}
	return nil, false
}

// field reads what is behind the bracket of a protocol.
func (p *parser) field(proto token) (sum, bool) {
	f := field{proto: proto.text, size: 1, at: proto.column}
	var ok bool
	if f.offset, ok = p.sum(0); !ok {
		return nil, false
	}
	if p.takes(":") {
		t := p.take()
		if t.kind != number || t.n != 1 && t.n != 2 && t.n != 4 {
			return nil, false
		}
		f.size = int(t.n)
	}
	return f, p.takes("]")
}

// fold computes what is known already. A division by zero is left, and found later.
func fold(o operation) sum {
	a, ok := o.a.(constant)
	b, ok2 := o.b.(constant)
	if !ok || !ok2 {
		return o
	}
	switch {
	case o.op == "+":
		return a + b
	case o.op == "-":
		return a - b
	case o.op == "*":
		return a * b
	case o.op == "/" && b != 0:
		return a / b
	case o.op == "%" && b != 0:
		return a % b
	case o.op == "&":
		return a & b
	case o.op == "|":
		return a | b
	case o.op == "^":
		return a ^ b
	case o.op == "<<":
		return a << b
	case o.op == ">>":
		return a >> b
	}
	return o
}
