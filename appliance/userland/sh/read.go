package sh

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// maxLine bounds what read takes for one line.
const maxLine = 16 << 20

// reading is one call of read.
type reading struct {
	fd       int
	raw      bool
	most     int // characters; 0: a line
	deadline time.Time
	line     text // what a backslash stood before is quoted
}

// read reads a line into variables.
func read(s *shell, args []string) int {
	options, names, err := letters(args, "rs", "ptnud")
	r := &reading{raw: options['r'] != ""}
	if err == nil {
		err = r.parse(s, options)
	}
	if err != nil {
		return s.misused("read", "%v", err)
	}
	if t, given := options['t']; given && strings.Trim(t, "0.") == "" {
		return oneIf(!s.awaitFile(r.fd, 0))
	}
	for _, name := range names {
		if !syntax.ValidName(name) {
			s.print("sh: read: '%s': bad variable name\n", name)
			return exitFailure
		}
	}
	s.print("%s", options['p'])
	if options['s'] != "" && s.interactive() {
		s.tty.echo(false)
		defer s.tty.echo(true)
	}
	delimiter := byte('\n')
	if d, given := options['d']; given {
		delimiter = (d + "\x00")[0]
	}
	status := r.take(s, delimiter)
	if len(names) == 0 {
		s.mustSet("REPLY", r.line.join(""))
		return status
	}
	s.assign(names, &r.line)
	return status
}

func (r *reading) parse(s *shell, options map[byte]string) error {
	n := 0
	if u, given := options['u']; given {
		var err error
		if n, err = strconv.Atoi(u); err != nil {
			return errors.New("-u: expected the number of a file")
		}
	}
	fd, ok := s.fds[n]
	if !ok {
		fd = -1
	}
	r.fd = fd
	if t, given := options['t']; given {
		seconds, err := strconv.ParseFloat(t, 64)
		if err != nil || seconds < 0 || seconds > 1e9 {
			return errors.New("-t: expected seconds")
		}
		r.deadline = time.Now().Add(time.Duration(seconds * float64(time.Second)))
	}
	if c, given := options['n']; given {
		var err error
		if r.most, err = strconv.Atoi(c); err != nil || r.most < 0 {
			return errors.New("-n: expected a number of characters")
		}
	}
	return nil
}

// take reads bytes, none beyond the end of the line: what follows is for others.
func (r *reading) take(s *shell, delimiter byte) (status int) {
	escaped := false
	for taken := 0; r.most == 0 || taken < r.most; taken++ {
		c, status := r.next(s)
		switch {
		case status != 0:
			return status
		case escaped && c == '\n':
			escaped = false
		case escaped:
			r.line.add(string([]byte{c}), quotes)
			escaped = false
		case c == '\\' && !r.raw:
			escaped = true
		case c == delimiter:
			return 0
		case c != 0 && len(r.line.bytes) < maxLine:
			r.line.add(string([]byte{c}), expanded)
		}
	}
	return 0
}

// next reads a byte. Its status is not 0 at the end, at the end of the time, and for a signal.
func (r *reading) next(s *shell) (byte, int) {
	var buf [1]byte
	for {
		if s.caught != nil || !r.deadline.IsZero() {
			for !s.awaitFile(r.fd, r.left()) {
				if s.interrupted() {
					panic(leave{status: exitSignal + int(unix.SIGINT), interrupt: true})
				}
				if sig := s.trapped(); sig != 0 {
					return 0, exitSignal + int(sig)
				}
				if r.left() == 0 {
					r.line = text{} // what has come until then is lost, as with others
					return 0, exitFailure
				}
			}
		}
		n, err := unix.Read(r.fd, buf[:])
		switch {
		case n == 1:
			return buf[0], 0
		case errors.Is(err, unix.EAGAIN):
			if s.caught == nil {
				_ = s.awaitFile(r.fd, -1)
			}
		case err == nil:
			return 0, exitFailure
		case !errors.Is(err, unix.EINTR):
			s.say("%v", err)
			return 0, exitFailure
		}
	}
}

// left is the time left in milliseconds, below 0 if there is no end.
func (r *reading) left() int {
	if r.deadline.IsZero() {
		return -1
	}
	return max(0, int(time.Until(r.deadline).Milliseconds()))
}

// assign splits a line for variables; the last gets the rest.
func (s *shell) assign(names []string, line *text) {
	ifs, set := s.parameter("IFS")
	if !set {
		ifs = " \t\n"
	}
	at := 0
	is := func(i int, chars string) bool {
		return i < len(line.bytes) && line.kinds[i] == expanded &&
			strings.IndexByte(chars, line.bytes[i]) >= 0
	}
	white := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\n", c) {
			return c
		}
		return -1
	}, ifs)
	skip := func() {
		for is(at, white) {
			at++
		}
	}
	skip()
	for _, name := range names[:len(names)-1] {
		from := at
		for at < len(line.bytes) && !is(at, ifs) {
			at++
		}
		s.mustSet(name, string(line.bytes[from:at]))
		skip()
		if is(at, ifs) {
			at++
			skip()
		}
	}
	s.mustSet(names[len(names)-1], rest(line, at, ifs, white, is))
}

// rest is what the last variable gets: without the space at the end, and without a separator there if it is
// the only one.
func rest(line *text, at int, ifs, white string, is func(int, string) bool) string {
	end := len(line.bytes)
	for end > at && is(end-1, white) {
		end--
	}
	if end > at && is(end-1, ifs) {
		first := at
		for first < end && !is(first, ifs) {
			first++
		}
		next := first
		for next < end && is(next, white) {
			next++
		}
		if next == end-1 || first == end-1 {
			end = first
		}
	}
	return string(line.bytes[at:end])
}
