package command

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// linesBuffer is what most lines fit into, in bytes.
const linesBuffer = 64 << 10

// Lines reads lines of any length. One that is longer than its buffer is in memory once, but while it is
// copied as it grows.
type Lines struct {
	b    *bufio.Reader
	end  byte
	long []byte // the present one, if it is longer than the buffer
}

// NewLines reads lines that end with a byte.
func NewLines(r io.Reader, end byte) *Lines {
	return &Lines{b: bufio.NewReaderSize(r, linesBuffer), end: end}
}

// Next returns a line without its end, which is there, and may be changed, until the next; whole: it had an
// end, which the last may lack. Behind the last the error is io.EOF.
func (l *Lines) Next() (line []byte, whole bool, err error) {
	l.long = l.long[:0]
	for {
		piece, err := l.b.ReadSlice(l.end)
		if len(l.long) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			if cap(l.long)-len(l.long) < len(piece) {
				l.long = slices.Grow(l.long, len(l.long)+linesBuffer) // twice as much: few copies
			}
			l.long = append(l.long, piece...)
			piece = l.long
		}
		switch {
		case err == nil:
			return piece[:len(piece)-1], true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(piece) > 0:
			return piece, false, nil
		default:
			return nil, false, err
		}
	}
}

// Take gives the line that Next has returned last to the caller: Next leaves it as it is.
func (l *Lines) Take(line []byte) []byte {
	if len(l.long) > 0 {
		l.long = nil
		return line
	}
	return bytes.Clone(line)
}
