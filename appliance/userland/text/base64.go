package text

import (
	"encoding/base64"
	"errors"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const base64Help = `  -d    decode
  -w N  lines of N characters (76); 0: one line
`

// base64Command encodes and decodes.
func base64Command(c *command.Call) {
	width, ok := option(c, 'w', 76, 1<<31-1)
	if !ok {
		return
	}
	if len(c.Args) > 1 {
		c.Misused("expected one file")
		return
	}
	c.Each(func(_ string, r io.Reader) error {
		if c.Has('d') {
			return decode64(c.Stdout, r)
		}
		w := &wrapper{out: c.Stdout, width: int(width)}
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		_, err := io.Copy(encoder, r)
		return errors.Join(err, encoder.Close(), w.end())
	})
}

// decode64 reads all there is. What is no base64 is left out, and so is padding where there can be none.
func decode64(out *command.Writer, r io.Reader) error {
	var group []byte
	err := eachLine(r, '\n', func(line []byte, _ bool) error {
		for i, b := range line {
			switch {
			case isDigit(b) || isLetter(b) || b == '+' || b == '/':
			case b == '=' && (len(group) == 3 || len(group) == 2 && i+1 < len(line) && line[i+1] == '='):
			default:
				continue
			}
			if group = append(group, b); len(group) < 4 {
				continue
			}
			var three [3]byte
			n, err := base64.StdEncoding.Decode(three[:], group)
			if err != nil {
				return err
			}
			out.Write(three[:n])
			group = group[:0]
		}
		return out.Err()
	})
	if err == nil && len(group) > 0 {
		err = errors.New("the base64 text is cut off")
	}
	return err
}

// wrapper writes lines of a width.
type wrapper struct {
	out    *command.Writer
	width  int // 0: one line
	column int
}

// Write implements io.Writer.
func (w *wrapper) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece := p
		if w.width > 0 {
			piece = p[:min(len(p), w.width-w.column)]
		}
		w.out.Write(piece)
		p = p[len(piece):]
		if w.column += len(piece); w.column == w.width {
			w.out.WriteByte('\n')
			w.column = 0
		}
	}
	return n, w.out.Err()
}

// end ends the last line.
func (w *wrapper) end() error {
	if w.column > 0 && w.width > 0 {
		w.out.WriteByte('\n')
	}
	return w.out.Err()
}
