// Package bre is POSIX basic regular expressions (re_format of IEEE Std 1003.1, 9.3) as regexp of Go
// understands them, with what the C library of GNU adds: \| \+ \? \< \> \b \w \W \s \S. A match is the
// leftmost and, of those, the longest, found in linear time; so an expression that refers back to what it has
// matched (\1) is refused.
package bre

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Compile reads an expression.
func Compile(pattern string, ignoreCase bool) (*regexp.Regexp, error) {
	source, err := translate(pattern)
	if err != nil {
		return nil, err
	}
	if ignoreCase {
		source = "(?i)" + source
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("bad pattern: %s", pattern)
	}
	re.Longest()
	return re, nil
}

// translate goes along the pattern; start is where a repetition has nothing to repeat, and an anchor is one.
func translate(p string) (string, error) {
	var out strings.Builder
	start := true
	for i := 0; i < len(p); i++ {
		c, was := p[i], start
		start = false
		switch {
		case c == '\\':
			if i++; i == len(p) {
				return "", errors.New("bad pattern: it ends with a backslash")
			}
			piece, begins, err := escaped(p[i])
			if err != nil {
				return "", err
			}
			out.WriteString(piece)
			start = begins
		case c == '[':
			end := bracketEnd(p, i)
			if end < 0 {
				return "", errors.New("bad pattern: expected ] after [")
			}
			out.WriteString(bracket(p[i+1 : end]))
			i = end
		case c == '^' && was:
			out.WriteByte('^')
			start = true
		case c == '$' && (i+1 == len(p) || strings.HasPrefix(p[i+1:], `\)`) || strings.HasPrefix(p[i+1:], `\|`)):
			out.WriteByte('$')
		case c == '*' && !was:
			if !strings.HasSuffix(p[:i], "*") || strings.HasSuffix(p[:i], `\*`) {
				out.WriteByte('*')
			}
		case c == '.':
			out.WriteByte('.')
		case strings.IndexByte(`+?(){}|^$*`, c) >= 0:
			out.WriteByte('\\')
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// escaped is what a character after a backslash means, and whether something begins after it.
func escaped(c byte) (piece string, begins bool, err error) {
	switch c {
	case '(', '|':
		return string(c), true, nil
	case ')', '{', '}', '+', '?':
		return string(c), false, nil
	case '<', '>', 'b':
		return `\b`, false, nil
	case 'w', 'W', 's', 'S', 'B':
		return `\` + string(c), false, nil
	case 'n':
		return `\n`, false, nil
	case 't':
		return `\t`, false, nil
	}
	if c >= '1' && c <= '9' {
		return "", false, fmt.Errorf(`bad pattern: \%c in it is not supported`, c)
	}
	return regexp.QuoteMeta(string(rune(c))), false, nil
}

// bracketEnd is where the expression of p[i], a "[", ends.
func bracketEnd(p string, i int) int {
	j := i + 1
	if j < len(p) && p[j] == '^' {
		j++
	}
	if j < len(p) && p[j] == ']' {
		j++
	}
	for ; j < len(p) && p[j] != ']'; j++ {
		if p[j] == '[' && j+1 < len(p) && strings.IndexByte(":.=", p[j+1]) >= 0 {
			if k := strings.Index(p[j+2:], p[j+1:j+2]+"]"); k >= 0 {
				j += k + 3
			}
		}
	}
	if j >= len(p) {
		return -1
	}
	return j
}

// bracket writes a bracket expression: in POSIX a backslash is one, and "]" may come first.
func bracket(in string) string {
	var out strings.Builder
	out.WriteByte('[')
	if rest, not := strings.CutPrefix(in, "^"); not {
		out.WriteByte('^')
		in = rest
	}
	for i := 0; i < len(in); i++ {
		if in[i] == '[' && i+1 < len(in) && in[i+1] == ':' {
			if k := strings.Index(in[i:], ":]"); k >= 0 {
				out.WriteString(in[i : i+k+2])
				i += k + 1
				continue
			}
		}
		if strings.IndexByte(`\[]^&~`, in[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(in[i])
	}
	out.WriteByte(']')
	return out.String()
}
