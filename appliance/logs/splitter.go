package logs

import "bytes"

// splitter is an io.WriteCloser that hands on whole lines, each cut one byte
// after MaxLine, in a buffer of that size whatever comes.
type splitter struct {
	emit func(line []byte) // the slice is valid during the call
	buf  []byte
}

// Write never fails.
func (s *splitter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		s.add(line)
		if !found {
			return n, nil
		}
		s.flush()
		p = rest
	}
}

// Close hands on what had no line break yet.
func (s *splitter) Close() error {
	s.flush()
	return nil
}

func (s *splitter) add(part []byte) {
	// One byte more than the log keeps, so that it sees that it must cut.
	room := MaxLine + 1 - len(s.buf)
	s.buf = append(s.buf, part[:min(room, len(part))]...)
}

// flush ends a line. Empty lines are not worth a place in the log.
func (s *splitter) flush() {
	if len(s.buf) > 0 {
		s.emit(s.buf)
	}
	s.buf = s.buf[:0]
}
