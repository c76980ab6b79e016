package sh

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/arith"
	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/pattern"
)

// param expands $name and ${…} (XCU 2.6.2).
func (e *expansion) param(p *syntax.ParamExp) {
	p = lastJob(p)
	if p.Param == nil || p.Excl || p.Width || p.Index != nil || p.Names != 0 {
		e.abandon(exitUsage, "syntax error: bad substitution")
	}
	name := p.Param.Value
	if name == "@" || name == "*" {
		e.all(p)
		return
	}
	value, set := e.parameter(name)
	if p.Exp != nil && e.alternative(p, value, set) {
		return
	}
	if !set && e.flags['u'] {
		e.abandon(exitUsage, "%s: parameter not set", name)
	}
	switch {
	case p.Length:
		value = strconv.Itoa(utf8.RuneCountInString(value))
	case p.Slice != nil:
		value = e.slice(p.Slice, value)
	case p.Repl != nil && set:
		value = e.replace(p.Repl, value)
	case p.Exp != nil:
		value = e.trim(p.Exp, value)
	}
	e.value(value)
}

// lastJob makes ${!-}, $! or nothing, of what the parser takes for an indirection.
func lastJob(p *syntax.ParamExp) *syntax.ParamExp {
	if !p.Excl || p.Param == nil || p.Exp != nil {
		return p
	}
	ops := map[string]syntax.ParExpOperator{"-": syntax.DefaultUnset, "?": syntax.ErrorUnset}
	op, ok := ops[p.Param.Value]
	if !ok {
		return p
	}
	last := *p
	last.Excl, last.Param, last.Exp = false, &syntax.Lit{Value: "!"}, &syntax.Expansion{Op: op}
	return &last
}

// all expands $@ and $*.
func (e *expansion) all(p *syntax.ParamExp) {
	star := p.Param.Value == "*"
	if p.Exp != nil && e.alternative(p, strings.Join(e.params, " "), true) {
		return
	}
	if p.Length {
		e.value(strconv.Itoa(utf8.RuneCountInString(strings.Join(e.params, " "))))
		return
	}
	params := e.params
	if p.Exp != nil {
		params = nil
		for _, param := range e.params {
			params = append(params, e.trim(p.Exp, param))
		}
	}
	if star && (e.quoted || e.whole) {
		e.value(strings.Join(params, e.separator()))
		return
	}
	for i, param := range params {
		if i > 0 {
			e.mark(border)
		}
		if e.quoted {
			e.mark(nothing)
		}
		e.value(param)
	}
}

// alternative expands ${x-w}, ${x=w}, ${x+w}, ${x?w}, also with a colon. It reports false if the value itself
// is wanted.
func (e *expansion) alternative(p *syntax.ParamExp, value string, set bool) (done bool) {
	there := set
	op := p.Exp.Op
	switch op {
	case syntax.DefaultUnsetOrNull, syntax.AssignUnsetOrNull, syntax.AlternateUnsetOrNull,
		syntax.ErrorUnsetOrNull:
		there = value != ""
	}
	switch op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if there {
			e.inner(p.Exp.Word)
		}
		return true
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if !there {
			e.inner(p.Exp.Word)
		}
		return !there
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !there {
			e.assign(p)
		}
		return !there
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !there {
			message := e.literal(p.Exp.Word)
			if message == "" {
				message = "parameter not set"
				if op == syntax.ErrorUnsetOrNull {
					message = "parameter not set or null"
				}
			}
			e.abandon(exitUsage, "%s: %s", p.Param.Value, message)
		}
	}
	return false
}

// inner expands the word behind an operator as if it stood here.
func (e *expansion) inner(w *syntax.Word) {
	if w == nil {
		return
	}
	if e.quoted {
		was := e.braces
		e.braces = true
		e.parts(w.Parts)
		e.braces = was
		return
	}
	inner := expansion{shell: e.shell, whole: e.whole}
	inner.word(w)
	for i, c := range inner.bytes {
		kind := inner.kinds[i]
		if kind == plain {
			kind = expanded
		}
		e.bytes, e.kinds = append(e.bytes, c), append(e.kinds, kind)
	}
}

func (e *expansion) assign(p *syntax.ParamExp) {
	if !syntax.ValidName(p.Param.Value) {
		e.abandon(exitUsage, "%s: bad variable name", p.Param.Value)
	}
	value := ""
	if e.quoted && p.Exp.Word != nil {
		inner := expansion{shell: e.shell, quoted: true, document: e.document, whole: true}
		inner.parts(p.Exp.Word.Parts)
		value = inner.join(" ")
	} else {
		value = e.literal(p.Exp.Word)
	}
	e.mustSet(p.Param.Value, value)
	e.value(value)
}

// trim is ${x#w}, ${x##w}, ${x%w}, ${x%%w}.
func (e *expansion) trim(exp *syntax.Expansion, value string) string {
	switch exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return value
	default:
		e.abandon(exitUsage, "syntax error: bad substitution")
	}
	pat := ""
	if exp.Word != nil {
		inner := expansion{shell: e.shell, whole: true}
		inner.word(exp.Word)
		pat = inner.pattern()
	}
	return trim(value, pat, exp.Op)
}

