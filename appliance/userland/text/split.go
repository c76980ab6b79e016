package text

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

const splitHelp = `  -l N  lines in each, 1000 if nothing else is said
  -b N  bytes in each, with K, M, G
  -C N  whole lines of so many bytes at most
  -a N  letters behind the prefix; without it as many as there must be
  -d -x digits instead of letters, hexadecimal ones
  --additional-suffix=TEXT  behind them
  --verbose  say what is made
`

const (
	splitBehind  = 1
	splitVerbose = 2
)

func splitLong() map[string]byte {
	return map[string]byte{
		"lines": 'l', "bytes": 'b', "line-bytes": 'C', "suffix-length": 'a', "additional-suffix": splitBehind,
		"verbose": splitVerbose,
	}
}

// A splitter writes parts of a file, one after the other.
type splitter struct {
	c       *command.Call
	prefix  string
	behind  string
	letters string
	length  int  // of what is behind the prefix
	fixed   bool // it stays so
	n       int  // of parts so far, of that length
	verbose bool
	out     *os.File
	b       *bufio.Writer
	in      os.FileInfo // nil: none
}

// split cuts a file into parts.
func split(c *command.Call) {
	if old, rest := oldCount(c.Args, "-"); old != "" {
		c.Args = append([]string{"-l", old[1:]}, rest...)
	}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(c.Args, "l:b:C:a:dx\x01:\x02", splitLong()); err != nil {
		c.Misused("%v", err)
		return
	}
	s := splitter{c: c, prefix: "x", letters: "abcdefghijklmnopqrstuvwxyz", length: 2,
		verbose: c.Has(splitVerbose)}
	how, most, err := s.options()
	if err != nil {
		c.Misused("%v", err)
		return
	}
	name := "-"
	switch len(c.Args) {
	case 2:
		name, s.prefix = c.Args[0], c.Args[1]
	case 1:
		name = c.Args[0]
	case 0:
	default:
		c.Misused("expected no more than a file and a prefix")
		return
	}
	in, err := c.Open(name)
	if err != nil {
		c.Fail(err)
		return
	}
	defer in.Close()
	if f, ok := in.(*os.File); ok {
		s.in, _ = f.Stat() // where it cannot be told, no part is it
	}
	switch how {
	case 'b':
		err = s.bytes(in, most)
	case 'C':
		err = s.lineBytes(in, most)
	default:
		err = s.lines(in, most)
	}
	if err = errors.Join(err, s.close()); err != nil {
		c.Fail(err)
	}
}

// options reads how to split, and into how much.
func (s *splitter) options() (how byte, most int64, err error) {
	how, most = 'l', 1000
	given := false
	for _, o := range s.c.Options {
		switch o.Letter {
		case 'l', 'b', 'C':
			if given {
				return 0, 0, errors.New("expected one of -l, -b, -C")
			}
			given, how = true, o.Letter
			if most, err = sizeOf(o.Value); err != nil || most == 0 {
				return 0, 0, fmt.Errorf("-%c %s: expected a number from 1", o.Letter, o.Value)
			}
		case 'a':
			n, err := natural(o.Value, 10, 100)
			if err != nil {
				return 0, 0, fmt.Errorf("-a %w", err)
			}
			if n > 0 {
				s.length, s.fixed = int(n), true
			}
		case 'd':
			s.letters = "0123456789"
		case 'x':
			s.letters = "0123456789abcdef"
		case splitBehind:
			if s.behind = o.Value; strings.Contains(o.Value, "/") {
				return 0, 0, fmt.Errorf("%q: expected no / in a suffix", o.Value)
			}
		}
	}
	return how, most, nil
}

// sizeOf reads a size with a unit: b of 512, K, M, G, T of 1024, KB, MB, GB, TB of 1000.
func sizeOf(text string) (int64, error) {
	digits := strings.TrimRight(text, "bBkKmMgGtTi")
	unit := strings.TrimSuffix(text[len(digits):], "iB")
	factor := int64(1)
	if unit != "" {
		base := int64(1024)
		if len(unit) == 2 && unit[1] == 'B' {
			base, unit = 1000, unit[:1]
		}
		power := strings.Index("bKMGT", strings.Replace(strings.Replace(unit, "k", "K", 1), "m", "M", 1))
		switch {
		case unit == "b":
			factor = 512
		case power < 1:
			return 0, strconv.ErrSyntax
		default:
			for range power {
				factor *= base
			}
		}
	}
	n, err := natural(digits, 10, uint64(math.MaxInt64/factor))
	return int64(n) * factor, err
}

