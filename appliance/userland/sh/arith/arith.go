// Package arith evaluates the arithmetic of the shell (XCU 2.6.4): integers of 64 bits with the operators of
// C, ** and BASE#DIGITS, variables without $, whose values are expressions again. It guarantees an end:
// expressions are bounded in depth, and so are values that lead to values. What the shell expands in an
// expression is expanded before.
package arith

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Variables are those of the shell.
type Variables interface {
	Get(name string) (value string, err error) // "" if it is not set and may be
	Set(name, value string) error
}

const (
	maxDepth  = 200 // of parentheses, signs and operators
	maxValues = 32  // that lead to each other
)

// Eval is the value of an expression; that of nothing is 0.
func Eval(expr string, v Variables) (int64, error) { return eval(expr, v, 0) }

func eval(expr string, v Variables, values int) (n int64, err error) {
	p := &parser{rest: expr, vars: v, values: values}
	if p.space(); p.rest == "" {
		return 0, nil
	}
	n = p.read(p.comma())
	if p.space(); p.err == nil && p.rest != "" {
		p.wrong()
	}
	return n, p.err
}

// An operand is a number, or a variable that has one.
type operand struct {
	n    int64
	name string
}

type parser struct {
	rest   string
	vars   Variables
	skip   int // above 0: what is read has no effect
	depth  int
	values int
	err    error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
		p.rest = ""
	}
}

// wrong is what ash says of all that is no expression.
func (p *parser) wrong() { p.fail("arithmetic syntax error") }

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

// take takes an operator, if it is next and not the beginning of a longer one.
func (p *parser) take(op string, not ...string) bool {
	p.space()
	if !strings.HasPrefix(p.rest, op) {
		return false
	}
	for _, longer := range not {
		if strings.HasPrefix(p.rest, longer) {
			return false
		}
	}
	p.rest = p.rest[len(op):]
	return true
}

// read is the number of an operand.
func (p *parser) read(o operand) int64 {
	if o.name == "" || p.skip > 0 || p.err != nil {
		return o.n
	}
	value, err := p.vars.Get(o.name)
	if err != nil {
		p.fail("%w", err)
		return 0
	}
	if p.values >= maxValues {
		p.fail("expression recursion loop detected")
		return 0
	}
	n, err := eval(value, p.vars, p.values+1)
	if err != nil {
		p.fail("%w", err)
	}
	return n
}

// write assigns to an operand.
func (p *parser) write(o operand, n int64) operand {
	switch {
	case p.err != nil:
	case o.name == "":
		p.wrong()
	case p.skip == 0:
		if err := p.vars.Set(o.name, strconv.FormatInt(n, 10)); err != nil {
			p.fail("%w", err)
		}
	}
	return operand{n: n}
}

func (p *parser) comma() operand {
	o := p.assignment()
	for p.take(",") {
		p.read(o)
		o = p.assignment()
	}
	return o
}

func (p *parser) assignment() operand {
	if p.depth++; p.depth > maxDepth {
		p.fail("the expression is too deep")
	}
	defer func() { p.depth-- }()
	o := p.ternary()
	if p.err != nil {
		return o
	}
	if p.take("=", "==") {
		return p.write(o, p.read(p.assignment()))
	}
	for _, op := range []string{"<<", ">>", "**", "+", "-", "*", "/", "%", "&", "|", "^"} {
		if p.take(op + "=") {
			old := p.read(o)
			return p.write(o, p.apply(op, old, p.read(p.assignment())))
		}
	}
	return o
}

func (p *parser) ternary() operand {
	o := p.binary(0)
	if !p.take("?") {
		return o
	}
	yes := p.read(o) != 0
	a := p.branch(yes, p.comma)
	if !p.take(":") {
		p.fail("malformed ?: operator")
	}
	b := p.branch(!yes, p.assignment)
	if yes {
		return a
	}
	return b
}

// branch reads an operand that only counts if it is taken.
func (p *parser) branch(taken bool, f func() operand) operand {
	if !taken {
		p.skip++
		defer func() { p.skip-- }()
	}
	return operand{n: p.read(f())}
}

// level is the binary operators of one precedence, and what is longer than they are.
type level struct {
	ops    []string
	longer map[string][]string
}

func levels() []level {
	return []level{
		{ops: []string{"||"}},
		{ops: []string{"&&"}},
		{ops: []string{"|"}, longer: map[string][]string{"|": {"||", "|="}}},
		{ops: []string{"^"}, longer: map[string][]string{"^": {"^="}}},
		{ops: []string{"&"}, longer: map[string][]string{"&": {"&&", "&="}}},
		{ops: []string{"==", "!="}},
		{ops: []string{"<=", ">=", "<", ">"}, longer: map[string][]string{"<": {"<<"}, ">": {">>"}}},
		{ops: []string{"<<", ">>"}, longer: map[string][]string{"<<": {"<<="}, ">>": {">>="}}},
		{ops: []string{"+", "-"}, longer: map[string][]string{"+": {"+="}, "-": {"-="}}},
		{ops: []string{"*", "/", "%"}, longer: map[string][]string{"*": {"**", "*="}, "/": {"/="}, "%": {"%="}}},
	}
}

var byLevel = levels()

