package text

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// sortFlags are how parts are compared.
type sortFlags struct {
	kind              byte // 'n', 'g', 'M', 'V'; 0: by bytes
	blanks, trailing  bool // are left out: before, behind
	reverse           bool
	dictionary, upper bool
	printable         bool
	mixed             bool // several kinds: there is no such order
}

// set takes an option; end: it is behind the comma of a key. It reports whether there is such an option for
// keys.
func (f *sortFlags) set(letter byte, end bool) bool {
	switch letter {
	case 'n', 'g', 'M', 'V':
		f.mixed = f.mixed || f.kind != 0 && f.kind != letter
		f.kind = letter
		return letter != 'V'
	case 'b':
		f.blanks, f.trailing = f.blanks || !end, f.trailing || end
	case 'r':
		f.reverse = true
	case 'd':
		f.dictionary = true
	case 'f':
		f.upper = true
	case 'i':
		f.printable = true
	default:
		return false
	}
	return true
}

func (f sortFlags) direction(order int) int {
	if f.reverse {
		return -order
	}
	return order
}

func (f sortFlags) compare(a, b []byte) int {
	switch f.kind {
	case 'n':
		x, _ := strtod(string(a))
		y, _ := strtod(string(b))
		return compareFloats(x, y)
	case 'g':
		return compareGeneral(string(a), string(b))
	case 'M':
		return month(a) - month(b)
	case 'V':
		return compareVersions(string(a), string(b))
	}
	return bytes.Compare(a, b)
}

// compareFloats takes what is not a number for equal to all.
func compareFloats(x, y float64) int {
	switch {
	case x > y:
		return 1
	case x < y:
		return -1
	}
	return 0
}

// compareGeneral: what does not begin with a number is before NaN, and that before all others.
func compareGeneral(a, b string) int {
	rank := func(s string) (int, float64) {
		n, rest := strtod(s)
		switch {
		case len(rest) == len(s):
			return 0, 0
		case math.IsNaN(n):
			return 1, 0
		}
		return 2, n
	}
	ra, x := rank(a)
	rb, y := rank(b)
	if ra != rb {
		return ra - rb
	}
	return compareFloats(x, y)
}

// month is that whose name s begins with, 1 to 12; 0: none. Blanks before it are not left out: so does
// busybox.
func month(s []byte) int {
	if len(s) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(string(s[:3])))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// sortKey is a part of a line: fields and characters, from 1; 0: not given.
type sortKey struct {
	fromField, fromChar, toField, toChar int
	flags                                sortFlags
}

// parseSortKey reads 2, 2.3, 2,3, 2.3nr,4.5b.
func parseSortKey(s string) (key sortKey, err error) {
	fields := [2]*int{&key.fromField, &key.toField}
	chars := [2]*int{&key.fromChar, &key.toChar}
	for rest, i := s, 0; rest != ""; {
		if *fields[i], rest, err = keyNumber(rest); err != nil {
			return key, fmt.Errorf("-k %s: %w", s, err)
		}
		if after, ok := strings.CutPrefix(rest, "."); ok {
			if *chars[i], rest, err = keyNumber(after); err != nil {
				return key, fmt.Errorf("-k %s: %w", s, err)
			}
		}
		for rest != "" {
			letter := rest[0]
			rest = rest[1:]
			if letter == ',' && i == 0 {
				i = 1
				break
			}
			if !key.flags.set(letter, i == 1) {
				return key, fmt.Errorf("-k %s: %q is no option of a key", s, letter)
			}
		}
	}
	return key, nil
}

func keyNumber(s string) (n int, rest string, err error) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	v, err := natural(s[:i], 10, math.MaxInt32)
	if err == nil && v == 0 {
		err = fmt.Errorf("fields and characters are counted from 1")
	}
	return int(v), s[i:], err
}

// part is what of a line is compared.
func (s *sorter) part(line []byte, key *sortKey, flags sortFlags) []byte {
	start, end := 0, len(line)
	if key.fromField > 0 {
		start, _ = s.fieldEnd(line, key.fromField-1)
	}
	if key.toField > 0 {
		var ended bool
		if end, ended = s.fieldEnd(line, key.toField); ended && s.separator != 0 {
			end--
		}
	}
	for flags.blanks && start < len(line) && isSpace(line[start]) {
		start++
	}
	for flags.trailing && end > start && isSpace(line[end-1]) {
		end--
	}
	if key.toChar > 0 { // counted from the beginning of the line: so does busybox
		end = min(key.toChar, len(line))
	}
	if key.fromChar > 0 {
		start = min(start+key.fromChar-1, len(line))
	}
	part := line[start:max(start, end)]
	if flags.dictionary || flags.printable || flags.upper {
		part = flags.reduce(part)
	}
	return part
}

// fieldEnd is where n fields end, with their separators; ended: the last has one.
func (s *sorter) fieldEnd(line []byte, n int) (end int, ended bool) {
	for range n {
		if s.separator != 0 {
			i := bytes.IndexByte(line[end:], s.separator)
			if i < 0 {
				return len(line), false
			}
			end += i + 1
			continue
		}
		for end < len(line) && isSpace(line[end]) {
			end++
		}
		for end < len(line) && !isSpace(line[end]) {
			end++
		}
	}
	return end, n > 0
}

// reduce leaves out what does not count, and makes capital letters.
func (f sortFlags) reduce(part []byte) []byte {
	kept := make([]byte, 0, len(part))
	for _, b := range part {
		if f.dictionary && !isSpace(b) && !isDigit(b) && !isLetter(b) || f.printable && !isPrint(b) {
			continue
		}
		if f.upper && b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		kept = append(kept, b)
	}
	return kept
}

// compareVersions compares as strverscmp(3): digits are numbers, and those that begin with 0 are behind a
// decimal point.
func compareVersions(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	start := i
	for start > 0 && isDigit(a[start-1]) {
		start--
	}
	digits := func(s string) int {
		n := start
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return n - start
	}
	na, nb := digits(a), digits(b)
	switch {
	case na == 0 || nb == 0:
	case a[start] != '0' && b[start] != '0':
		if na != nb {
			return na - nb
		}
	case strings.Trim(a[start:i], "0") == "" && (na == i-start) != (nb == i-start) && i > start:
		return nb - na // 00 before 0, 01 before 0
	}
	return strings.Compare(a[i:], b[i:])
}
