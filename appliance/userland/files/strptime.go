package files

import (
	"strconv"
	"strings"
	"time"
)

// A moment is a time in its parts, which may be out of range, as struct tm.
type moment struct {
	year, month, day, hour, minute, second int
	offset                                 *int // seconds east of UTC; nil: the local time
	unix                                   *int64
	pm                                     int // hours that are added
}

func momentOf(t time.Time) moment {
	return moment{year: t.Year(), month: int(t.Month()), day: t.Day(), hour: t.Hour(), minute: t.Minute(),
		second: t.Second()}
}

func (m moment) time(in *time.Location) time.Time {
	if m.unix != nil {
		return time.Unix(*m.unix, 0).In(in)
	}
	if m.offset != nil {
		in2 := time.FixedZone("", *m.offset)
		return time.Date(m.year, time.Month(m.month), m.day, m.hour+m.pm, m.minute, m.second, 0, in2).In(in)
	}
	return time.Date(m.year, time.Month(m.month), m.day, m.hour+m.pm, m.minute, m.second, 0, in)
}

// strptime reads a text as strptime(3) does in the locale C, and returns what is left of it.
func (m *moment) strptime(text, format string) (rest string, ok bool) {
	for format != "" {
		c := format[0]
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			text, format = strings.TrimLeft(text, " \t\n\v\f\r"), format[1:]
			continue
		case c != '%' || len(format) == 1:
			if text == "" || text[0] != c {
				return text, false
			}
			text, format = text[1:], format[1:]
			continue
		}
		letter := format[1]
		format = format[2:]
		if text, ok = m.field(text, letter); !ok {
			return text, false
		}
	}
	return text, true
}

// field reads one field.
func (m *moment) field(text string, letter byte) (rest string, ok bool) {
	whole := map[byte]string{'R': "%H:%M", 'T': "%H:%M:%S", 'D': "%m/%d/%y", 'F': "%Y-%m-%d",
		'r': "%I:%M:%S %p", 'c': "%a %b %e %T %Y"}
	if format, is := whole[letter]; is {
		return m.strptime(text, format)
	}
	switch letter {
	case '%':
		return strings.CutPrefix(text, "%")
	case 'n', 't':
		return strings.TrimLeft(text, " \t\n\v\f\r"), true
	case 'a', 'A':
		_, rest, ok = word(text, 7, func(i int) string { return time.Weekday(i).String() })
		return rest, ok
	case 'b', 'B', 'h':
		var i int
		i, rest, ok = word(text, 12, func(i int) string { return time.Month(i + 1).String() })
		m.month = i + 1
		return rest, ok
	case 'p':
		if rest, ok = cutFold(text, "AM"); ok {
			m.hour %= 12
			return rest, true
		}
		rest, ok = cutFold(text, "PM")
		m.hour, m.pm = m.hour%12, 12
		return rest, ok
	case 'z':
		return m.zone(text)
	case 's':
		n, rest, ok := decimal(text, 19, 1<<62)
		m.unix = &n
		return rest, ok
	}
	return m.numeric(text, letter)
}

func (m *moment) numeric(text string, letter byte) (rest string, ok bool) {
	limits := map[byte]struct {
		digits   int
		from, to int64
	}{
		'Y': {4, 0, 9999}, 'm': {2, 1, 12}, 'd': {2, 1, 31}, 'e': {2, 1, 31}, 'H': {2, 0, 23},
		'k': {2, 0, 23}, 'I': {2, 1, 12}, 'l': {2, 1, 12}, 'M': {2, 0, 59}, 'S': {2, 0, 61}, 'y': {2, 0, 99},
		'j': {3, 1, 366}, 'C': {2, 0, 99},
	}
	limit, known := limits[letter]
	if !known {
		return text, false
	}
	n64, rest, ok := decimal(text, limit.digits, limit.to)
	if n := int(n64); ok && n64 >= limit.from {
		switch letter {
		case 'Y':
			m.year = n
		case 'm':
			m.month = n
		case 'd', 'e':
			m.day = n
		case 'H', 'k':
			m.hour, m.pm = n, 0
		case 'I', 'l':
			m.hour = n % 12
		case 'M':
			m.minute = n
		case 'S':
			m.second = n
		case 'y':
			if m.year = 1900 + n; n < 69 {
				m.year += 100
			}
		case 'C':
			m.year = n*100 + m.year%100
		case 'j':
			m.month, m.day = 1, n
		}
		return rest, true
	}
	return text, false
}

// decimal reads a number of at most so many digits that is not greater than most; the digit that would make
// it so is left.
func decimal(text string, most int, largest int64) (n int64, rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	i := 0
	for ; i < len(text) && i < most && isDigit(text[i]); i++ {
		next := n*10 + int64(text[i]-'0')
		if next > largest {
			break
		}
		n = next
	}
	return n, text[i:], i > 0
}

// zone reads +0100, -01:00, +01, Z.
func (m *moment) zone(text string) (rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	offset := 0
	m.offset = &offset
	if rest, ok = strings.CutPrefix(text, "Z"); ok {
		return rest, true
	}
	if text == "" || text[0] != '+' && text[0] != '-' {
		return text, false
	}
	digits, rest := "", text[1:]
	for rest != "" && len(digits) < 4 && (isDigit(rest[0]) || len(digits) == 2 && rest[0] == ':') {
		if isDigit(rest[0]) {
			digits += rest[:1]
		}
		rest = rest[1:]
	}
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 4 || n%100 > 59 || n > 1400 {
		return text, false
	}
	offset = n/100*3600 + n%100*60
	if text[0] == '-' {
		offset = -offset
	}
	return rest, true
}

// word reads one of the words, or the three letters that it begins with, in any case.
func word(text string, n int, name func(int) string) (index int, rest string, ok bool) {
	for i := range n {
		if rest, ok = cutFold(text, name(i)); !ok {
			rest, ok = cutFold(text, name(i)[:3])
		}
		if ok {
			return i, rest, true
		}
	}
	return 0, text, false
}

func cutFold(text, prefix string) (rest string, ok bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}