// suffix is what is behind the prefix of the next part. Where the length is not fixed, the last letter of
// those in front is never used up: names that are longer begin with it, and so are sorted behind the others.
func (s *splitter) suffix() (string, error) {
	base := len(s.letters)
	count := 1
	for range s.length {
		if count > math.MaxInt32 {
			break
		}
		count *= base
	}
	front := ""
	if !s.fixed {
		if s.n == count-count/base {
			s.length, s.n = s.length+1, 0
		}
		front = strings.Repeat(s.letters[base-1:], s.length-2)
	} else if s.n == count {
		return "", errors.New("there are more parts than names for them: see -a")
	}
	b := make([]byte, s.length)
	for i, n := len(b)-1, s.n; i >= 0; i, n = i-1, n/base {
		b[i] = s.letters[n%base]
	}
	s.n++
	return front + string(b), nil
}

// next begins a part.
func (s *splitter) next() error {
	if err := s.close(); err != nil {
		return err
	}
	suffix, err := s.suffix()
	if err != nil {
		return err
	}
	name := s.prefix + suffix + s.behind
	if info, err := os.Stat(name); err == nil && s.in != nil && os.SameFile(info, s.in) {
		return fmt.Errorf("%s would overwrite what is read", name)
	}
	if s.verbose {
		fmt.Fprintf(s.c.Stdout, "creating file '%s'\n", name)
	}
	if s.out, err = os.Create(name); err != nil {
		return command.Named(name, err)
	}
	s.b = bufio.NewWriterSize(s.out, chunkSize)
	return nil
}

func (s *splitter) close() error {
	if s.out == nil {
		return nil
	}
	err := command.Named(s.out.Name(), errors.Join(s.b.Flush(), s.out.Close()))
	s.out = nil
	return err
}

func (s *splitter) write(p []byte) error {
	_, err := s.b.Write(p)
	return command.Named(s.out.Name(), err)
}

func (s *splitter) bytes(r io.Reader, most int64) error {
	left := int64(0)
	return s.pieces(r, func(piece []byte) error {
		for len(piece) > 0 {
			if left == 0 {
				if err := s.next(); err != nil {
					return err
				}
				left = most
			}
			n := min(left, int64(len(piece)))
			if err := s.write(piece[:n]); err != nil {
				return err
			}
			left -= n
			piece = piece[n:]
		}
		return nil
	})
}

func (s *splitter) lines(r io.Reader, most int64) error {
	left := int64(0)
	inside := false // of a line
	return s.pieces(r, func(piece []byte) error {
		for len(piece) > 0 {
			if left == 0 && !inside {
				if err := s.next(); err != nil {
					return err
				}
				left = most
			}
			n := len(piece)
			i := bytes.IndexByte(piece, '\n')
			if inside = i < 0; !inside {
				n = i + 1
				left--
			}
			if err := s.write(piece[:n]); err != nil {
				return err
			}
			piece = piece[n:]
		}
		return nil
	})
}

// lineBytes fills parts with whole lines. A line that is longer than a part is cut.
func (s *splitter) lineBytes(r io.Reader, most int64) error {
	left := int64(0)
	lines := command.NewLines(r, '\n')
	for {
		line, whole, err := lines.Next()
		if err != nil {
			return endIsFine(err)
		}
		if whole {
			line = append(line, '\n')
		}
		for len(line) > 0 {
			if int64(len(line)) > left && (left < most || s.out == nil) {
				if err := s.next(); err != nil {
					return err
				}
				left = most
			}
			n := min(left, int64(len(line)))
			if err := s.write(line[:n]); err != nil {
				return err
			}
			left -= n
			line = line[n:]
		}
	}
}

// pieces calls f with what each read brings.
func (s *splitter) pieces(r io.Reader, f func(piece []byte) error) error {
	chunk := make([]byte, chunkSize)
	for {
		n, err := r.Read(chunk)
		if fErr := f(chunk[:n]); fErr != nil {
			return fErr
		}
		if err != nil {
			return endIsFine(err)
		}
	}
}
