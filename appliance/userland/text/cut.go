package text

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const cutHelp = `	-b LIST	bytes of each line: 2 3-5 -4 7-, several with commas
	-c LIST	the same
	-f LIST	fields that end with a tab, or the character of -d
	-F LIST	fields with blanks between them, or what the expression of -d matches; empty ones are not printed
	-d TEXT	what ends a field; the end of a line: fields are lines
	-O TEXT	what to put between fields
	-D	in the order of the list
	-s	not the lines without any end of a field
`

// span is a range of bytes, fields or lines. The first is 0; to is in it.
type span struct{ from, to int }

// cutter cuts lines.
type cutter struct {
	spans   []span
	regular *regexp.Regexp
	delim   byte
	between string // fields that are printed
	ordered bool   // as the list has them
	only    bool   // lines with fields
	most    int    // fields that are looked for: those of the spans, and one for the rest
	out     *command.Writer
}

// cut prints parts of lines.
func cut(c *command.Call) {
	t, what, err := newCutter(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	t.out = c.Stdout
	c.Each(func(_ string, r io.Reader) error {
		number := 0
		return eachLine(r, '\n', func(line []byte, _ bool) error {
			switch {
			case what == 'b' || what == 'c':
				t.bytes(line)
			case t.delim == '\n':
				if slices.ContainsFunc(t.spans, func(s span) bool {
					return number == s.from || number > s.from && number <= s.to
				}) {
					c.Stdout.Write(line)
					c.Stdout.WriteByte('\n')
				}
				number++
			default:
				t.fields(line)
			}
			return c.Stdout.Err()
		})
	})
}

func newCutter(c *command.Call) (t cutter, what byte, err error) {
	list, lists := "", 0
	for _, o := range c.Options {
		if strings.IndexByte("bcfF", o.Letter) >= 0 {
			what, list = o.Letter, o.Value
			lists++
		}
	}
	if lists != 1 {
		return t, what, fmt.Errorf("expected one list of bytes, characters or fields")
	}
	bytewise := what == 'b' || what == 'c'
	if bytewise && (c.Has('s') || c.Has('d')) {
		return t, what, fmt.Errorf("-s and -d are about fields")
	}
	t.ordered, t.only = c.Has('D'), c.Has('s') && what == 'f'
	delim, _ := c.Value('d')
	switch {
	case delim == "" && what == 'F':
		delim = "[[:space:]]+"
	case delim == "":
		delim = "\t"
	}
	t.delim, t.between = delim[0], delim
	if what == 'F' {
		if t.regular, err = regexp.CompilePOSIX(delim); err != nil {
			return t, what, err
		}
		t.between = " "
	}
	if o, given := c.Value('O'); given {
		t.between = o
	}
	t.spans, err = parseSpans(list)
	for _, s := range t.spans {
		t.most = max(t.most, s.from+2, s.to+2)
	}
	if !t.ordered {
		slices.SortStableFunc(t.spans, func(a, b span) int { return a.from - b.from })
	}
	return t, what, err
}

// parseSpans reads 1,3-5,7-.
func parseSpans(list string) (spans []span, err error) {
	for item := range strings.SplitSeq(list, ",") {
		if item == "" {
			continue
		}
		from, to, isRange := strings.Cut(item, "-")
		n, m := uint64(1), uint64(math.MaxInt32)
		if from != "" {
			if n, err = natural(from, 10, math.MaxInt32); err != nil {
				return nil, err
			}
		}
		n = max(n, 1)
		switch {
		case !isRange:
			m = n
		case to != "":
			if m, err = natural(to, 10, math.MaxInt32); err != nil {
				return nil, err
			}
		}
		if m+1 < n { // busybox takes one less for the same
			return nil, fmt.Errorf("%s: the end is before the beginning", item)
		}
		spans = append(spans, span{int(n) - 1, int(m) - 1})
	}
	if spans == nil {
		return nil, fmt.Errorf("%q: expected a list like 1,3-5,7-", list)
	}
	return spans, nil
}

// bytes prints those of the spans, each once.
func (t *cutter) bytes(line []byte) {
	next := make([]bool, len(line))
	for _, s := range t.spans {
		for i := s.from; i < len(line); {
			if !next[i] {
				next[i] = true
				t.out.WriteByte(line[i])
			}
			if i++; i > s.to {
				break
			}
		}
	}
	t.out.WriteByte('\n')
}

// fields prints those of the spans. A span that is beyond the last is an empty field.
func (t *cutter) fields(line []byte) {
	all := t.split(line)
	if len(all) == 1 && t.regular == nil {
		if !t.only || len(line) == 0 {
			t.out.Write(line)
			t.out.WriteByte('\n')
		}
		return
	}
	some := false
	put := func(field []byte) {
		if t.regular != nil && len(field) == 0 {
			return
		}
		if some {
			t.out.WriteString(t.between)
		}
		some = true
		t.out.Write(field)
	}
	spans, next := t.spans, 0
	if len(all) == 1 {
		spans = spans[:1]
	}
	for _, s := range spans {
		if t.ordered {
			next = 0
		}
		next = max(next, s.from)
		if next >= len(all) {
			put(nil)
			continue
		}
		for ; next < len(all) && next <= s.to; next++ {
			put(all[next])
		}
	}
	t.out.WriteByte('\n')
}

func (t *cutter) split(line []byte) (fields [][]byte) {
	if t.regular == nil {
		return bytes.SplitN(line, []byte{t.delim}, t.most)
	}
	start := 0
	for _, at := range t.regular.FindAllIndex(line, -1) {
		if at[0] == at[1] {
			continue
		}
		fields = append(fields, line[start:at[0]])
		start = at[1]
	}
	return append(fields, line[start:])
}
