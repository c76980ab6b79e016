package text

import (
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const foldHelp = `  -w N  lines of N columns (80); -N does the same
  -b    bytes, not columns
  -s    break behind blanks
`

// folder breaks lines.
type folder struct {
	out                    *command.Writer
	width                  int
	bytes, blanks, unicode bool
	line                   []byte // not yet written
	column                 int    // behind it
}

// fold breaks lines that are too long.
func fold(c *command.Call) {
	options, files, err := foldOptions(c.Args)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	c.Options, c.Args = options, files
	width, ok := option(c, 'w', 80, 10000)
	if !ok {
		return
	}
	if width == 0 {
		c.Misused("expected lines of 1 to 10000 columns")
		return
	}
	c.Each(func(_ string, r io.Reader) error {
		f := folder{out: c.Stdout, width: int(width), bytes: c.Has('b'), blanks: c.Has('s'),
			unicode: isUnicode()}
		err := eachPiece(c, r, func(piece []byte) error {
			for _, b := range piece {
				f.put(b)
			}
			return c.Stdout.Err()
		})
		f.out.Write(f.line)
		return err
	})
}

// put takes the next byte.
func (f *folder) put(b byte) {
	if b == '\n' {
		f.flush(len(f.line))
		return
	}
	for {
		column := f.after(f.column, b)
		if column <= f.width || len(f.line) == 0 {
			f.line, f.column = append(f.line, b), column
			return
		}
		f.flush(f.breakAt())
	}
}

// flush writes n bytes of the line, and its end.
func (f *folder) flush(n int) {
	f.out.Write(f.line[:n])
	f.out.WriteByte('\n')
	f.line = append(f.line[:0], f.line[n:]...)
	f.column = 0
	for _, b := range f.line {
		f.column = f.after(f.column, b)
	}
}

// breakAt is where the line is broken.
func (f *folder) breakAt() int {
	for i := len(f.line); f.blanks && i > 0; i-- {
		if isBlank(f.line[i-1]) {
			return i
		}
	}
	return len(f.line)
}

// after is the column behind a byte.
func (f *folder) after(column int, b byte) int {
	switch {
	case f.bytes:
		return column + 1
	case b == '\t':
		return column + 8 - column%8
	case b == '\b':
		return max(column-1, 0)
	case b == '\r':
		return 0
	case f.unicode && isInside(b):
		return column
	}
	return column + 1
}
