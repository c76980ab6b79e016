// Package strftime writes times as Format(3) of the GNU C library does in the locale C, for date and awk.
package strftime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format writes a time. A letter that it does not know stays as it is. Flags before a letter: "-" no padding,
// "_" spaces, "0" zeros, "^" capitals, "#" the other case; then a width.
func Format(format string, t time.Time) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 || i+1 == len(format) {
			b.WriteString(format)
			return b.String()
		}
		b.WriteString(format[:i])
		n := timeField(&b, format[i:], t)
		format = format[i+n:]
	}
}

// timeField writes one field, and returns how long its specification is.
func timeField(b *strings.Builder, spec string, t time.Time) int {
	end := 1
	for end < len(spec) && strings.IndexByte("-_0^#", spec[end]) >= 0 {
		end++
	}
	flags := spec[1:end]
	width := end
	for end < len(spec) && isDigit(spec[end]) {
		end++
	}
	least, _ := strconv.Atoi(spec[width:end])
	for end < len(spec) && (spec[end] == 'E' || spec[end] == 'O') {
		end++
	}
	if end == len(spec) {
		b.WriteString(spec)
		return end
	}
	const widest = 1000
	text, pad, ok := timeValue(spec[end], t)
	if end++; !ok || least > widest {
		b.WriteString(spec[:end])
		return end
	}
	if spec[end-1] == 'z' { // the sign is before the padding
		b.WriteByte(text[0])
		text, pad = text[1:], '0'
	}
	b.WriteString(adorned(text, pad, flags, least, spec[end-1]))
	return end
}

// adorned is a field with its flags and width.
func adorned(text string, pad byte, flags string, least int, letter byte) string {
	natural := len(text)
	for i := range len(flags) {
		switch flags[i] {
		case '-':
			if pad != 0 {
				text = strings.TrimLeft(text[:max(len(text)-1, 0)], "0 ") + text[max(len(text)-1, 0):]
			}
			natural, pad = 0, '-'
		case '_', '0':
			if pad != 0 && pad != '-' {
				text = strings.TrimLeft(text[:max(len(text)-1, 0)], "0 ") + text[max(len(text)-1, 0):]
			}
			pad = map[byte]byte{'_': ' ', '0': '0'}[flags[i]]
		case '^':
			text = strings.ToUpper(text)
		case '#':
			if strings.IndexByte("Zp", letter) >= 0 {
				text = strings.ToLower(text)
			} else {
				text = strings.ToUpper(text)
			}
		}
	}
	if pad == 0 || pad == '-' {
		pad = ' '
	}
	return strings.Repeat(string(pad), max(0, max(least, natural)-len(text))) + text
}

// timeValue is a field as it usually is, and what pads it; 0: it is a word.
func timeValue(letter byte, t time.Time) (text string, pad byte, ok bool) {
	if layout := timeLayout(letter); layout != "" {
		return t.Format(layout), 0, true
	}
	isoYear, isoWeek := t.ISOWeek()
	hour12, weekday := (t.Hour()+11)%12+1, int(t.Weekday())
	two, blank := "%02d", "%2d"
	number := func(format string, n int) (string, byte, bool) {
		pad := byte('0')
		if format == blank {
			pad = ' '
		}
		return fmt.Sprintf(format, n), pad, true
	}
	switch letter {
	case 'C':
		return number(two, t.Year()/100)
	case 'd':
		return number(two, t.Day())
	case 'e':
		return number(blank, t.Day())
	case 'g':
		return number(two, isoYear%100)
	case 'G':
		return number("%d", isoYear)
	case 'H':
		return number(two, t.Hour())
	case 'I':
		return number(two, hour12)
	case 'j':
		return number("%03d", t.YearDay())
	case 'k':
		return number(blank, t.Hour())
	case 'l':
		return number(blank, hour12)
	case 'm':
		return number(two, int(t.Month()))
	case 'M':
		return number(two, t.Minute())
	case 's':
		return strconv.FormatInt(t.Unix(), 10), '0', true
	case 'S':
		return number(two, t.Second())
	case 'u':
		return number("%d", (weekday+6)%7+1)
	case 'U':
		return number(two, (t.YearDay()+6-weekday)/7)
	case 'V':
		return number(two, isoWeek)
	case 'w':
		return number("%d", weekday)
	case 'W':
		return number(two, (t.YearDay()+6-(weekday+6)%7)/7)
	case 'y':
		return number(two, t.Year()%100)
	case 'Y':
		return number("%d", t.Year())
	}
	return "", 0, false
}

// timeLayout is a field as package time writes it, "" if it does not.
func timeLayout(letter byte) string {
	return map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006",
		'D': "01/02/06", 'x': "01/02/06", 'F': "2006-01-02", 'p': "PM", 'P': "pm", 'r': "03:04:05 PM",
		'R': "15:04", 'T': "15:04:05", 'X': "15:04:05", 'z': "-0700", 'Z': "MST", '%': "%", 'n': "\n", 't': "\t",
	}[letter]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
