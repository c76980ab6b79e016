package sh

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What ash takes though the parser does not: each mend makes text that it takes of it.

// mend makes what the parser refuses one that it takes, if it knows how.
func (f *feed) mend() bool {
	if f.mends++; f.mends > maxMends {
		return false
	}
	text, ok := f.mended(f.text + f.again)
	if !ok {
		return false
	}
	f.again, f.above = text, f.lines
	f.start, f.text, f.rest, f.batch, f.err = 0, "", "", nil, nil
	return true
}

func (f *feed) mended(text string) (string, bool) {
	if lerr, ok := errors.AsType[syntax.LangError](f.err); ok {
		return withParentheses(text, int(lerr.Pos.Offset())-f.start)
	}
	perr, ok := errors.AsType[syntax.ParseError](f.err)
	if !ok {
		return "", false
	}
	at := min(max(int(perr.Pos.Offset())-f.start, 0), len(text))
	_, end, unclosed := strings.Cut(perr.Text, "unclosed here-document `")
	switch {
	case unclosed && f.asks:
		return "", false
	case unclosed:
		if mended, ok := f.document(text, at); ok {
			return mended, true
		}
		// A script that ends within a here-document: it is one to the end of the script.
		return strings.TrimSuffix(text, "\n") + "\n" + strings.TrimSuffix(end, "`") + "\n", true
	case perr.Text == "expansions not allowed in heredoc words":
		return f.document(text, at)
	case strings.HasPrefix(perr.Text, "`:` must be followed by"):
		return withLength(text, at)
	}
	if i := strings.LastIndex(text[:min(at+len("${!"), len(text))], "${!"); i >= 0 && i+len("${!-") >= at {
		// $! or a word, which the parser takes for an indirection. That it is set and empty cannot be.
		return text[:i] + "${!:" + text[i+len("${!"):], !strings.HasPrefix(text[i:], "${!:")
	}
	return f.parentheses(text, at)
}

// withParentheses makes f() of function f, before what is no block.
func withParentheses(text string, at int) (string, bool) {
	if at < 0 || at > len(text) {
		return "", false
	}
	rest, ok := strings.CutPrefix(text[at:], "function")
	rest = strings.TrimLeft(rest, " \t")
	end := strings.IndexAny(rest, " \t(")
	if !ok || end <= 0 || !syntax.ValidName(rest[:end]) {
		return "", false
	}
	body := strings.TrimLeft(rest[end:], " \t")
	body = strings.TrimLeft(strings.TrimPrefix(body, "()"), " \t")
	if body == "" || body[0] == '{' || body[0] == '\n' {
		return "", false
	}
	return text[:at] + rest[:end] + "() " + body, true
}

// withLength makes ${x:1:0} of ${x:1:}.
func withLength(text string, at int) (string, bool) {
	begin := strings.LastIndex(text[:at], "${")
	if begin < 0 || !strings.HasPrefix(text[at:], ":") {
		return "", false
	}
	switch rest := text[at+1:]; {
	case strings.HasPrefix(rest, "}") && strings.Contains(text[begin:at], ":"):
	case strings.HasPrefix(rest, ":"):
	default:
		return "", false
	}
	return text[:at+1] + "0" + text[at+1:], true
}

// document gives a here-document an end that the parser knows. In ash it is the word as it is written, with
// expansions that nobody makes, but without quotes.
func (f *feed) document(text string, at int) (string, bool) {
	i := strings.LastIndex(text[:min(at+len("<<-"), len(text))], "<<")
	if i < 0 {
		return "", false
	}
	from := i + len("<<")
	tabs := strings.HasPrefix(text[from:], "-")
	if tabs {
		from++
	}
	from += len(text[from:]) - len(strings.TrimLeft(text[from:], " \t"))
	size, end, quoted := written(text[from:])
	line := strings.IndexByte(text[from:], '\n')
	if size == 0 || line < 0 {
		return "", false
	}
	head, rest := text[:from+line+1], text[from+line+1:]
	body := ""
	for {
		if rest == "" {
			more, err := f.line(true)
			if more == "" && err != nil {
				return "", false
			}
			rest = parseable(more)
		}
		next, behind, _ := strings.Cut(rest, "\n")
		rest = behind
		if next == end || tabs && strings.TrimLeft(next, "\t") == end {
			break
		}
		body += next + "\n"
	}
	known := fmt.Sprintf("E%dF", f.mends)
	word := known
	if quoted {
		word = "'" + known + "'"
	}
	return head[:from] + word + head[from+size:] + body + known + "\n" + rest, known != end
}

// written is how long the word at the beginning of a text is, and what it is without quotes.
func written(text string) (size int, word string, quoted bool) {
	var b strings.Builder
	for size < len(text) && strings.IndexByte(" \t\n;&|<>()", text[size]) < 0 {
		switch c := text[size]; c {
		case '\\':
			quoted = true
			if size++; size < len(text) {
				b.WriteByte(text[size])
			}
		case '\'', '"', '`':
			n := strings.IndexByte(text[size+1:], c)
			if n < 0 {
				return 0, "", false
			}
			inside := text[size+1 : size+1+n]
			switch c {
			case '`':
				inside = "`" + inside + "`"
			case '"':
				inside = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(inside)
			}
			quoted = true
			b.WriteString(inside)
			size += n + 1
		default:
			b.WriteByte(c)
		}
		size++
	}
	return min(size, len(text)), b.String(), quoted
}

// joined is a line with those that a backslash joins to it within an operator or behind a $, where the parser
// would not.
func (f *feed) joined(line string) string {
	for begun := false; strings.HasSuffix(line, "\\\n"); begun = true {
		head := line[:len(line)-len("\\\n")]
		if comment(head) && !f.inside(head+"'", quote) && !f.inside(head, document) {
			return head + "\n" // of a comment, which the parser would go on with
		}
		if head == "" || !begun && strings.IndexByte("$&|;<>", head[len(head)-1]) < 0 ||
			strings.HasSuffix(head, `\`) || f.inside(head, quote+" `'`") || f.inside(head, document) {
			return line
		}
		more, err := f.line(true)
		if more == "" && err != nil {
			return line
		}
		line = head + parseable(more)
		f.joins++
	}
	return line
}

// comment reports whether a line may have a comment.
func comment(line string) bool {
	return strings.HasPrefix(line, "#") || strings.Contains(line, " #") || strings.Contains(line, "\t#")
}

// What the parser says of a text that ends in quotes, or in a here-document.
const (
	quote    = "without closing quote"
	document = "unclosed here-document"
)

// inside reports whether the text with a line ends in something.
func (f *feed) inside(line, what string) bool {
	_, err := syntax.NewParser().Parse(strings.NewReader(f.text+line), "")
	perr, ok := errors.AsType[syntax.ParseError](err)
	return ok && strings.Contains(perr.Text, what)
}

// begun is a line whose first word is an alias that is no command by itself, as one that is {, with what it
// stands for.
func (f *feed) begun(line string) string {
	first := strings.TrimLeft(line, " \t")
	indent := line[:len(line)-len(first)]
	end := strings.IndexAny(first, " \t\n;&|()<>")
	if end <= 0 {
		return line
	}
	value, ok := f.aliases[first[:end]]
	if !ok || strings.Contains(value, "\n") {
		return line
	}
	if _, err := parse(value); err == nil || f.text != "" && (f.inside("", document) || f.inside("", quote)) {
		return line
	}
	return indent + value + first[end:]
}
