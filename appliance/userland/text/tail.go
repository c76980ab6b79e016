package text

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
)

const tailUsage = `usage: tail [-N | -n N | -c BYTES] [-fqv] [FILE…]     (-n +N: from line N on)`

// chunkSize is how much of a file is read at once, in bytes.
const chunkSize = 64 << 10

// Tail prints the last lines or bytes of files like tail of coreutils. With -f it
// then prints what is added to them until ctx ends. -f follows the name, as -F does:
// a file that a new one replaces, or that is cut, is printed from its beginning.
func Tail(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	const command = "tail"
	o, err := parsePart(args[1:], "n:c:fFqv0123456789", "+")
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, tailUsage))
	}
	if o.follow {
		return o.followFiles(ctx, stdin, stdout, stderr)
	}
	return o.eachFile(command, stdin, stdout, stderr, func(r io.Reader) error { return o.tail(stdout, r) })
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
	if f, ok := r.(*os.File); ok {
		// Files of /proc say that they are empty, and are not.
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			if err := e.seek(f, info.Size()); err != nil {
				return err
			}
			_, err := io.Copy(w, f)
			return err
		}
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
