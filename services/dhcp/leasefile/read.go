package leasefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// ErrVersion is returned for a journal of a version that this package does not know.
var ErrVersion = errors.New("lease journal of another version")

// Damage is a line that was skipped because it is not what was written.
type Damage struct {
	Line int // counted from 1
	Err  error
}

func (d Damage) String() string {
	return fmt.Sprintf("line %d: %v; skipped, the other records are kept", d.Line, d.Err)
}

// maxDamage bounds how many damaged lines are listed one by one.
const maxDamage = 20

// A Summary tells what Read found.
type Summary struct {
	Header  bool     // the first line is the header of this version
	Records int      // good records
	Damaged int      // bad lines that were followed by a good record
	Damage  []Damage // the first of them
	Size    int64    // bytes read
	// Good is the offset after the last good line. What follows, but for the room at
	// the end, is the torn end of a write that was cut off before it was acknowledged.
	Good int64
	Room int64 // NUL bytes at the end
}

// Torn returns the number of bytes between the last good line and the room.
func (s Summary) Torn() int64 { return s.Size - s.Room - s.Good }

// Read reads a journal, calling each for every good record in the order they
// were written: the last one for an address counts. Bad lines are skipped and
// reported. The error is that of r, or ErrVersion.
func Read(r io.Reader, each func(lease.Lease)) (Summary, error) {
	return readFrom(r, 0, each)
}

// readFrom is Read behind an offset of the journal: only at 0 there is a header.
func readFrom(r io.Reader, off int64, each func(lease.Lease)) (Summary, error) {
	var s Summary
	var bad []Damage // since the last good line
	skipped := 0
	in := bufio.NewReaderSize(r, 64<<10)
	for line := 1; ; line++ {
		text, n, err := s.readLine(in)
		s.Size += int64(n)
		if n == 0 && errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) {
			return s, fmt.Errorf("lease journal: %w", err)
		}
		if err == nil {
			err = s.take(off == 0 && line == 1, text, each)
		} else if errors.Is(err, io.EOF) {
			err = errUnfinished
		}
		switch {
		case errors.Is(err, ErrVersion):
			return s, err
		case err != nil:
			skipped++
			if len(s.Damage)+len(bad) < maxDamage {
				bad = append(bad, Damage{line, err})
			}
		default:
			s.Good = s.Size
			s.Damaged += skipped
			s.Damage = append(s.Damage, bad...)
			bad, skipped = bad[:0], 0
		}
	}
}

// take reads one finished line.
func (s *Summary) take(first bool, text []byte, each func(lease.Lease)) error {
	if first && strings.HasPrefix(string(text), magic) {
		if string(text)+"\n" != header {
			return fmt.Errorf("%w: %q, this program writes %q", ErrVersion, text, header[:len(header)-1])
		}
		s.Header = true
		return nil
	}
	l, err := parseRecord(text)
	if err != nil {
		return err
	}
	s.Records++
	each(l)
	return nil
}

// readLine returns the next line without its newline and the number of bytes it
// took; errLong for a line of more than maxLine bytes, which is read to its end.
func (s *Summary) readLine(in *bufio.Reader) (text []byte, n int, err error) {
	err = bufio.ErrBufferFull
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = in.ReadSlice('\n')
		n += len(text)
		if rest := len(bytes.TrimRight(text, "\x00")); rest > 0 {
			s.Room = int64(len(text) - rest)
		} else {
			s.Room += int64(len(text))
		}
	}
	switch {
	case err != nil:
		return nil, n, err
	case n > maxLine:
		return nil, n, errLong
	}
	return text[:n-1], n, nil
}
