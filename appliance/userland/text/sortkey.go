package text

import (
	"bytes"
	"cmp"
	"encoding/binary"
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

func (f *sortFlags) direction(order int) int {
	if f.reverse {
		return -order
	}
	return order
}

// exact reports whether parts with the same head are the same.
func (f *sortFlags) exact() bool { return f.kind == 'n' || f.kind == 'g' || f.kind == 'M' }

// head is a number for a part: that with the smaller one is before the other. Where it is the same, compare
// says more, unless the kind is exact.
func (f *sortFlags) head(part []byte) uint64 {
	switch f.kind {
	case 'n':
		n, _ := partNumber(part)
		return floatOrder(n)
	case 'g': // what does not begin with a number is before NaN, and that before all others
		n, found := partNumber(part)
		switch {
		case !found:
			return 0
		case math.IsNaN(n):
			return 1
		}
		return floatOrder(n)
	case 'M':
		return uint64(month(part))
	case 'V':
		return 0
	}
	var first [8]byte
	copy(first[:], part)
	return binary.BigEndian.Uint64(first[:])
}

// partNumber is the number at the beginning of a part.
func partNumber(part []byte) (n float64, found bool) {
	part = bytes.TrimLeft(part, spaces)
	end := 0
	for end < len(part) && (isDigit(part[end]) || isLetter(part[end]) ||
		strings.IndexByte("+-.", part[end]) >= 0) {
		end++
	}
	text := string(part[:end])
	n, rest := strtod(text)
	return n, len(rest) < len(text)
}

// floatOrder is a number that is larger for a larger one, never 0 or 1, and largest for NaN.
func floatOrder(n float64) uint64 {
	b := math.Float64bits(n + 0) // of -0 too it is that of 0
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func (f *sortFlags) compare(a, b []byte) int {
	switch {
	case f.kind == 0 && f.reduces():
		return f.compareReduced(a, b)
	case f.reduces():
		a, b = f.reduce(nil, a), f.reduce(nil, b)
	}
	switch f.kind {
	case 0:
		return bytes.Compare(a, b)
	case 'V':
		return compareVersions(a, b)
	}
	return cmp.Compare(f.head(a), f.head(b))
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
func (s *sorter) part(line []byte, key *sortKey) []byte {
	start, end, flags := 0, len(line), &key.flags
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
	return line[start:max(start, end)]
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

// reduces reports whether what is compared is not what is in the line.
func (f *sortFlags) reduces() bool { return f.dictionary || f.printable || f.upper }

// counts gives a byte as it is compared; false: it is left out.
func (f *sortFlags) counts(b byte) (byte, bool) {
	if f.dictionary && !isSpace(b) && !isDigit(b) && !isLetter(b) || f.printable && !isPrint(b) {
		return 0, false
	}
	if f.upper && b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	return b, true
}

// reduce appends the bytes of a part that count.
func (f *sortFlags) reduce(kept, part []byte) []byte {
	for _, b := range part {
		if b, ok := f.counts(b); ok {
			kept = append(kept, b)
		}
	}
	return kept
}

// compareReduced compares what counts of two parts.
func (f *sortFlags) compareReduced(a, b []byte) int {
	for {
		x, restA, more := f.nextThatCounts(a)
		y, restB, moreB := f.nextThatCounts(b)
		switch {
		case !more && !moreB:
			return 0
		case !more:
			return -1
		case !moreB:
			return 1
		case x != y:
			return int(x) - int(y)
		}
		a, b = restA, restB
	}
}

func (f *sortFlags) nextThatCounts(part []byte) (b byte, rest []byte, found bool) {
	for i := range part {
		if b, found = f.counts(part[i]); found {
			return b, part[i+1:], true
		}
	}
	return 0, nil, false
}

// compareVersions compares as strverscmp(3): digits are numbers, and those that begin with 0 are behind a
// decimal point.
func compareVersions(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	start := i
	for start > 0 && isDigit(a[start-1]) {
		start--
	}
	digits := func(s []byte) int {
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
	case len(bytes.Trim(a[start:i], "0")) == 0 && (na == i-start) != (nb == i-start) && i > start:
		return nb - na // 00 before 0, 01 before 0
	}
	return bytes.Compare(a[i:], b[i:])
}
