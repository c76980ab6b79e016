// Package match has the commands that find lines by regular expressions and change them: grep, sed, awk.
package match

import (
	"bufio"
	"bytes"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"grep":  grepCommand,
		"awk":   awkCommand,
		"egrep": grepCommand,
		"fgrep": grepCommand,
		"sed":   sedCommand,
	}
}

// lines reads lines of any length.
type lines struct {
	r     *bufio.Reader
	delim byte
	long  []byte // the one that is longer than the buffer
}

func newLines(r io.Reader, delim byte) *lines {
	return &lines{r: bufio.NewReaderSize(r, 32<<10), delim: delim}
}

// next is the next line without its end, which the last may lack; it is good until next is called again.
func (l *lines) next() (line []byte, ended bool, err error) {
	line, err = l.r.ReadSlice(l.delim)
	if err == bufio.ErrBufferFull {
		l.long = append(l.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = l.r.ReadSlice(l.delim)
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if err == io.EOF && len(line) > 0 {
		return line, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return bytes.TrimSuffix(line, []byte{l.delim}), true, nil
}
