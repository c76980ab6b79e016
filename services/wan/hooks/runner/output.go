package runner

import (
	"bytes"
	"io"
	"log/slog"
	"os"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// What of the output of a run is logged, and how much is read at all.
const (
	maxLines  = 40
	maxLine   = 200 // bytes
	maxOutput = 256 << 10
)

// An output makes lines of what is written to it.
type output struct {
	log   *slog.Logger
	line  []byte // the beginning of the one that is written, maxLine and a byte at most
	begun bool
	lines int
}

// logOutput logs what is read from a file until its end, and closes it. Of what is too much
// it says how much.
func logOutput(log *slog.Logger, written *os.File) {
	o := &output{log: log}
	n, err := io.Copy(o, io.LimitReader(written, maxOutput))
	written.Close() // who writes on gets an error
	o.end()
	if o.lines > maxLines {
		log.Warn("has written too much", "lines_left_out", o.lines-maxLines)
	}
	if n == maxOutput {
		log.Warn("has written too much: its output was closed", "bytes", n)
	}
	if err != nil {
		log.Error("what it writes cannot be read", "err", err)
	}
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	size := len(b)
	for len(b) > 0 {
		piece, rest, whole := bytes.Cut(b, []byte("\n"))
		o.begun = true
		o.line = append(o.line, piece[:min(len(piece), maxLine+1-len(o.line))]...)
		if whole {
			o.end()
		}
		b = rest
	}
	return size, nil
}

// end ends a line, if there is one.
func (o *output) end() {
	if !o.begun {
		return
	}
	o.lines++
	if o.lines <= maxLines {
		o.log.Info("says", "line", printable.Cut(string(o.line), maxLine))
	}
	o.line, o.begun = o.line[:0], false
}