func trim(value, pat string, op syntax.ParExpOperator) string {
	if op == syntax.RemSmallPrefix || op == syntax.RemLargePrefix {
		return value[max(0, pattern.Prefix(pat, value, op == syntax.RemLargePrefix)):]
	}
	n := len(value)
	for i := range n + 1 {
		switch op {
		case syntax.RemSmallSuffix:
			if pattern.Match(pat, value[n-i:]) {
				return value[:n-i]
			}
		case syntax.RemLargeSuffix:
			if pattern.Match(pat, value[i:]) {
				return value[:i]
			}
		}
	}
	return value
}

// slice is ${x:offset:length}, of ash and bash.
func (e *expansion) slice(p *syntax.Slice, value string) string {
	runes := []rune(value)
	from := int(e.number(p.Offset))
	if from < 0 {
		from += len(runes)
	}
	if from < 0 {
		return ""
	}
	runes = runes[min(from, len(runes)):]
	if p.Length == nil {
		return string(runes)
	}
	length := int(e.number(p.Length))
	if length < 0 {
		length = max(0, len(runes)+length)
	}
	return string(runes[:min(length, len(runes))])
}

// replace is ${x/pattern/text}, of ash and bash: the longest match at the first place, or at every one.
func (e *expansion) replace(p *syntax.Replace, value string) string {
	orig, with := p.Orig, p.With
	if orig == nil && with != nil { // the parser ends it at its first character
		orig, with = slashed(with)
	}
	return e.replaced(value, e.patternOf(orig), e.literal(with), p.All)
}

// slashed parts what follows ${x//: the pattern begins with a / and ends at the next.
func slashed(w *syntax.Word) (pat, with *syntax.Word) {
	pat = &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: "/"}}}
	for i, part := range w.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			pat.Parts = append(pat.Parts, part)
			continue
		}
		before, behind, found := strings.Cut(lit.Value, "/")
		pat.Parts = append(pat.Parts, &syntax.Lit{Value: before})
		if found {
			rest := []syntax.WordPart{&syntax.Lit{Value: behind}}
			return pat, &syntax.Word{Parts: append(rest, w.Parts[i+1:]...)}
		}
	}
	return pat, nil
}

func (e *expansion) replaced(value, pat, with string, all bool) string {
	if pat == "" {
		return value
	}
	if value == "" && pattern.Match(pat, "") {
		return with
	}
	front, back := strings.HasPrefix(pat, "#") && !all, strings.HasPrefix(pat, "%") && !all
	if front || back {
		pat = pat[1:]
	}
	var b strings.Builder
	for i := 0; i <= len(value); {
		end := 0
		switch {
		case front && i > 0:
		case !back:
			end = pattern.Prefix(pat, value[i:], true)
		case pattern.Match(pat, value[i:]):
			end = len(value) - i
		}
		if end <= 0 {
			if i < len(value) {
				b.WriteByte(value[i])
			}
			i++
			continue
		}
		b.WriteString(with)
		i += end
		if !all {
			b.WriteString(value[min(i, len(value)):])
			break
		}
	}
	return b.String()
}

// arithmetic is $((…)).
func (e *expansion) arithmetic(x syntax.ArithmExpr) string { return strconv.FormatInt(e.number(x), 10) }

// number evaluates an expression. It is expanded as a text first, as XCU 2.6.4 has it, so that a variable may
// hold a part of it.
func (s *shell) number(x syntax.ArithmExpr) int64 {
	if x == nil {
		return 0
	}
	return s.evaluate(s.expression(x))
}

func (s *shell) evaluate(expr string) int64 {
	n, err := arith.Eval(expr, s)
	if err != nil {
		s.abandon(exitUsage, "%v", err)
	}
	return n
}

// expression is the text of an expression.
func (s *shell) expression(x syntax.ArithmExpr) string {
	switch x := x.(type) {
	case *syntax.Word:
		e := expansion{shell: s, quoted: true, whole: true}
		e.parts(x.Parts)
		return strings.ReplaceAll(e.join(" "), `"`, "")
	case *syntax.ParenArithm:
		return "(" + s.expression(x.X) + ")"
	case *syntax.UnaryArithm:
		if x.Post {
			return s.expression(x.X) + x.Op.String() + " "
		}
		return " " + x.Op.String() + s.expression(x.X)
	case *syntax.BinaryArithm:
		return s.expression(x.X) + " " + x.Op.String() + " " + s.expression(x.Y)
	}
	return ""
}

// random is a number as $RANDOM has it.
func random() int { return rand.IntN(1 << 15) }

// homeOf is the directory of a user.
func homeOf(name string) (string, bool) {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return "", false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if field := strings.Split(lines.Text(), ":"); len(field) > 5 && field[0] == name {
			return field[5], true
		}
	}
	return "", false
}
