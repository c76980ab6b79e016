package files

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

const exprHelp = `	A | B	A if it is neither empty nor 0, else B
	A & B	A; 0 if A or B is empty or 0
	A < B ...	1 or 0: < <= = == != >= >
	A + B ...	+ - * / %
	STRING : REGEXP	what \( \) matched, or how many characters
	match STRING REGEXP	the same
	substr STRING POS LENGTH
	index STRING CHARS
	length STRING
	quote WORD
	( EXPRESSION )
`

// expr is expr(1): 0, 1 if the value is empty or 0, 2 nonsense.
func expr(c *command.Call) {
	if len(c.Args) == 0 {
		c.Misused("an expression is missing")
		return
	}
	e := &expression{args: c.Args}
	v := e.or()
	if e.err == nil && len(e.args) > 0 {
		e.fail(errors.New("syntax error"))
	}
	if e.err != nil {
		c.Fail(e.err)
		return
	}
	if e.warning != "" {
		c.Warn(errors.New(e.warning))
	}
	c.Stdout.WriteString(v.String() + "\n")
	if v.null() {
		c.Exit(1)
	}
}

// A value is a number or a string.
type value struct {
	text     string
	n        int64
	isNumber bool
}

func numberValue(n int64) value { return value{n: n, isNumber: true} }

func truth(b bool) value {
	if b {
		return numberValue(1)
	}
	return numberValue(0)
}

func (v value) String() string {
	if v.isNumber {
		return strconv.FormatInt(v.n, 10)
	}
	return v.text
}

func (v value) null() bool {
	if v.isNumber {
		return v.n == 0
	}
	return v.text == "" || v.text == "0"
}

// number is the value as a number, if it looks like one.
func (v value) number() (value, bool) {
	if v.isNumber {
		return v, true
	}
	n, err := strconv.ParseInt(strings.TrimLeft(v.text, " \t\n\v\f\r"), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return v, false
	}
	return numberValue(n), true
}

// An expression is read word by word. After an error nothing is left of it.
type expression struct {
	args    []string
	depth   int
	err     error
	warning string
}

func (e *expression) fail(err error) value {
	if e.err == nil {
		e.err = err
	}
	e.args = nil
	return value{}
}

// take takes the next word if it is one of these.
func (e *expression) take(words ...string) string {
	if len(e.args) > 0 {
		for _, word := range words {
			if e.args[0] == word {
				e.args = e.args[1:]
				return word
			}
		}
	}
	return ""
}

func (e *expression) or() value {
	l := e.and()
	for e.take("|") != "" {
		if r := e.and(); l.null() {
			l = r
		}
	}
	return l
}

func (e *expression) and() value {
	l := e.comparison()
	for e.take("&") != "" {
		if r := e.comparison(); l.null() || r.null() {
			l = numberValue(0)
		}
	}
	return l
}

func (e *expression) comparison() value {
	l := e.sum()
	for {
		op := e.take("<", "<=", "=", "==", "!=", ">=", ">")
		if op == "" {
			return l
		}
		l = truth(compareValues(l, e.sum(), op))
	}
}

func compareValues(l, r value, op string) bool {
	x, ok := l.number()
	y, ok2 := r.number()
	order := 0
	switch {
	case !ok || !ok2:
		order = strings.Compare(x.String(), y.String())
	case x.n < y.n:
		order = -1
	case x.n > y.n:
		order = 1
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "!=":
		return order != 0
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	}
	return order == 0
}

func (e *expression) sum() value {
	l := e.product()
	for {
		op := e.take("+", "-")
		if op == "" {
			return l
		}
		l = e.arithmetic(l, e.product(), op)
	}
}

func (e *expression) product() value {
	l := e.match()
	for {
		op := e.take("*", "/", "%")
		if op == "" {
			return l
		}
		l = e.arithmetic(l, e.match(), op)
	}
}

func (e *expression) arithmetic(l, r value, op string) value {
	if e.err != nil {
		return value{}
	}
	x, ok := l.number()
	y, ok2 := r.number()
	if !ok || !ok2 {
		return e.fail(errors.New("non-numeric argument"))
	}
	switch op {
	case "+":
		return numberValue(x.n + y.n)
	case "-":
		return numberValue(x.n - y.n)
	case "*":
		return numberValue(x.n * y.n)
	}
	if y.n == 0 {
		return e.fail(errors.New("division by zero"))
	}
	if op == "/" {
		return numberValue(x.n / y.n)
	}
	return numberValue(x.n % y.n)
}

func (e *expression) match() value {
	l := e.keyword()
	for e.take(":") != "" {
		l = e.matched(l, e.keyword())
	}
	return l
}

// matched is what a regular expression matches at the beginning: its first group, or how many bytes.
func (e *expression) matched(text, pattern value) value {
	if e.err != nil {
		return value{}
	}
	if strings.HasPrefix(pattern.String(), "^") {
		e.warning = "a ^ at the beginning of a regular expression is not needed"
	}
	re, err := regex.Compile(pattern.String(), 0)
	if err != nil {
		return e.fail(err)
	}
	subject := []byte(text.String())
	all, err := re.All(subject, 1)
	if err != nil {
		return e.fail(err)
	}
	groups := re.Groups > 0
	switch at := len(all) > 0 && all[0][0] == 0; {
	case !at && groups:
		return value{}
	case !at:
		return numberValue(0)
	case groups && all[0][2] >= 0:
		return value{text: string(subject[all[0][2]:all[0][3]])}
	}
	return numberValue(int64(all[0][1]))
}

func (e *expression) keyword() value {
	const deepest = 1000
	if e.depth++; e.depth > deepest {
		return e.fail(errors.New("too deep"))
	}
	defer func() { e.depth-- }()
	switch e.take("quote", "length", "match", "index", "substr") {
	case "quote":
		return e.word()
	case "length":
		return numberValue(int64(len(e.keyword().String())))
	case "match":
		l := e.keyword()
		return e.matched(l, e.keyword())
	case "index":
		l := e.keyword().String()
		return numberValue(int64(indexAny(l, e.keyword().String()) + 1))
	case "substr":
		l := e.keyword().String()
		at, ok := e.keyword().number()
		n, ok2 := e.keyword().number()
		if !ok || !ok2 || at.n <= 0 || n.n <= 0 || at.n > int64(len(l)) {
			return value{}
		}
		return value{text: l[at.n-1:][:min(n.n, int64(len(l))-at.n+1)]}
	}
	return e.operand()
}

// indexAny is where a byte of chars is first; -1: nowhere.
func indexAny(s, chars string) int {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) >= 0 {
			return i
		}
	}
	return -1
}

func (e *expression) operand() value {
	switch e.take("(", ")") {
	case "(":
		v := e.or()
		if e.take(")") == "" {
			return e.fail(errors.New("syntax error"))
		}
		return v
	case ")":
		return e.fail(errors.New("syntax error"))
	}
	return e.word()
}

func (e *expression) word() value {
	if len(e.args) == 0 {
		return e.fail(errors.New("syntax error"))
	}
	v := value{text: e.args[0]}
	e.args = e.args[1:]
	return v
}
