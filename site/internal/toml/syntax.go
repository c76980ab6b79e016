package toml

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// errorSpan returns the place of a syntax error. The parser marks it with a part
// of its text; what is left of the capacity says where that begins.
func (r *documentReader) errorSpan(err error, text []byte) source.Span {
	var mark *unstable.ParserError
	if !errors.As(err, &mark) || mark.Highlight == nil {
		return r.src.Span(r.base, r.base)
	}
	off := r.base + min(cap(text)-cap(mark.Highlight), len(text))
	return r.src.Span(off, off+len(mark.Highlight))
}

// syntaxError reports a syntax error where the mistake is, which may be before the place where the parser saw
// it, and returns where to read on; -1: nowhere.
func (r *documentReader) syntaxError(err error, at source.Span) int {
	line, _ := r.src.Position(at.Off)
	looksOwn, incomplete := startsExpression.MatchString(r.src.Line(line)),
		strings.Contains(err.Error(), "incomplete")
	if list, ok := r.openList(line, at.Off); ok && incomplete {
		r.problem.At(list, `this list has no end; expected "]"`)
		return -1
	} else if ok && looksOwn {
		r.problem.At(list, `this list has no end; expected "]" before line %d`, line)
		return r.src.Starts[line-1]
	}
	mistake, message := r.syntaxMessage(err, at)
	r.problem.At(mistake, "%s", message)
	if isReturn(err) {
		return -1 // every line will have it
	}
	return resume(r.src, at)
}

// openList returns the first line of a list that began before a line, and is still open at an offset.
func (r *documentReader) openList(line, at int) (source.Span, bool) {
	for n := line - 1; n >= 1 && r.src.Starts[n-1] >= r.base; n-- {
		text := r.src.Line(n)
		if begin := startsList.FindString(text); begin != "" {
			off := r.src.Starts[n-1] + len(begin) - 1
			if isOpen(r.src.Text[off:at]) {
				return r.src.Span(off, r.src.Starts[n-1]+len(strings.TrimRight(text, " \t\r"))), true
			}
		}
		if startsExpression.MatchString(text) {
			break
		}
	}
	return source.Span{}, false
}

// isOpen reports whether text has more brackets of lists that open than such that close.
func isOpen(text string) bool {
	depth := 0
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote || c == '\n' {
				quote = 0
			} else if c == '\\' && quote == '"' {
				i++
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return depth > 0
			}
			i += end
		case c == '[':
			depth++
		case c == ']':
			depth--
		}
	}
	return depth > 0
}

// syntaxMessage says the usual mistakes, and where they are, in words that do not need the grammar of TOML;
// others in the parser's.
func (r *documentReader) syntaxMessage(err error, at source.Span) (source.Span, string) {
	message, rest := err.Error(), r.src.Text[min(at.Off, len(r.src.Text)):]
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(message, word) {
				return true
			}
		}
		return false
	}
	switch quote := typographic(rest); {
	case quote != "":
		return r.src.Span(at.Off, at.Off+len(quote)),
			fmt.Sprintf(`%s is a typographic quotation mark; expected the plain one, "`, quote)
	case has("UTF-8"):
		return at, notUTF8(rest)
	case isReturn(err):
		return at, "this line ends in a carriage return too many; expected LF or CRLF"
	case startsComment.MatchString(r.lineOf(at)) && has("expected '=' after key", "at start of key"):
		return at, `this is no key with a value; expected "#" before a comment`
	case strings.HasPrefix(rest, "\u00a0") && has("expected '=' after key"):
		return r.src.Span(at.Off, at.Off+2), "here is a no-break space, which no key has; expected a plain blank"
	case has("at start of value", "expected keyword", "strings must be quoted") && boolean(rest) != "":
		return at, "this is no value; expected " + boolean(rest)
	case has("at start of value", "expected keyword", "strings must be quoted", "expected digit",
		"decimal point must", "leading zeroes"):
		return at, `this is no value; expected a string in quotes, a number, or a list such as ["a", "b"]`
	case has("expected '=' after key", "at start of key"):
		return at, `this is no key with a value; expected a line such as key = "value"`
	case has("expected newline but got") && startsHeader.MatchString(r.lineOf(at)):
		return at, "this stands behind a header; expected it on a line of its own, or not at all"
	case has("expected ',' or ", "expected newline but got") && r.bareWord(at).OK():
		word := r.bareWord(at)
		return word, fmt.Sprintf("%s has no quotes; expected %[1]q", r.src.Text[word.Off:word.End])
	case has("to close table name", "to close array table name"):
		return r.headerMessage(at)
	case has("not terminated by"):
		quotes := message[len(message)-3:]
		begin := max(r.base, strings.LastIndex(r.src.Text[:at.Off], quotes))
		return r.src.Span(begin, begin+3), "this text of several lines has no end; expected " + quotes + " after it"
	case has("strings cannot have new lines", "unterminated"):
		return r.openQuote(at), "this string has no end; expected the closing quote"
	case has("expected ',' or ']'"):
		return at, `this list goes on with neither a comma nor "]"; expected one such as ["a", "b"]`
	case has("expected ',' or '}'"):
		return at, `this table goes on with neither a comma nor "}"; expected one such as { a = "x", b = 1 }`
	case has("expected newline but got"):
		return at, "this stands after the end of the value; expected it on a line of its own, or quotes around the whole"
	case has("invalid escape", "unicode escape", "escaped character", "escape sequence"):
		return at, `a backslash begins an escape here; expected \\, or '…' around the string`
	}
	return at, "this is no TOML: " + message
}

