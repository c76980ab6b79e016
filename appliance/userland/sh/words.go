package sh

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/pattern"
)

// What a byte of a word is. A word is expanded into bytes that know where they come from; only then it is
// split and matched with files, as XCU 2.6 has it.
const (
	plain    byte = iota // of the script, not quoted
	quotes               // quoted: it means itself
	expanded             // of an expansion that was not quoted: IFS splits it
	border               // from here on no byte: a field ends here, as between two of "$@"
	nothing              // no byte: here is something, if only ""
)

// text is a word that is expanded.
type text struct {
	bytes []byte
	kinds []byte
}

func (t *text) add(s string, kind byte) {
	if kind != expanded {
		s = original(s)
	}
	t.bytes = append(t.bytes, s...)
	n := len(t.kinds)
	t.kinds = slices.Grow(t.kinds, len(s))[:n+len(s)]
	for i := range t.kinds[n:] {
		t.kinds[n+i] = kind
	}
}

func (t *text) mark(kind byte) {
	t.bytes = append(t.bytes, 0)
	t.kinds = append(t.kinds, kind)
}

// String is the text without marks; sep is between fields.
func (t *text) join(sep string) string {
	var b strings.Builder
	b.Grow(len(t.bytes))
	for i := 0; i < len(t.bytes); {
		begin := i
		for i < len(t.bytes) && t.kinds[i] < border {
			i++
		}
		b.Write(t.bytes[begin:i])
		if i < len(t.bytes) && t.kinds[i] == border {
			b.WriteString(sep)
		}
		i++
	}
	return b.String()
}

