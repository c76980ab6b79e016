package text

import (
	"bytes"
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
}

// sortLines is sort.
func sortLines(c *command.Call) {
	s, err := newSorter(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	end := byte('\n')
	if c.Has('z') {
		end = 0
	}
	lines, err := readLines(c, end)
	if err != nil {
		c.Fail(err)
		return
	}
	if c.Has('c') {
		s.check(c, lines)
		return
	}
	if s.stable && s.lastReversed() {
		slices.Reverse(lines)
	}
	slices.SortStableFunc(lines, s.compare)
	if c.Has('u') {
		s.keyAlone, s.stable = true, false
		lines = slices.CompactFunc(lines, func(a, b []byte) bool { return s.compare(a, b) == 0 })
	}
	if err := writeLines(c, lines, end); err != nil {
		c.Fail(err)
	}
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
	if s.global.mixed || slices.ContainsFunc(s.keys, func(k sortKey) bool { return k.flags.mixed }) {
		return nil, errors.New("expected one of -n, -g, -M, -V")
	}
	return s, nil
}

// readLines reads all lines of all files. The first that cannot be read ends it.
func readLines(c *command.Call, end byte) (lines [][]byte, err error) {
	names := c.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := c.Open(name)
		if err != nil {
			return nil, err
		}
		text, err := readAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, command.Named(name, err)
		}
		lines = slices.Grow(lines, bytes.Count(text, []byte{end})+1)
		for len(text) > 0 {
			line, rest, _ := bytes.Cut(text, []byte{end})
			lines, text = append(lines, line), rest
		}
	}
	return lines, nil
}

func writeLines(c *command.Call, lines [][]byte, end byte) error {
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
	var piece []byte
	for i, line := range lines {
		piece = append(append(piece, line...), end)
		if len(piece) < chunkSize && i+1 < len(lines) {
			continue
		}
		if _, err := out.Write(piece); err != nil {
			if !given {
				return nil // whoever flushes says so
			}
			return command.Named(name, errors.Join(err, f.Close()))
		}
		piece = piece[:0]
	}
	if given {
		return command.Named(name, f.Close())
	}
	return nil
}

// lastReversed reports whether the last key is reversed: what is the same in all of them is too then.
func (s *sorter) lastReversed() bool {
	flags := s.keys[len(s.keys)-1].flags
	if flags == (sortFlags{}) {
		flags = s.global
	}
	return flags.reverse
}

// check says where the order is wrong.
func (s *sorter) check(c *command.Call, lines [][]byte) {
	most := 0
	if c.Has('u') {
		most = -1
	}
	for i := 1; i < len(lines); i++ {
		if s.compare(lines[i-1], lines[i]) > most {
			c.Warn(fmt.Errorf("line %d is out of order", i+1))
			c.Exit(1)
			return
		}
	}
}

// compare compares lines by the keys, and whole where these are the same.
func (s *sorter) compare(a, b []byte) int {
	for i := range s.keys {
		key := &s.keys[i]
		flags := key.flags
		if flags == (sortFlags{}) {
			flags = s.global
		}
		order := flags.compare(s.part(a, key, flags), s.part(b, key, flags))
		if order != 0 {
			return flags.direction(order)
		}
	}
	if s.stable || s.keyAlone {
		return 0
	}
	return s.global.direction(bytes.Compare(a, b))
}
