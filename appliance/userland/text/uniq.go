package text

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const uniqHelp = `  -c    say how often each line is there
  -d    only lines that are repeated
  -u    only lines that are not
  -i    upper and lower case are the same
  -f N  without the first N fields
  -s N  without N characters then
  -w N  compare no more than N characters
  -z    end lines with NUL
`

// uniq prints lines that are repeated once.
func uniq(c *command.Call) {
	fields, ok1 := option(c, 'f', 0, math.MaxInt32)
	chars, ok2 := option(c, 's', 0, math.MaxInt32)
	width, ok3 := option(c, 'w', math.MaxInt32, math.MaxUint32)
	if !ok1 || !ok2 || !ok3 {
		return
	}
	if len(c.Args) > 2 {
		c.Misused("expected no more than an input and an output")
		return
	}
	in, out, err := uniqFiles(c)
	if err != nil {
		c.Fail(err)
		return
	}
	key := func(line []byte) []byte {
		for i := uint64(0); i < fields && len(line) > 0; i++ {
			line = skipField(line)
		}
		line = line[min(len(line), int(chars)):]
		line = line[:min(uint64(len(line)), width)]
		if c.Has('i') {
			line = bytes.ToLower(line)
		}
		return line
	}
	w := uniqWriter{out: out, counted: c.Has('c'), repeated: c.Has('d'), single: c.Has('u'), end: "\n"}
	if c.Has('z') {
		w.end = "\x00"
	}
	var last []byte
	err = eachLine(in, '\n', func(line []byte, _ bool) error {
		k := key(line)
		if w.n > 0 && bytes.Equal(k, last) {
			w.n++
			return nil
		}
		last = append(last[:0], k...)
		return w.next(line)
	})
	if err == nil {
		err = w.next(nil)
	}
	if in.Close(); err != nil && c.Stdout.Err() == nil {
		c.Fail(err)
	}
	if f, ok := out.(*os.File); ok {
		if err := f.Close(); err != nil {
			c.Fail(command.Named(c.Args[1], err))
		}
	}
}

func uniqFiles(c *command.Call) (in io.ReadCloser, out io.Writer, err error) {
	name := "-"
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	if in, err = c.Open(name); err != nil {
		return nil, nil, err
	}
	if len(c.Args) < 2 || c.Args[1] == "-" {
		return in, c.Stdout, nil
	}
	out, err = os.Create(c.Args[1])
	return in, out, command.Cannot("open", c.Args[1], err)
}

// uniqWriter writes a line when the next one is another.
type uniqWriter struct {
	out                       io.Writer
	counted, repeated, single bool
	end                       string
	line                      []byte
	n                         int // times that it was there
}

func (w *uniqWriter) next(line []byte) error {
	var err error
	if w.n > 0 && !(w.repeated && w.n == 1) && !(w.single && w.n > 1) {
		count := ""
		if w.counted {
			count = fmt.Sprintf("%7d ", w.n)
		}
		_, err = fmt.Fprintf(w.out, "%s%s%s", count, w.line, w.end)
	}
	w.line, w.n = append(w.line[:0], line...), 1
	return err
}
