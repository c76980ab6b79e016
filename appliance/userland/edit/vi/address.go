package vi

import (
	"errors"
	"strings"
)

// An addresses is the lines that a command after : is for.
type addresses struct {
	first, last int
	given       int // how many; of more than two, the last two count
}

// readAddresses reads what a command begins with: 3  1,$  %  .,+2  'a,'b  /text/  ?text?-1
func (e *Editor) readAddresses(s string) (a addresses, rest string, err error) {
	back := e.dot
	defer func() { e.dot = back }()
	for {
		s = strings.TrimLeft(s, " \t")
		if strings.HasPrefix(s, "%") {
			a, s = addresses{1, e.lines(), 2}, s[1:]
		} else {
			n, given, after, err := e.readAddress(s)
			if err != nil {
				return a, s, err
			}
			if s = after; !given && a.given == 0 && !strings.HasPrefix(s, ",") && !strings.HasPrefix(s, ";") {
				return a, s, nil
			}
			a.first, a.last = a.last, n
			a.given++
		}
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] != ',' && s[0] != ';' {
			return a, s, nil
		}
		if s[0] == ';' {
			e.dot = e.line(a.last)
		}
		s = s[1:]
	}
}

// readAddress reads one, of the current line if it is not given.
func (e *Editor) readAddress(s string) (n int, given bool, rest string, err error) {
	n = e.number(e.dot)
	switch {
	case s == "":
		return n, false, s, nil
	case s[0] == '.':
		given, s = true, s[1:]
	case s[0] == '$':
		n, given, s = e.lines(), true, s[1:]
	case s[0] == '\'':
		i := -1
		if len(s) > 1 {
			i = markIndex(rune2key(s[1]))
		}
		if i < 0 || e.marks[i] < 0 {
			return 0, false, s, errors.New("mark not set")
		}
		n, given, s = e.number(e.marks[i]), true, s[2:]
	case s[0] == '/' || s[0] == '?':
		if n, s, err = e.addressOfPattern(s); err != nil {
			return 0, false, s, err
		}
		given = true
	case isDigit(s[0]):
		n, s = readNumber(s)
		given = true
	}
	for s != "" {
		s = strings.TrimLeft(s, " \t")
		sign := 1
		switch {
		case s == "":
			return n, given, s, nil
		case s[0] == '-':
			sign, s = -1, s[1:]
		case s[0] == '+':
			s = s[1:]
		case given && isDigit(s[0]):
		default:
			return n, given, s, nil
		}
		given = true
		by := 1
		if s = strings.TrimLeft(s, " \t"); s != "" && isDigit(s[0]) {
			by, s = readNumber(s)
		}
		n += sign * by
	}
	return n, given, s, nil
}

// addressOfPattern is the line of the next match in the lines after this one, or before.
func (e *Editor) addressOfPattern(s string) (n int, rest string, err error) {
	pattern, rest, _ := cutUnescaped(s[1:], s[0])
	if !e.setPattern(pattern) {
		return 0, rest, errors.New(e.message.text)
	}
	e.forward = s[0] == '/'
	from := e.lineStart(e.dot)
	if e.forward {
		from = e.lineEnd(e.dot)
	}
	at, _ := e.search(from, e.forward)
	if at < 0 {
		return 0, rest, errors.New("pattern not found")
	}
	return e.number(at), rest, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func readNumber(s string) (n int, rest string) {
	for s != "" && isDigit(s[0]) {
		n, s = min(n*10+int(s[0]-'0'), maxCount), s[1:]
	}
	return n, s
}

// cutUnescaped is strings.Cut at a separator that no backslash is before.
func cutUnescaped(s string, sep byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case sep:
			return s[:i], s[i+1:], true
		case '\\':
			i++
		}
	}
	return s, "", false
}
