package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const printfHelp = `  \n \t \\ \NNN \xNN ...  escapes; \c ends all
  %d %i %u %o %x %X    numbers; 'c is the code of a character
  %e %f %g             numbers with a point
  %s %c                texts and characters
  %b                   texts with escapes in them
The format is used again as long as there are arguments.
`

// printf prints arguments as a format says.
func printf(c *command.Call) {
	if len(c.Args) > 0 && c.Args[0] == "--" {
		c.Args = c.Args[1:]
	}
	if len(c.Args) == 0 {
		c.Misused("expected a format")
		return
	}
	f := formatter{c: c, args: c.Args[1:]}
	for format := c.Args[0]; ; {
		before := len(f.args)
		if !f.print(format) || len(f.args) == 0 || len(f.args) == before {
			return
		}
	}
}

// A formatter prints a format, and takes arguments away.
type formatter struct {
	c    *command.Call
	args []string
}

func (f *formatter) next() (arg string) {
	if len(f.args) > 0 {
		arg, f.args = f.args[0], f.args[1:]
	}
	return arg
}

// print prints the format once, and reports whether it may be printed again.
func (f *formatter) print(format string) (more bool) {
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && strings.HasPrefix(format[i+1:], "c"):
			return false
		case format[i] == '\\':
			ch, n := escape(format[i+1:])
			f.c.Stdout.WriteByte(ch)
			i += n
		case format[i] != '%':
			f.c.Stdout.WriteByte(format[i])
		case strings.HasPrefix(format[i+1:], "%"):
			f.c.Stdout.WriteByte('%')
			i++
		case strings.HasPrefix(format[i+1:], "b"):
			text, ends := echoEscapes(f.next())
			if f.c.Stdout.WriteString(text); ends {
				return false
			}
			i++
		default:
			var d directive
			n, ok := f.read(&d, format[i+1:])
			if !ok {
				f.c.Fail(fmt.Errorf("%s: invalid format", format[i:]))
				return false
			}
			f.convert(&d)
			i += n
		}
	}
	return true
}

// A directive is what is between % and a letter, and the letter.
type directive struct {
	minus, plus, blank, sharp, zero bool
	width                           int
	precision                       int
	precise                         bool
	letter                          byte
}

// read reads a directive, and says how much of s it took.
func (f *formatter) read(d *directive, s string) (n int, ok bool) {
	for ; n < len(s) && strings.IndexByte("-+ #0", s[n]) >= 0; n++ {
		switch s[n] {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.blank = true
		case '#':
			d.sharp = true
		case '0':
			d.zero = true
		}
	}
	d.width = f.count(s, &n)
	if d.width < 0 {
		d.minus, d.width = true, -d.width
	}
	if n < len(s) && s[n] == '.' {
		n++
		d.precision = f.count(s, &n)
		d.precise = d.precision >= 0
	}
	for n < len(s) && strings.IndexByte("hlLz", s[n]) >= 0 { // how long a number is in C
		n++
	}
	if n == len(s) || strings.IndexByte("diouxXfeEgGcs", s[n]) < 0 {
		return 0, false
	}
	d.letter = s[n]
	return n + 1, true
}

// count reads a width or a precision; "*" is an argument.
func (f *formatter) count(s string, n *int) int {
	if *n < len(s) && s[*n] == '*' {
		*n++
		arg := f.next()
		v, err := strconv.ParseInt(arg, 10, 32)
		if err != nil {
			f.invalid(arg)
			return 0
		}
		return int(v)
	}
	start := *n
	for *n < len(s) && isDigit(s[*n]) {
		*n++
	}
	v, _ := strconv.ParseUint(s[start:*n], 10, 31) // none is 0, one that is too large the largest
	return int(v)
}

// convert prints an argument.
func (f *formatter) convert(d *directive) {
	arg := f.next()
	switch d.letter {
	case 's':
		if d.precise {
			arg = arg[:min(len(arg), d.precision)]
		}
		f.pad(d, "", arg, false)
	case 'c':
		f.pad(d, "", (arg + "\x00")[:1], false) // none is a NUL, as in C
	case 'd', 'i':
		v := int64(f.integer(arg, math.MaxInt64))
		digits, sign := strconv.FormatUint(uint64(v), 10), f.sign(d, false)
		if v < 0 {
			digits, sign = strconv.FormatUint(-uint64(v), 10), "-"
		}
		f.number(d, sign, digits, v == 0)
	case 'f', 'e', 'E', 'g', 'G':
		f.float(d, arg)
	default:
		f.unsigned(d, f.integer(arg, math.MaxUint64))
	}
}

