package sh

import (
	"errors"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A syntaxError is what the parser refuses, in the words of ash.
type syntaxError struct {
	line int // of the input
	text string
}

func (e syntaxError) Error() string { return "syntax error: " + e.text }

// An ashError is one that begins with a capital, as ash has it.
type ashError string

func (e ashError) Error() string { return string(e) }

// complain says what is wrong with a script or line; above are lines of the script that the error does not
// count.
func (s *shell) complain(err error, above int) {
	if wrong, ok := errors.AsType[syntaxError](err); ok {
		s.sayAt(above+wrong.line, "%s", wrong.Error())
		return
	}
	s.say("%v", err)
}

// inAshWords is an error of the parser in a text behind some lines, at a place of the text.
func inAshWords(err error, text string, at, lines int) error {
	end := lines + 1 + strings.Count(text, "\n")
	if _, ok := errors.AsType[syntax.LangError](err); ok {
		return syntaxError{end - oneIf(strings.HasSuffix(text, "\n")), `unexpected ")"`}
	}
	perr, ok := errors.AsType[syntax.ParseError](err)
	if !ok {
		return err
	}
	if fixed := ofWords(perr.Text); fixed != "" {
		return syntaxError{end, fixed}
	}
	misplaced := strings.Contains(perr.Text, " can only ") || strings.Contains(perr.Text, "valid start") ||
		strings.Contains(perr.Text, "cannot negate")
	if perr.Incomplete && !misplaced {
		return syntaxError{end, "unexpected end of file" + expecting(perr.Text)}
	}
	at = min(max(at, 0), len(text))
	expected := expecting(perr.Text)
	switch {
	case strings.HasSuffix(perr.Text, "a statement list"):
		at, expected = at+behind(text[at:], perr.Text), ""
	case strings.Contains(perr.Text, " must be followed by "), strings.HasPrefix(perr.Text, "reached "):
		at += behind(text[at:], perr.Text)
	case strings.HasSuffix(perr.Text, "separated with `|`"):
		expected = ` (expecting ")")`
	default:
		expected = ""
		if _, err := parse(text[:at]); err != nil {
			if before, ok := errors.AsType[syntaxError](err); ok {
				_, expected, _ = strings.Cut(before.text, "end of file")
			}
		}
	}
	name, size := token(text[at:])
	if named, _, ok := strings.Cut(perr.Text[1:], "` "); ok && misplaced && name == "end of file" {
		name = `"` + named + `"`
	}
	return syntaxError{lines + 1 + strings.Count(text[:at+size], "\n"), "unexpected " + name + expected}
}

// ofWords is what ash says of words that are not whole or cannot be; "": it is something else.
func ofWords(text string) string {
	switch {
	case strings.HasSuffix(text, "closing quote \"`\""):
		return "EOF in backquote substitution"
	case strings.Contains(text, "closing quote"):
		return "unterminated quoted string"
	case strings.Contains(text, "matching `${`"), strings.HasPrefix(text, "`:` must be followed"):
		return "missing '}'"
	case strings.Contains(text, "matching `$((`"), strings.Contains(text, "matching `((`"):
		return "missing '))'"
	case strings.Contains(text, "parameter"), strings.Contains(text, "cannot be followed by a word"):
		return "bad substitution"
	case strings.HasPrefix(text, "`for` must be"):
		return "bad for loop variable"
	}
	return ""
}

// expecting is what ash says of the word that should be here: that which the parser names last.
func expecting(text string) string {
	if strings.HasPrefix(text, "`case` must") || strings.HasPrefix(text, "`function` must") {
		return " (expecting word)"
	}
	if word, _, ok := strings.Cut(text, "` must be followed by a statement list"); ok {
		return ending(word[1:])
	}
	if strings.HasPrefix(text, "`for foo`") {
		return ` (expecting "do")`
	}
	rest, named := strings.CutSuffix(text, "`")
	if !named || strings.HasPrefix(text, "unclosed") {
		return ""
	}
	return ` (expecting "` + rest[strings.LastIndex(rest, "`")+1:] + `")`
}

// ending is what ash says of the word that ends the list behind another.
func ending(word string) string {
	next := ""
	switch word {
	case "if", "elif":
		next = "then"
	case "then", "else":
		next = "fi"
	case "while", "until":
		next = "do"
	case "do":
		next = "done"
	case "{":
		next = "}"
	case "(", "$(", "((":
		next = ")"
	default:
		return ""
	}
	return ` (expecting "` + next + `")`
}

// behind is how far behind a place the word is that the parser wants to be another: behind the operator that
// is there, or what closes a list that was not ended.
func behind(text, complaint string) int {
	size := 0
	for size < len(text) && strings.IndexByte("<>&|!", text[size]) >= 0 {
		size++
	}
	if size > 0 {
		return size
	}
	if strings.HasPrefix(complaint, "`foo(") {
		if i := strings.Index(text, "("); i >= 0 {
			size = i + 1
		}
		if rest := strings.TrimLeft(text[size:], " \t"); strings.HasPrefix(rest, ")") {
			size = len(text) - len(rest) + 1
		}
		return size
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(complaint, "`"), "`")
	if word == "for foo" {
		name := strings.TrimLeft(text[len("for"):], " \t")
		return len(text) - len(name) + max(0, strings.IndexAny(name, " \t\n;"))
	}
	if strings.HasPrefix(text, word) && word != "" {
		return len(word)
	}
	if i := strings.IndexByte(text, ')'); i >= 0 {
		return i
	}
	return 0
}

// token is the first of a text by the name that ash has for it, and where it ends.
func token(text string) (name string, end int) {
	rest := strings.TrimLeft(text, " \t")
	end = len(text) - len(rest)
	switch {
	case rest == "":
		return "end of file", end
	case rest[0] == '\n':
		return "newline", end + 1
	case strings.IndexByte("<>", strings.TrimLeft(rest, "0123456789")[:1][0]) >= 0:
		return "redirection", end
	}
	for _, op := range []string{"&&", "||", ";;", "&", "|", ";", "(", ")"} {
		if strings.HasPrefix(rest, op) {
			return `"` + op + `"`, end
		}
	}
	word := rest
	if i := strings.IndexAny(rest, " \t\n;&|()<>"); i >= 0 {
		word = rest[:i]
	}
	if slices.Contains(keywords(), word) {
		return `"` + word + `"`, end
	}
	return "word", end
}
