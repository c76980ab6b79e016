package files

import (
	"errors"
	"regexp"
	"strings"
)

// basicRegexp compiles a basic regular expression of POSIX, with the extensions of GNU, that matches at the beginning of
// a text of bytes (see latin). It has no back-references.
func basicRegexp(pattern string) (*regexp.Regexp, error) {
	t := breReader{rest: pattern}
	t.out.WriteString(`(?s)\A(?:`)
	for t.rest != "" {
		if err := t.next(); err != nil {
			return nil, err
		}
	}
	if t.depth != 0 {
		return nil, errors.New(`\( without \)`)
	}
	re, err := regexp.Compile(t.out.String() + ")")
	if err != nil {
		return nil, err
	}
	re.Longest()
	return re, nil
}

// latin makes a character of each byte: lengths are counted in bytes.
func latin(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// unlatin is the way back.
func unlatin(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// A breReader turns a basic regular expression of bytes into one of Go, part by part.
type breReader struct {
	rest  string
	out   strings.Builder
	depth int
	atom  bool // there is something that * may repeat
}

func (t *breReader) next() error {
	c := t.rest[0]
	t.rest = t.rest[1:]
	switch c {
	case '\\':
		return t.escaped()
	case '[':
		return t.bracket()
	case '*':
		if t.atom {
			t.out.WriteByte('*')
		} else {
			t.out.WriteString(`\*`)
			t.atom = true
		}
	case '.':
		t.out.WriteByte('.')
		t.atom = true
	case '^':
		if t.atom {
			t.literal("^")
		} else {
			t.out.WriteString(`\A`)
		}
	case '$':
		if t.rest == "" || strings.HasPrefix(t.rest, `\)`) || strings.HasPrefix(t.rest, `\|`) {
			t.out.WriteString(`\z`)
		} else {
			t.literal("$")
		}
	default:
		t.literal(string(rune(c)))
	}
	return nil
}

func (t *breReader) literal(s string) {
	t.out.WriteString(regexp.QuoteMeta(s))
	t.atom = true
}

func (t *breReader) escaped() error {
	if t.rest == "" {
		return errors.New(`a \ at the end`)
	}
	c := t.rest[0]
	t.rest = t.rest[1:]
	switch {
	case c == '(':
		t.out.WriteByte('(')
		t.depth, t.atom = t.depth+1, false
	case c == ')':
		if t.depth--; t.depth < 0 {
			return errors.New(`\) without \(`)
		}
		t.out.WriteByte(')')
		t.atom = true
	case c == '|':
		t.out.WriteByte('|')
		t.atom = false
	case c == '{':
		return t.interval()
	case c == '+' || c == '?':
		if t.atom {
			t.out.WriteByte(c)
		} else {
			t.literal(string(rune(c)))
		}
	case c >= '1' && c <= '9':
		return errors.New("there are no back-references")
	case strings.IndexByte("wWsSbB", c) >= 0:
		t.out.WriteString(`\` + string(rune(c)))
		t.atom = true
	case c == '<' || c == '>':
		t.out.WriteString(`\b`)
	case c == '`':
		t.out.WriteString(`\A`)
	case c == '\'':
		t.out.WriteString(`\z`)
	default:
		t.literal(string(rune(c)))
	}
	return nil
}

// interval is \{n,m\}.
func (t *breReader) interval() error {
	inside, after, ok := strings.Cut(t.rest, `\}`)
	if !ok || strings.Trim(inside, "0123456789,") != "" || inside == "" || !t.atom {
		return errors.New(`\{: expected numbers, and \} behind them`)
	}
	if strings.HasPrefix(inside, ",") {
		inside = "0" + inside
	}
	t.out.WriteString("{" + inside + "}")
	t.rest = after
	return nil
}

// bracket is [...], in which only ] ^ - and [: are something else than themselves.
func (t *breReader) bracket() error {
	t.out.WriteByte('[')
	body, negated := strings.CutPrefix(t.rest, "^")
	if negated {
		t.out.WriteByte('^')
	}
	for first := true; ; first = false {
		switch {
		case body == "":
			return errors.New("[ without ]")
		case body[0] == ']' && !first:
			t.out.WriteByte(']')
			t.rest, t.atom = body[1:], true
			return nil
		case strings.HasPrefix(body, "[:"):
			end := strings.Index(body, ":]")
			if end < 0 {
				return errors.New("[: without :]")
			}
			t.out.WriteString(body[:end+2])
			body = body[end+2:]
			continue
		case strings.IndexByte(`\[]^&~`, body[0]) >= 0:
			t.out.WriteByte('\\')
		case body[0] == '-' && (first || strings.HasPrefix(body, "-]")):
			t.out.WriteByte('\\')
		}
		t.out.WriteRune(rune(body[0]))
		body = body[1:]
	}
}
