package text

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const sortHelp = `	-n	by numbers
	-g	by numbers; what is none comes first
	-M	by names of months
	-V	by versions: 1.9 before 1.10
	-r	the other way round
	-b	without blanks around
	-d	blanks, letters and digits only
	-f	lower case as upper case
	-i	without what cannot be printed
	-k KEY	by part of a line: 2 from field 2 on; 2,3 fields 2 and 3; 2.3,2.5 characters; 2nr,2 with options of its own
	-t CHAR	what ends a field; else blanks begin it
	-s	leave the order of those that are the same
	-u	one of those that are the same
	-c	say only whether they are in order
	-z	lines end with NUL
	-o FILE	write there, which may be one of the files
`

// sorter is how lines are compared.
type sorter struct {
	keys             []sortKey
	global           sortFlags
	separator        byte // 0: blanks
	stable, keyAlone bool
	scratch          []byte // a part that is not as the line has it
}

// sortLines is sort.
func sortLines(c *command.Call) {
	s, err := newSorter(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	t := sortText{end: '\n', available: command.AvailableMemory}
	if c.Has('z') {
		t.end = 0
	}
	if c.Has('c') {
		s.check(c, t.end)
		return
	}
	if err := sortFiles(c, t.read); err != nil {
		c.Fail(err)
		return
	}
	lines, err := t.lines(s.head)
	if err != nil {
		c.Fail(err)
		return
	}
	lines = s.sort(c, &t, lines)
	if err := writeLines(c, &t, lines); err != nil {
		c.Fail(err)
	}
}

// sort puts lines in their order. What is the same in all keys stays as it was: what comes later in the text
// is behind.
func (s *sorter) sort(c *command.Call, t *sortText, lines []sortLine) []sortLine {
	same := 1
	if s.stable && s.keys[len(s.keys)-1].flags.reverse {
		same = -1
	}
	slices.SortFunc(lines, func(a, b sortLine) int {
		if order := s.compareLines(t, a, b); order != 0 {
			return order
		}
		return same * cmp.Compare(a.at, b.at)
	})
	if c.Has('u') {
		s.keyAlone, s.stable = true, false
		lines = slices.CompactFunc(lines, func(a, b sortLine) bool { return s.compareLines(t, a, b) == 0 })
	}
	return lines
}

// newSorter reads the options.
func newSorter(c *command.Call) (*sorter, error) {
	s := &sorter{stable: c.Has('s')}
	outputs, separators := 0, 0
	for _, o := range c.Options {
		switch o.Letter {
		case 'o':
			outputs++
		case 't':
			if separators++; len(o.Value) != 1 {
				return nil, fmt.Errorf("-t %q: expected one character", o.Value)
			}
			s.separator = o.Value[0]
		case 'k':
			key, err := parseSortKey(o.Value)
			if err != nil {
				return nil, err
			}
			s.keys = append(s.keys, key)
		default:
			s.global.set(o.Letter, false)
		}
	}
	s.global.trailing = s.global.blanks
	if outputs > 1 || separators > 1 {
		return nil, errors.New("expected -o and -t once")
	}
	if s.keys == nil {
		s.keys = []sortKey{{}}
	}
	for i := range s.keys {
		if s.keys[i].flags == (sortFlags{}) {
			s.keys[i].flags = s.global
		}
	}
	if s.global.mixed || slices.ContainsFunc(s.keys, func(k sortKey) bool { return k.flags.mixed }) {
		return nil, errors.New("expected one of -n, -g, -M, -V")
	}
	return s, nil
}

// sortFiles calls f with each file. The first that cannot be read ends it.
func sortFiles(c *command.Call, f func(r io.Reader) error) error {
	names := c.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := c.Open(name)
		if err != nil {
			return err
		}
		if err = errors.Join(f(r), r.Close()); err != nil {
			return command.Named(name, err)
		}
	}
	return nil
}

func writeLines(c *command.Call, t *sortText, lines []sortLine) error {
	out := io.Writer(c.Stdout)
	name, given := c.Value('o')
	var f *os.File
	if given {
		var err error
		if f, err = os.Create(name); err != nil {
			return command.Named(name, err)
		}
		out = f
	}
	b := bufio.NewWriterSize(out, chunkSize)
	for _, line := range lines {
		if _, err := b.Write(t.text(line, 1)); err != nil {
			break // Flush gives it again
		}
	}
	err := b.Flush()
	if given {
		return command.Named(name, errors.Join(err, f.Close()))
	}
	return nil // whoever flushes says so
}

// check says where the order is wrong.
func (s *sorter) check(c *command.Call, end byte) {
	most := 0
	if c.Has('u') {
		most = -1
	}
	number := 0
	var before []byte
	err := sortFiles(c, func(r io.Reader) error {
		return eachLine(r, end, func(line []byte, _ bool) error {
			if number++; number > 1 && s.compare(before, line, 0) > most {
				return errSortOrder
			}
			before = append(before[:0], line...)
			return nil
		})
	})
	switch {
	case errors.Is(err, errSortOrder):
		c.Warn(fmt.Errorf("line %d is out of order", number))
		c.Exit(1)
	case err != nil:
		c.Fail(err)
	}
}

// errSortOrder ends a check.
var errSortOrder = errors.New("out of order")

// head is what of a line is compared first.
func (s *sorter) head(line []byte) uint64 {
	key := &s.keys[0]
	part := s.part(line, key)
	if key.flags.reduces() {
		s.scratch = key.flags.reduce(s.scratch[:0], part)
		part = s.scratch
	}
	return key.flags.head(part)
}

// compareLines compares two of the text.
func (s *sorter) compareLines(t *sortText, a, b sortLine) int {
	first := &s.keys[0].flags
	if a.head != b.head {
		return first.direction(cmp.Compare(a.head, b.head))
	}
	known := 0
	if first.exact() {
		known = 1
	}
	return s.compare(t.text(a, 0), t.text(b, 0), known)
}

// compare compares lines by the keys but those that are known to be the same, and whole where all are.
func (s *sorter) compare(a, b []byte, known int) int {
	for i := known; i < len(s.keys); i++ {
		key := &s.keys[i]
		if order := key.flags.compare(s.part(a, key), s.part(b, key)); order != 0 {
			return key.flags.direction(order)
		}
	}
	if s.stable || s.keyAlone {
		return 0
	}
	return s.global.direction(bytes.Compare(a, b))
}
