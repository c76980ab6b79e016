package files

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime writes a time as strftime(3) of the GNU C library does in the locale C. A letter that it does not know stays as
// it is. Flags before a letter: "-" no padding, "_" spaces, "0" zeros, "^" capitals, "#" the other case; then a width.
func strftime(format string, t time.Time) string {
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
	two := func(n int) (string, byte, bool) { return fmt.Sprintf("%02d", n), '0', true }
	blank := func(n int) (string, byte, bool) { return fmt.Sprintf("%2d", n), ' ', true }
	words := func(layout string) (string, byte, bool) { return t.Format(layout), 0, true }
	isoYear, isoWeek := t.ISOWeek()
	switch letter {
	case '%':
		return "%", 0, true
	case 'n':
		return "\n", 0, true
	case 't':
		return "\t", 0, true
	case 'a':
		return words("Mon")
	case 'A':
		return words("Monday")
	case 'b', 'h':
		return words("Jan")
	case 'B':
		return words("January")
	case 'c':
		return words("Mon Jan _2 15:04:05 2006")
	case 'C':
		return two(t.Year() / 100)
	case 'd':
		return two(t.Day())
	case 'D', 'x':
		return words("01/02/06")
	case 'e':
		return blank(t.Day())
	case 'F':
		return words("2006-01-02")
	case 'g':
		return two(isoYear % 100)
	case 'G':
		return strconv.Itoa(isoYear), '0', true
	case 'H':
		return two(t.Hour())
	case 'I':
		return two((t.Hour()+11)%12 + 1)
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), '0', true
	case 'k':
		return blank(t.Hour())
	case 'l':
		return blank((t.Hour()+11)%12 + 1)
	case 'm':
		return two(int(t.Month()))
	case 'M':
		return two(t.Minute())
	case 'p':
		return words("PM")
	case 'P':
		return words("pm")
	case 'r':
		return words("03:04:05 PM")
	case 'R':
		return words("15:04")
	case 's':
		return strconv.FormatInt(t.Unix(), 10), '0', true
	case 'S':
		return two(t.Second())
	case 'T', 'X':
		return words("15:04:05")
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), '0', true
	case 'U':
		return two((t.YearDay() + 6 - int(t.Weekday())) / 7)
	case 'V':
		return two(isoWeek)
	case 'w':
		return strconv.Itoa(int(t.Weekday())), '0', true
	case 'W':
		return two((t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7)
	case 'y':
		return two(t.Year() % 100)
	case 'Y':
		return strconv.Itoa(t.Year()), '0', true
	case 'z':
		return words("-0700")
	case 'Z':
		return words("MST")
	}
	return "", 0, false
}