func (f *formatter) sign(d *directive, negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.blank:
		return " "
	}
	return ""
}

func (f *formatter) unsigned(d *directive, v uint64) {
	base, prefix := 10, ""
	switch d.letter {
	case 'o':
		base = 8
	case 'x', 'X':
		base, prefix = 16, "0"+string(d.letter)
	}
	digits := strconv.FormatUint(v, base)
	if d.letter == 'X' {
		digits = strings.ToUpper(digits)
	}
	if !d.sharp || v == 0 {
		prefix = ""
	}
	if d.sharp && base == 8 && v != 0 && (!d.precise || d.precision <= len(digits)) {
		digits = "0" + digits
	}
	f.number(d, prefix, digits, v == 0)
}

// number prints a whole number, which has as many digits as the precision says.
func (f *formatter) number(d *directive, sign, digits string, zero bool) {
	if d.precise {
		if zero && d.precision == 0 && !(d.sharp && d.letter == 'o') {
			digits = ""
		}
		if missing := d.precision - len(digits); missing > 0 {
			inner := directive{width: d.width, minus: d.minus}
			f.padded(&inner, sign, missing, digits)
			return
		}
	}
	f.pad(d, sign, digits, d.zero && !d.precise)
}

// integer is the number that an argument is, 0 if it is none, which is said.
func (f *formatter) integer(arg string, most uint64) uint64 {
	if arg != "" && (arg[0] == '\'' || arg[0] == '"') {
		return uint64((arg + "\x00")[1])
	}
	text := strings.TrimPrefix(strings.TrimLeft(arg, spaces), "+")
	body, negative := strings.CutPrefix(text, "-")
	if negative {
		most = 1 << 63
	}
	v, err := natural(body, 0, most)
	if err != nil || len(body) > 1 && (body[1]|0x20 == 'b' || body[1]|0x20 == 'o') {
		f.invalid(arg)
		return 0
	}
	if negative {
		return -v
	}
	return v
}

func (f *formatter) invalid(arg string) { f.c.Fail(command.Invalid("number", arg)) }

func (f *formatter) float(d *directive, arg string) {
	var v float64
	var rest string
	switch {
	case arg == "":
	case arg[0] == '\'' || arg[0] == '"':
		v = float64(f.integer(arg, math.MaxUint64))
	default:
		if v, rest = strtod(arg); rest != "" {
			f.invalid(arg)
			v = 0
		} else if math.IsInf(v, 0) && !strings.ContainsAny(arg, "nN") {
			f.invalid(arg) // it is too large
		}
	}
	sign := f.sign(d, math.Signbit(v))
	if math.IsInf(v, 0) || math.IsNaN(v) {
		text := "inf"
		if math.IsNaN(v) {
			text = "nan"
		}
		if d.letter < 'a' { // an upper one
			text = strings.ToUpper(text)
		}
		f.pad(d, sign, text, false)
		return
	}
	f.pad(d, sign, d.decimal(math.Abs(v)), d.zero)
}

// decimal is a number as C prints it.
func (d *directive) decimal(v float64) string {
	precision := 6
	if d.precise {
		precision = min(d.precision, 1100) // no number has more digits
	}
	format := []byte{'%'}
	if d.sharp {
		format = append(format, '#')
	}
	letter := d.letter
	if letter|0x20 == 'g' {
		precision = max(precision, 1)
	}
	return fmt.Sprintf(string(format)+".*"+string(letter), precision, v)
}

// pad prints a text, and blanks or zeros for what it lacks of its width.
func (f *formatter) pad(d *directive, sign, text string, zeros bool) {
	if missing := d.width - len(sign) - len(text); zeros && !d.minus && missing > 0 {
		f.padded(&directive{}, sign, missing, text)
		return
	}
	f.padded(d, sign, 0, text)
}

// padded prints sign, zeros and text in the width of the directive.
func (f *formatter) padded(d *directive, sign string, zeros int, text string) {
	blanks := max(0, d.width-len(sign)-zeros-len(text))
	if !d.minus {
		f.repeat(' ', blanks)
	}
	f.c.Stdout.WriteString(sign)
	f.repeat('0', zeros)
	f.c.Stdout.WriteString(text)
	if d.minus {
		f.repeat(' ', blanks)
	}
}

func (f *formatter) repeat(ch byte, n int) {
	for ; n > 0 && f.c.Stdout.Err() == nil; n-- {
		f.c.Stdout.WriteByte(ch)
	}
}
