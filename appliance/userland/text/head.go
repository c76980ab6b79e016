package text

import (
	"bufio"
	"errors"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

const headHelp = `  -n N   the first N lines (10); -N does the same
  -n -N  all lines but the last N
  -c N   bytes, not lines; -N: all but the last N
  -q     no names of files above
  -v     always names of files
N may end with b for 512, k for 1024, m for 1024*1024.
`

// head prints the first lines or bytes of files.
func head(c *command.Call) {
	e := extent{n: 10}
	old, args := oldCount(c.Args, "-")
	options, files, err := getopt.ParseLong(args, "n:c:qv", nil)
	if old != "" {
		err = errors.Join(e.read(old[1:], "-", ""), err)
	}
	var h headings
	for _, o := range options {
		switch o.Letter {
		case 'q':
			h.never, h.always = true, false
		case 'v':
			h.never, h.always = false, true
		default:
			e.bytes = e.bytes || o.Letter == 'c'
			err = errors.Join(err, e.read(o.Value, "-", ""))
		}
	}
	if err != nil {
		c.Misused("%v", err)
		return
	}
	several := len(files) > 1
	c.Args = files
	c.Each(func(name string, r io.Reader) error {
		h.last = ""
		h.some = h.some || several && name != files[0] // as if there were what could not be read
		h.write(c.Stdout, shownName(name), several)
		return e.head(c.Stdout, r)
	})
}

// head copies the part of r.
func (e extent) head(w io.Writer, r io.Reader) error {
	switch {
	case e.other:
		return e.allButLast(w, r)
	case e.bytes:
		_, err := io.CopyN(w, r, e.n)
		return endIsFine(err)
	}
	lines := bufio.NewReader(r)
	for range e.n {
		// A line may be longer than the buffer: it comes in pieces.
		piece, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
			piece, err = lines.ReadSlice('\n')
		}
		if _, werr := w.Write(piece); werr != nil {
			return werr
		}
		if err != nil {
			return endIsFine(err)
		}
	}
	return nil
}

// allButLast copies r without its last part, of which it keeps no more in memory
// than it must.
func (e extent) allButLast(w io.Writer, r io.Reader) error {
	var kept []byte
	chunk := make([]byte, chunkSize)
	for {
		n, err := r.Read(chunk)
		kept = append(kept, chunk[:n]...)
		cut := e.lastStart(kept)
		if _, werr := w.Write(kept[:cut]); werr != nil {
			return werr
		}
		kept = append(kept[:0], kept[cut:]...)
		if err != nil {
			return endIsFine(err)
		}
	}
}