// pattern is the text as a pattern, in which what is quoted means itself.
func (t *text) pattern() string {
	var b strings.Builder
	for i, c := range t.bytes {
		switch t.kinds[i] {
		case border:
			b.WriteByte(' ')
		case nothing:
		case quotes:
			if strings.IndexByte(`*?[]\-!^`, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// An expansion expands one word.
type expansion struct {
	*shell
	text
	quoted   bool // within "…"
	document bool // a here-document
	braces   bool // within ${…}, which \} does not end
	assigned bool // the value of a variable: ~ is one behind : too, $* is one text
	whole    bool // no fields are made
}

// fields expands words into arguments.
func (s *shell) fields(words []*syntax.Word) []string {
	var all []string
	for _, w := range words {
		e := expansion{shell: s}
		e.word(w)
		for _, field := range s.split(&e.text) {
			all = append(all, s.expandFiles(field)...)
		}
	}
	return all
}

// literal expands a word into one text: a value, the name of a file.
func (s *shell) literal(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	e := expansion{shell: s, whole: true}
	e.word(w)
	return e.join(s.separator())
}

// separator is the first character of IFS.
func (s *shell) separator() string {
	sep, set := s.parameter("IFS")
	if !set {
		return " "
	}
	_, size := utf8.DecodeRuneInString(sep)
	return sep[:size]
}

// assignedValue expands the value of a variable.
func (s *shell) assignedValue(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	e := expansion{shell: s, assigned: true, whole: true}
	e.word(w)
	return e.join(s.separator())
}

// documentText expands a here-document.
func (s *shell) documentText(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	e := expansion{shell: s, quoted: true, document: true, whole: true}
	e.parts(w.Parts)
	return e.join(" ")
}

// patternOf expands a word into a pattern.
func (s *shell) patternOf(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	e := expansion{shell: s, whole: true}
	e.word(w)
	return e.pattern()
}

// word expands a word that is not within quotes.
func (e *expansion) word(w *syntax.Word) {
	if lit, ok := w.Parts[0].(*syntax.Lit); ok {
		e.tilde(lit.Value, len(w.Parts) > 1)
		e.parts(w.Parts[1:])
		return
	}
	e.parts(w.Parts)
}

// tilde adds the first literal of a word. In a value, what is behind a : may begin with ~ too.
func (e *expansion) tilde(lit string, more bool) {
	for first := true; ; first = false {
		part, rest, found := lit, "", false
		if e.assigned {
			part, rest, found = strings.Cut(lit, ":")
		}
		if !first {
			e.add(":", plain)
		}
		home, behind, ok := e.home(part, more && !found)
		if ok {
			e.add(home, quotes)
			part = behind
		}
		e.lit(part)
		if !found {
			return
		}
		lit = rest
	}
}

// home is the directory that ~ or ~name stands for.
func (e *expansion) home(lit string, more bool) (dir, rest string, ok bool) {
	if !strings.HasPrefix(lit, "~") {
		return "", "", false
	}
	end := strings.IndexByte(lit, '/')
	if end < 0 {
		end = len(lit)
		if more {
			return "", "", false
		}
	}
	name := lit[1:end]
	if name == "" {
		home, set := e.parameter("HOME")
		return home, lit[end:], set
	}
	dir, ok = homeOf(name)
	return dir, lit[end:], ok
}

func (e *expansion) parts(parts []syntax.WordPart) {
	for _, part := range parts {
		e.part(part)
	}
}

func (e *expansion) part(part syntax.WordPart) {
	switch p := part.(type) {
	case *syntax.Lit:
		e.lit(p.Value)
	case *syntax.SglQuoted:
		e.single(p)
	case *syntax.DblQuoted:
		e.double(p)
	case *syntax.ParamExp:
		e.param(p)
	case *syntax.CmdSubst:
		e.value(e.substitute(p))
	case *syntax.ArithmExp:
		e.value(e.arithmetic(p.X))
	case *syntax.ProcSubst:
		e.add(e.processSubstitution(p), quotes)
	case *syntax.ExtGlob:
		e.abandon(exitUsage, "syntax error: %s is no pattern of this shell", p.Op)
	}
}

// value adds what an expansion came to.
func (e *expansion) value(v string) {
	if e.quoted {
		e.add(v, quotes)
		return
	}
	e.add(v, expanded)
}

// lit adds a piece of the script, without its backslashes.
func (e *expansion) lit(s string) {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i == len(s)-1 {
			e.add(s, e.kind())
			return
		}
		e.add(s[:i], e.kind())
		_, size := utf8.DecodeRuneInString(s[i+1:])
		next := s[i+1 : i+1+size]
		switch {
		case next == "\n":
		case e.quoted && e.braces && next == "}":
			e.add(next, quotes)
		case e.quoted && !strings.Contains("$`\\", next) && (next != `"` || e.document):
			e.add(`\`+next, quotes)
		default:
			e.add(next, quotes)
		}
		s = s[i+1+size:]
	}
}

func (e *expansion) kind() byte {
	if e.quoted {
		return quotes
	}
	return plain
}

// single adds '…', which within "…" are two characters.
func (e *expansion) single(p *syntax.SglQuoted) {
	switch {
	case e.quoted && p.Dollar:
		e.add("$'"+p.Value+"'", quotes)
	case e.quoted:
		e.add("'"+p.Value+"'", quotes)
	case p.Dollar:
		e.mark(nothing)
		e.add(escapes(p.Value), quotes)
	default:
		e.mark(nothing)
		e.add(p.Value, quotes)
	}
}

// double adds "…". Within one, as in "${x:-"a"}", it ends it for what it holds: that is quoted all the same.
func (e *expansion) double(p *syntax.DblQuoted) {
	was, before := e.quoted, len(e.bytes)
	e.quoted = true
	inDocument := e.document
	e.document = false
	e.parts(p.Parts)
	e.quoted, e.document = was, inDocument
	if !was && (len(e.bytes) > before || !onlyAll(p.Parts)) {
		e.mark(nothing)
	}
}

// onlyAll reports whether "$@", which may be no field at all, is among the parts.
func onlyAll(parts []syntax.WordPart) bool {
	for _, part := range parts {
		if p, ok := part.(*syntax.ParamExp); ok && p.Param != nil && p.Param.Value == "@" && !p.Length &&
			p.Exp == nil {
			return true
		}
	}
	return false
}

// split makes fields of a text (XCU 2.6.5).
func (s *shell) split(t *text) []*text {
	ifs, set := s.parameter("IFS")
	if !set {
		ifs = " \t\n"
	}
	var all []*text
	field, has, white := &text{}, false, false // white: space has ended the last field
	flush := func() {
		all = append(all, field)
		field, has = &text{}, false
	}
	for i, c := range t.bytes {
		kind := t.kinds[i]
		switch {
		case kind == border:
			if has {
				flush()
			}
			white = false
		case kind == nothing:
			has = true
		case kind != expanded || strings.IndexByte(ifs, c) < 0:
			field.bytes, field.kinds = append(field.bytes, c), append(field.kinds, kind)
			has, white = true, false
		case c == ' ' || c == '\t' || c == '\n':
			if has {
				flush()
				white = true
			}
		case has || !white:
			flush()
			white = false
		default:
			white = false
		}
	}
	if has {
		flush()
	}
	return all
}

// expandFiles makes of a field the names of the files that it matches, or the field itself.
func (s *shell) expandFiles(field *text) []string {
	if s.flags['f'] || !strings.ContainsAny(string(field.bytes), "*?[") {
		return []string{field.join("")}
	}
	pat := field.pattern()
	if pattern.Meta(pat) {
		if found := glob(pat); len(found) > 0 {
			return found
		}
	}
	return []string{field.join("")}
}

// escapes replaces those of $'…'.
func escapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte(`abefnrtv\'"?`, s[i]); at >= 0 {
			b.WriteByte("\a\b\x1b\f\n\r\t\v\\'\"?"[at])
			continue
		}
		n, size := 0, 0
		switch base := 8; {
		case s[i] == 'x':
			i++
			base = 16
			n, size = number(s[i:], base, 2)
		default:
			n, size = number(s[i:], base, 3)
		}
		if size == 0 {
			b.WriteString(`\` + s[i:i+1])
			continue
		}
		b.WriteByte(byte(n))
		i += size - 1
	}
	text, _, _ := strings.Cut(b.String(), "\x00")
	return text
}

// number reads up to most digits.
func number(s string, base, most int) (n, size int) {
	for ; size < min(most, len(s)); size++ {
		d := strings.IndexByte("0123456789abcdef", s[size]|0x20)
		if c := s[size]; c >= '0' && c <= '9' {
			d = int(c - '0')
		}
		if d < 0 || d >= base {
			break
		}
		n = n*base + d
	}
	return n, size
}
