package text

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const seqHelp = `  -w       all with as many digits, by zeros in front
  -s TEXT  between them; else a line end
`

// sequence is what seq prints.
type sequence struct {
	first, step, last float64
	width, digits     int // of all, behind the point
	between           string
}

// seq prints numbers. Before one that is negative and the first, there must be "--".
func seq(c *command.Call) {
	s := sequence{first: 1, step: 1, between: "\n"}
	if err := s.read(c.Args); err != nil {
		c.Misused("%v", err)
		return
	}
	if b, given := c.Value('s'); given {
		s.between = b
	}
	if !c.Has('w') {
		s.width = 0
	}
	s.print(c.Stdout)
}

// read reads [FIRST [STEP]] LAST. How many digits are printed, all but the last say.
func (s *sequence) read(args []string) error {
	into := [][]*float64{{&s.last}, {&s.first, &s.last}, {&s.first, &s.step, &s.last}}
	if len(args) < 1 || len(args) > len(into) {
		return errors.New("expected one to three numbers")
	}
	for i, arg := range args {
		n, rest := strtod(arg)
		if rest != "" {
			return command.Invalid("number", arg)
		}
		*into[len(args)-1][i] = n
		whole, fraction, _ := strings.Cut(arg, ".")
		s.width = max(s.width, len(whole))
		if i < len(args)-1 {
			s.digits = max(s.digits, len(fraction))
		}
	}
	if s.digits > 0 {
		s.width += s.digits + 1
	}
	return nil
}

func (s *sequence) print(w *command.Writer) {
	some := false
	for n := 0.0; w.Err() == nil; n++ {
		v := s.first + n*s.step // adding up would add up errors
		if !(s.step >= 0 && v <= s.last || s.step < 0 && v >= s.last) {
			break
		}
		if some {
			w.WriteString(s.between)
		}
		some = true
		w.WriteString(s.text(v))
	}
	if some {
		w.WriteByte('\n')
	}
}

func (s *sequence) text(v float64) string {
	text := strconv.FormatFloat(v, 'f', s.digits, 64)
	zeros := strings.Repeat("0", max(0, s.width-len(text)))
	if digits, negative := strings.CutPrefix(text, "-"); negative {
		return "-" + zeros + digits
	}
	return zeros + text
}
