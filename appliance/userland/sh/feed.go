package sh

import (
	"errors"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxMends bounds what is mended in one command.
const maxMends = 1000

// feed feeds the parser with lines and has every complete command run before it reads the next. What the
// parser refuses though ash takes it, it mends and has read again.
type feed struct {
	line func(unfinished bool) (string, error) // the next line with its newline
	run  func(batch []*syntax.Stmt, above int) // above: lines of the input before those that positions count
	asks bool                                  // a person types the lines

	aliases map[string]string // of the shell

	parser *syntax.Parser
	batch  []*syntax.Stmt // complete, and not yet run
	rest   string         // of the line that is being parsed
	text   string         // of what is not complete
	mends  int            // of the text
	again  string         // mended: it is read before the next line
	start  int            // where the text begins, in bytes that this parser has got
	lines  int            // of the input before the text
	above  int            // of the input before what this parser got first
	joins  int            // lines that were joined to others before the parser got them
	err    error
}

// all runs the commands of an input until its end, or an error that it leaves.
func (f *feed) all() {
	for {
		f.parser = syntax.NewParser()
		for stmt, err := range f.parser.StmtsSeq(f) {
			switch {
			case err == nil:
				f.batch = append(f.batch, stmt)
			case f.err == nil:
				f.err = err
			}
		}
		if f.err == nil {
			f.flush()
			return
		}
		if !f.mend() {
			f.refuse()
			return
		}
	}
}

func (f *feed) flush() {
	batch := f.batch
	f.start += len(f.text)
	f.lines += strings.Count(f.text, "\n")
	f.batch, f.text = nil, ""
	if len(batch) > 0 {
		f.mends = 0
		f.run(batch, f.above)
	}
	f.lines, f.above, f.joins = f.lines+f.joins, f.above+f.joins, 0
}

// Read is called by the parser when it needs more; an unfinished command then waits for its next line. An
// error ends the parser.
func (f *feed) Read(p []byte) (int, error) {
	if f.rest == "" {
		unfinished := f.parser.Incomplete()
		if !unfinished {
			f.flush()
		}
		line, err := f.take(unfinished)
		if line == "" && err != nil {
			if !errors.Is(err, io.EOF) {
				f.err = err
			}
			return 0, err
		}
		f.rest = line
		f.text += line
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// refuse makes the parser's error one of the shell.
func (f *feed) refuse() {
	at := 0
	if perr, ok := errors.AsType[syntax.ParseError](f.err); ok {
		at = int(perr.Pos.Offset()) - f.start
	}
	f.err = inAshWords(f.err, f.text, at, f.lines)
}

// take is the next line, of what was mended first.
func (f *feed) take(unfinished bool) (string, error) {
	if f.again == "" {
		line, err := f.line(unfinished)
		return f.begun(f.joined(parseable(line))), err
	}
	line, rest, found := strings.Cut(f.again, "\n")
	f.again = rest
	if found {
		line += "\n"
	}
	return line, nil
}

// parentheses mends (( around an error. The parser takes it for an expression, of which it wants to know all
// operators before variables are expanded. If it is none it is two subshells; if it is one it goes into
// quotes, for then it is expanded first (XCU 2.6.4).
func (f *feed) parentheses(text string, at int) (mended string, ok bool) {
	for i := min(max(at, 0)+len("$(("), len(text)); ; {
		if i = strings.LastIndex(text[:i], "(("); i < 0 {
			return "", false
		}
		inside := i + len("((")
		end, expression := closing(text[inside:])
		for end < 0 {
			line, err := f.line(true)
			if line == "" && err != nil {
				return "", false
			}
			text += parseable(line)
			end, expression = closing(text[inside:])
		}
		dollar := i > 0 && text[i-1] == '$'
		switch {
		case inside+end < at:
			i++ // it ends before the error; ((( is two of them
		case !dollar || !expression:
			return text[:i+1] + " " + text[i+1:], true
		case text[inside] == '"':
			i++
		default:
			inner := text[inside : inside+end]
			if !strings.Contains(inner, "$(") {
				inner = strings.ReplaceAll(inner, `"`, "")
			}
			return text[:inside] + `"` + inner + `"` + text[inside+end:], true
		}
	}
}

// closing finds what closes the two parentheses before a text, below 0 if nothing does: that of the first of
// them where both are closed at once, as those of an expression are, else that of the second.
func closing(text string) (end int, expression bool) {
	depth := 2
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'', '"':
			n := strings.IndexByte(text[i+1:], text[i])
			if n < 0 {
				return -1, false
			}
			i += n + 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 1 && strings.HasPrefix(text[i+1:], ")") {
				return i, true
			}
			if depth == 0 {
				return i, false
			}
		}
	}
	return -1, false
}

// parse reads commands of the shell's own.
func parse(text string) ([]*syntax.Stmt, error) {
	next := fromText(text)
	var list []*syntax.Stmt
	f := &feed{
		line: func(bool) (string, error) { return next() },
		run:  func(batch []*syntax.Stmt, _ int) { list = append(list, batch...) },
	}
	f.all()
	return list, f.err
}