// bareWord returns the address or the like that a place is in the middle of: the parser took its beginning
// for a number.
func (r *documentReader) bareWord(at source.Span) source.Span {
	inside := func(c byte) bool {
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
			strings.IndexByte(".:/_-", c) >= 0
	}
	begin, end := at.Off, at.Off
	for begin > r.base && inside(r.src.Text[begin-1]) {
		begin--
	}
	for end < len(r.src.Text) && inside(r.src.Text[end]) {
		end++
	}
	if begin == at.Off || end == at.Off {
		return source.Span{}
	}
	return r.src.Span(begin, end)
}

// isReturn reports whether an error is about carriage returns. Those that are no part of the end of a line
// were seen before.
func isReturn(err error) bool {
	return strings.Contains(err.Error(), "U+000D") || strings.Contains(err.Error(), "carriage return")
}

var startsComment = regexp.MustCompile(`^[ \t]*(//|;|--)`)

// boolean is what other languages' words for true and false are here, "" for what a text begins with
// otherwise.
func boolean(text string) string {
	word := text[:len(text)-len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
	switch strings.ToLower(word) {
	case "yes", "on", "true", "enabled":
		return "true"
	case "no", "off", "false", "disabled":
		return "false"
	}
	return ""
}

// typographic returns the quotation mark that a text begins with if it is one of those that word processors
// make.
func typographic(text string) string {
	c, size := utf8.DecodeRuneInString(text)
	if strings.ContainsRune("“”„‟‘’‚«»", c) && c != utf8.RuneError {
		return text[:size]
	}
	return ""
}

// notUTF8 says what byte a text begins with.
func notUTF8(text string) string {
	what := "here is a byte that is no UTF-8"
	if text != "" && text[0] >= 0xa0 {
		what = fmt.Sprintf("here is the byte 0x%02x, which is %q in Latin-1 and nothing in UTF-8", text[0],
			rune(text[0]))
	}
	return what + `; expected UTF-8: the editor's "Save as" has it, or iconv -f ISO-8859-1 -t UTF-8`
}

// headerMessage is about a header without its end.
func (r *documentReader) headerMessage(at source.Span) (source.Span, string) {
	line, _ := r.src.Position(at.Off)
	text, _, _ := strings.Cut(r.lineOf(at), "#")
	begin := r.src.Starts[line-1] + len(text) - len(strings.TrimLeft(text, " \t"))
	text = strings.TrimSpace(text)
	word := strings.TrimSpace(strings.Trim(text, "[]"))
	expected := "[" + word + "]"
	if strings.HasPrefix(text, "[[") {
		expected = "[" + expected + "]"
	}
	for _, k := range Keys() {
		if strings.Trim(k.Table, "[]") == word && word != "" {
			expected = k.Table
		}
	}
	span := r.src.Span(begin, begin+len(text))
	if text == expected {
		return span, "this is no header; expected words with dots between them, such as [wan] or [[firewall.allow]]"
	}
	return span, "this header is not closed; expected " + expected
}

// lineOf is the line of a place.
func (r *documentReader) lineOf(at source.Span) string {
	line, _ := r.src.Position(at.Off)
	return r.src.Line(line)
}

// openQuote returns the string that begins on the line of a place and does not end before it.
func (r *documentReader) openQuote(at source.Span) source.Span {
	line, _ := r.src.Position(at.Off)
	begin, quote := at.Off, byte(0)
	for i := r.src.Starts[line-1]; i < at.Off; i++ {
		switch c := r.src.Text[i]; {
		case quote == 0 && (c == '"' || c == '\''):
			begin, quote = i, c
		case c == '\\' && quote == '"':
			i++
		case c == quote:
			quote = 0
		}
	}
	return r.src.Span(begin, max(at.Off, begin+1))
}

var (
	startsHeader     = regexp.MustCompile(`^[ \t]*\[`)
	startsExpression = regexp.MustCompile(`^[ \t]*(\[|[A-Za-z0-9_."'-]+[ \t]*=)`)
	startsList       = regexp.MustCompile(`^[ \t]*[A-Za-z0-9_."'-]+[ \t]*=[ \t]*\[`)
)

// resume returns where to read on after a syntax error: at the next line that
// looks like the start of an expression or, when a header was broken, at the next
// header, because the keys between the two belong to a table that is not known.
func resume(src *source.File, at source.Span) int {
	line, _ := src.Position(at.Off)
	looksRight := startsExpression
	if startsHeader.MatchString(src.Line(line)) {
		looksRight = startsHeader
	}
	for n := line + 1; n <= len(src.Starts); n++ {
		if looksRight.MatchString(src.Line(n)) {
			return src.Starts[n-1]
		}
	}
	return -1
}
