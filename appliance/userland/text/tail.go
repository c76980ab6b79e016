package text

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// chunkSize is how much of a file is read at once, in bytes.
const chunkSize = 64 << 10

const tailHelp = `  -n N   the last N lines (10); -N does the same
  -n +N  from line N on; +N does the same
  -c N   bytes, not lines; +N: from byte N on
  -f     then what is added, until ^C
  -F     the same; a file that a new one replaces is followed by its name
  -s N   look every N seconds
  -q     no names of files above
  -v     always names of files
N may end with b for 512, k for 1024, m for 1024*1024.
`

// tail prints the last lines or bytes of files, and follows them.
func tail(c *command.Call) {
	t, files, err := newFollower(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	defer t.close()
	if len(files) == 0 {
		t.open("-", shownName("-"))
		if _, _, ok := isRegular(c.Stdin); !ok {
			t.follow = false
		}
	}
	for _, name := range files {
		t.open(name, name)
	}
	for _, f := range t.files {
		if f.reader == nil {
			continue
		}
		t.headings.last = "" // a name that is given twice is printed twice
		t.headings.write(c.Stdout, f.shown, len(t.files) > 1)
		if err := t.tail(c.Stdout, f.reader); err != nil && c.Stdout.Err() == nil {
			c.Fail(command.Named(f.name, err))
		}
	}
	if t.follow {
		t.run()
	}
}

func newFollower(c *command.Call) (t *follower, files []string, err error) {
	t = &follower{Call: c, extent: extent{n: 10}, pause: followPause}
	old, args := oldCount(c.Args, "+-")
	options, files, err := getopt.ParseLong(args, "fFc:n:qvs:", nil)
	if old != "" {
		err = errors.Join(err, t.read(old, "+", "-"))
	}
	c.Options = options
	t.byName = c.Has('F')
	t.follow = c.Has('f') || t.byName
	t.never, t.always = c.Has('q'), c.Has('v')
	if s, given := c.Value('s'); given {
		n, nErr := natural(s, 10, math.MaxInt32)
		err = errors.Join(err, nErr)
		t.pause = time.Duration(n) * time.Second
	}
	for _, letter := range []byte("cn") { // the last says how many, -c what
		if s, given := c.Value(letter); given {
			t.bytes = t.bytes || letter == 'c'
			err = errors.Join(err, t.read(s, "+", "-"))
		}
	}
	return t, files, err
}

// tail copies the part of r.
func (e extent) tail(w io.Writer, r io.Reader) error {
	if e.other {
		if err := e.skip(r, w); err != nil {
			return err
		}
		_, err := io.Copy(w, r)
		return err
	}
	// Files of /proc say that they are empty, and are not.
	if f, size, ok := isRegular(r); ok && size > 0 {
		if err := e.seek(f, size); err != nil {
			return err
		}
		_, err := io.Copy(w, f)
		return err
	}
	last, err := e.last(r)
	if err != nil {
		return err
	}
	_, err = w.Write(last)
	return err
}

// skip reads r up to the start of number n, and writes to w what it read beyond.
func (e extent) skip(r io.Reader, w io.Writer) error {
	left := e.n - 1
	if e.bytes {
		_, err := io.CopyN(io.Discard, r, max(left, 0))
		return endIsFine(err)
	}
	chunk := make([]byte, chunkSize)
	for left > 0 {
		n, err := r.Read(chunk)
		rest := chunk[:n]
		for left > 0 {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				rest = nil
				break
			}
			rest, left = rest[i+1:], left-1
		}
		if _, werr := w.Write(rest); werr != nil {
			return werr
		}
		if err != nil {
			return endIsFine(err)
		}
	}
	return nil
}

// seek moves f, which has size bytes, to the start of the part: backwards from the
// end, for a log can be long.
func (e extent) seek(f *os.File, size int64) error {
	if e.bytes || e.n == 0 {
		_, err := f.Seek(max(0, size-e.n), io.SeekStart)
		return err
	}
	left := e.n
	chunk := make([]byte, chunkSize)
	for end := size; end > 0; {
		start := max(0, end-chunkSize)
		part := chunk[:end-start]
		if _, err := f.ReadAt(part, start); err != nil {
			return err
		}
		if end == size && part[len(part)-1] != '\n' {
			left-- // the last line lacks its end
		}
		for i := len(part); i > 0; {
			if i = bytes.LastIndexByte(part[:i], '\n'); i < 0 {
				break
			}
			if left == 0 {
				_, err := f.Seek(start+int64(i)+1, io.SeekStart)
				return err
			}
			left--
		}
		end = start
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// last reads r to its end and returns its last part. It keeps about twice of that.
func (e extent) last(r io.Reader) ([]byte, error) {
	var kept []byte
	chunk := make([]byte, chunkSize)
	for limit := chunkSize; ; {
		n, err := r.Read(chunk)
		kept = append(kept, chunk[:n]...)
		if err != nil {
			return kept[e.lastStart(kept):], endIsFine(err)
		}
		if len(kept) > limit {
			kept = append(kept[:0], kept[e.lastStart(kept):]...)
			limit = 2*len(kept) + chunkSize
		}
	}
}

// lastStart returns where in b the last n lines or bytes start. What follows the
// last end of line is a line.
func (e extent) lastStart(b []byte) int {
	if e.bytes {
		return int(max(0, int64(len(b))-e.n))
	}
	i := len(b)
	if e.n == 0 || i == 0 {
		return i
	}
	if b[i-1] == '\n' {
		i--
	}
	for left := e.n; ; left-- {
		i = bytes.LastIndexByte(b[:i], '\n')
		if i < 0 || left == 1 {
			return i + 1
		}
	}
}
