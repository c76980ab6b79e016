package match

import (
	"slices"
	"strings"

	"github.com/benhoyt/goawk/lexer"
)

// noValue is a variable that has none.
const noValue = "no_value_"

// A formatCall is a printf or sprintf that is being read.
//
//	awaited -- a text --> text -- "," or the end --> known; anything else: unknown
type formatCall struct {
	statement bool // printf, which may be without parentheses
	enclosed  bool // it has them
	closed    int  // where they end, of a statement; 0: they do not yet
	depth     int  // parentheses and brackets that are open within it
	tokens    int
	format    string
	state     formatState
	missing   int // arguments that the format wants, and that were not there yet
}

type formatState int

const (
	formatAwaited formatState = iota
	formatText
	formatKnown
	formatUnknown
)

// formatCalls give to printf and sprintf the arguments that their format wants and that are not there: for
// busybox they are empty, for goawk an error. A format that is made while the program runs stays as it is.
type formatCalls struct{ open []*formatCall }

// token is told each token of a program, and gives what is to be inserted, and where.
func (f *formatCalls) token(t lexer.Token, value string, at int) (where int, text string) {
	if n := len(f.open); n > 0 {
		var over bool
		if over, where, text = f.open[n-1].token(t, value, at); over {
			f.open = f.open[:n-1]
		}
	}
	if t == lexer.PRINTF || t == lexer.F_SPRINTF {
		f.open = append(f.open, &formatCall{statement: t == lexer.PRINTF})
	}
	return where, text
}

// token follows a call to its end.
func (c *formatCall) token(t lexer.Token, value string, at int) (over bool, where int, text string) {
	c.tokens++
	ends := slices.Contains([]lexer.Token{lexer.NEWLINE, lexer.SEMICOLON, lexer.RBRACE, lexer.EOF,
		lexer.GREATER, lexer.APPEND, lexer.PIPE}, t)
	switch {
	case c.tokens == 1 && t == lexer.LPAREN:
		c.enclosed, c.depth = true, 1
		return false, 0, ""
	case c.tokens == 1 && !c.statement, c.closed > 0 && !ends:
		return true, 0, "" // no call, or ("%s") is a part of an expression
	case c.closed > 0:
		return true, c.closed, c.rest()
	}
	base := c.depth == 0
	if c.enclosed {
		base, ends = c.depth == 1, c.depth == 1 && t == lexer.RPAREN
	}
	c.follow(t, value, base, ends)
	switch {
	case ends && base && c.enclosed && c.statement:
		c.closed = at
	case ends && base:
		return true, at, c.rest()
	case t == lexer.LPAREN || t == lexer.LBRACKET:
		c.depth++
	case t == lexer.RPAREN || t == lexer.RBRACKET:
		c.depth--
	}
	return false, 0, ""
}

// follow learns the format, and counts arguments.
func (c *formatCall) follow(t lexer.Token, value string, base, ends bool) {
	comma := base && t == lexer.COMMA
	switch {
	case c.state == formatAwaited && t == lexer.STRING:
		c.state, c.format = formatText, value
	case c.state == formatAwaited, c.state == formatText && !comma && !ends:
		c.state = formatUnknown
	case c.state == formatText:
		c.state, c.missing = formatKnown, conversions(c.format)
	}
	if comma {
		c.missing--
	}
}

// rest are the arguments that are not there.
func (c *formatCall) rest() string {
	if c.state != formatKnown || c.missing <= 0 {
		return ""
	}
	return strings.Repeat(", "+noValue, c.missing)
}

// conversions is how many arguments a format wants.
func conversions(format string) (n int) {
	for {
		_, rest, found := strings.Cut(format, "%")
		if !found || rest == "" {
			return n
		}
		kind := strings.TrimLeft(rest, " .-+*#0123456789")
		n += strings.Count(rest[:len(rest)-len(kind)], "*")
		if kind == "" {
			return n
		}
		if rest[0] != '%' {
			n++
		}
		format = kind[1:]
	}
}
