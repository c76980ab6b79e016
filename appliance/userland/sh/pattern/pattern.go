// Package pattern matches the patterns of the shell (XCU 2.13): *, ?, [abc], [!a-z], [[:digit:]]; a backslash
// takes its meaning from what follows. Characters are those of UTF-8, a byte that is none stands for itself.
// A match takes no more time than by the length of the text and the square of that of the pattern, however
// many stars there are.
package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote is a pattern that matches s alone.
func Quote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[]\-!^`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Unquote is what a pattern without Meta matches.
func Unquote(pat string) string {
	var b strings.Builder
	for i := 0; i < len(pat); i++ {
		if pat[i] == '\\' && i+1 < len(pat) {
			i++
		}
		b.WriteByte(pat[i])
	}
	return b.String()
}

// Meta reports whether a pattern may match more than one text.
func Meta(pat string) bool {
	for i := 0; i < len(pat); i++ {
		switch pat[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[':
			if _, _, ok := bracket(pat[i:], 0); ok {
				return true
			}
		}
	}
	return false
}

// Match reports whether a pattern matches the whole of s.
func Match(pat, s string) bool {
	star, from := "", "" // behind the last star, and what it may still take
	starred := false
	for {
		if pat != "" && pat[0] == '*' {
			pat = pat[1:]
			star, from, starred = pat, s, true
			continue
		}
		if pat == "" && s == "" {
			return true
		}
		if s != "" && pat != "" {
			if rest, size, ok := one(pat, s); ok {
				pat, s = rest, s[size:]
				continue
			}
		}
		if !starred || from == "" {
			return false
		}
		_, size := utf8.DecodeRuneInString(from)
		from = from[size:]
		pat, s = star, from
	}
}

// one matches the first character of s by the beginning of a pattern; size is that of the character.
func one(pat, s string) (rest string, size int, ok bool) {
	r, size := utf8.DecodeRuneInString(s)
	switch pat[0] {
	case '?':
		return pat[1:], size, true
	case '[':
		if in, n, valid := bracket(pat, r); valid {
			return pat[n:], size, in
		}
	case '\\':
		if len(pat) > 1 {
			pat = pat[1:]
		}
	}
	_, n := utf8.DecodeRuneInString(pat)
	return pat[n:], size, n == size && pat[:n] == s[:size]
}

// bracket reads a bracket expression of n bytes at the beginning of pat; valid: it has an end.
func bracket(pat string, r rune) (in bool, n int, valid bool) {
	i := 1
	negated := i < len(pat) && (pat[i] == '!' || pat[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pat); first = false {
		if pat[i] == ']' && !first {
			return in != negated, i + 1, true
		}
		if name, size, ok := class(pat[i:]); ok {
			in = in || isIn(name, r)
			i += size
			continue
		}
		low, size := char(pat[i:])
		i += size
		high := low
		if i+1 < len(pat) && pat[i] == '-' && pat[i+1] != ']' {
			high, size = char(pat[i+1:])
			i += 1 + size
		}
		in = in || low <= r && r <= high
	}
	return false, 0, false
}

// char reads a character of a bracket expression.
func char(pat string) (r rune, size int) {
	escaped := 0
	if pat[0] == '\\' && len(pat) > 1 {
		escaped = 1
	}
	r, size = utf8.DecodeRuneInString(pat[escaped:])
	return r, size + escaped
}

// class reads [:name:].
func class(pat string) (name string, size int, ok bool) {
	if !strings.HasPrefix(pat, "[:") {
		return "", 0, false
	}
	name, _, ok = strings.Cut(pat[2:], ":]")
	return name, len(name) + 4, ok
}

// isIn reports whether a character is in a class.
func isIn(name string, r rune) bool {
	switch name {
	case "alpha":
		return unicode.IsLetter(r)
	case "digit":
		return r >= '0' && r <= '9'
	case "alnum":
		return unicode.IsLetter(r) || r >= '0' && r <= '9'
	case "upper":
		return unicode.IsUpper(r)
	case "lower":
		return unicode.IsLower(r)
	case "space":
		return unicode.IsSpace(r)
	case "blank":
		return r == ' ' || r == '\t'
	case "punct":
		return r < 0x80 && unicode.IsPrint(r) && r != ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	case "xdigit":
		return r < 0x80 && strings.ContainsRune("0123456789abcdefABCDEF", r)
	case "cntrl":
		return unicode.IsControl(r)
	case "print":
		return unicode.IsPrint(r)
	case "graph":
		return unicode.IsPrint(r) && r != ' '
	}
	return false
}