func (p *parser) binary(l int) operand {
	if l == len(byLevel) {
		return p.power()
	}
	o := p.binary(l + 1)
	for p.err == nil {
		op := ""
		for _, candidate := range byLevel[l].ops {
			if p.take(candidate, byLevel[l].longer[candidate]...) {
				op = candidate
				break
			}
		}
		switch op {
		case "":
			return o
		case "||", "&&":
			left := p.read(o) != 0
			right := p.branch(left == (op == "&&"), func() operand { return p.binary(l + 1) }).n != 0
			o = truth(left && right || op == "||" && (left || right))
		default:
			left := p.read(o)
			o = operand{n: p.apply(op, left, p.read(p.binary(l+1)))}
		}
	}
	return o
}

func truth(b bool) operand {
	if b {
		return operand{n: 1}
	}
	return operand{}
}

func (p *parser) power() operand {
	o := p.unary()
	if p.take("**", "**=") {
		base := p.read(o)
		return operand{n: p.apply("**", base, p.read(p.power()))}
	}
	return o
}

func (p *parser) unary() operand {
	if p.depth++; p.depth > maxDepth {
		p.fail("the expression is too deep")
		return operand{}
	}
	defer func() { p.depth-- }()
	switch {
	case p.err != nil:
		return operand{}
	case p.take("++"):
		return p.step(1)
	case p.take("--"):
		return p.step(-1)
	case p.take("+"):
		return operand{n: p.read(p.unary())}
	case p.take("-"):
		return operand{n: -p.read(p.unary())}
	case p.take("~"):
		return operand{n: ^p.read(p.unary())}
	case p.take("!", "!="):
		return truth(p.read(p.unary()) == 0)
	}
	return p.postfix()
}

// step is ++ or -- before an operand; before a number it is two signs.
func (p *parser) step(by int64) operand {
	o := p.unary()
	if o.name == "" {
		return operand{n: p.read(o)}
	}
	return p.write(o, p.read(o)+by)
}

func (p *parser) postfix() operand {
	o := p.primary()
	if o.name == "" || p.err != nil {
		return o
	}
	by := int64(0)
	if p.take("++") {
		by = 1
	} else if p.take("--") {
		by = -1
	}
	if by == 0 {
		return o
	}
	old := p.read(o)
	p.write(o, old+by)
	return operand{n: old}
}

func (p *parser) primary() operand {
	if p.take("(") {
		o := operand{n: p.read(p.comma())}
		if !p.take(")") {
			p.wrong()
		}
		return o
	}
	p.space()
	end := 0
	for end < len(p.rest) && isWord(p.rest[end]) {
		end++
	}
	word := p.rest[:end]
	switch {
	case word == "" && p.rest == "":
		p.wrong()
		return operand{}
	case word == "":
		p.wrong()
		return operand{}
	}
	p.rest = p.rest[end:]
	if word[0] > '9' {
		return operand{name: word}
	}
	return operand{n: p.number(word)}
}

// isWord says whether a byte may be part of a name or a number.
func isWord(c byte) bool {
	return c == '_' || c == '#' || c == '@' || c-'0' < 10 || c|0x20-'a' < 26
}

// number reads 12, 012, 0x12 or 2#101.
func (p *parser) number(word string) int64 {
	base, digits, based := strings.Cut(word, "#")
	if !based {
		n, err := strconv.ParseUint(word, 0, 64)
		if errors.Is(err, strconv.ErrRange) {
			return 1<<63 - 1
		}
		if err != nil || strings.ContainsAny(word, "_bBoO") && !strings.HasPrefix(strings.ToLower(word), "0x") {
			p.wrong()
		}
		return int64(n)
	}
	b, err := strconv.Atoi(base)
	if err != nil || b < 2 || b > 64 {
		p.wrong()
		return 0
	}
	n := int64(0)
	for _, c := range []byte(digits) {
		d := digit(c, b)
		if d < 0 || d >= b {
			p.wrong()
			return 0
		}
		n = n*int64(b) + int64(d)
	}
	return n
}

// digit is the value of one: 0-9, a-z, A-Z, @ and _; up to base 36, capitals are as small letters.
func digit(c byte, base int) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z' && base <= 36:
		return int(c-'A') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 36
	case c == '@':
		return 62
	case c == '_':
		return 63
	}
	return -1
}

// apply is a binary operator.
func (p *parser) apply(op string, a, b int64) int64 {
	compared := map[string]bool{"==": a == b, "!=": a != b, "<": a < b, ">": a > b, "<=": a <= b,
		">=": a >= b}
	if yes, ok := compared[op]; ok {
		return truth(yes).n
	}
	switch op {
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&":
		return a & b
	case "<<":
		return a << (uint64(b) & 63)
	case ">>":
		return a >> (uint64(b) & 63)
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		return p.raise(a, b)
	}
	return p.divide(op, a, b)
}

func (p *parser) divide(op string, a, b int64) int64 {
	switch {
	case p.skip > 0 || p.err != nil:
		return 0
	case b == 0:
		p.fail("divide by zero")
		return 0
	case b == -1 && op == "%":
		return 0
	case b == -1:
		return -a
	case op == "%":
		return a % b
	}
	return a / b
}

func (p *parser) raise(a, b int64) int64 {
	if b < 0 {
		if p.skip == 0 {
			p.fail("exponent less than 0")
		}
		return 0
	}
	n := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			n *= a
		}
		a *= a
	}
	return n
}
