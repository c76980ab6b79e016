package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// sortBlock is how many bytes of text are together, 1 << sortShift.
const (
	sortShift = 20
	sortBlock = 1 << sortShift
)

// sortReserve is what the machine must have left, in bytes, when the text is read.
const sortReserve = 8 << 20

// A sortText is the lines of all files, each in memory once and with its end. Nothing else is kept of one but
// a sortLine: boxes are small. More than there is memory for is an error, before the machine ends processes.
//
//	read -> open block -- full -> blocks, whole lines -- lines -> places, 1 MB each, of which a line that is
//	         longer than one has several
type sortText struct {
	end       byte
	available func() int64 // bytes of memory
	blocks    [][]byte
	open      []byte // the block that is read into
	count     int    // lines of the blocks
	size      int    // bytes of them
	places    [][]byte
}

// A sortLine is a line: where it is, how long without its end, and what of it is compared first.
type sortLine struct {
	head     uint64
	at, size uint32
}

// sortLineSize is how many bytes of memory a sortLine takes.
const sortLineSize = 16

// read takes the lines of a file.
func (t *sortText) read(r io.Reader) error {
	for {
		if len(t.open) == cap(t.open) {
			if err := t.next(); err != nil {
				return err
			}
		}
		n, err := r.Read(t.open[len(t.open):cap(t.open)])
		if t.open = t.open[:len(t.open)+n]; err != nil {
			if n := len(t.open); n > 0 && t.open[n-1] != t.end {
				t.open = append(t.open, t.end)
			}
			return endIsFine(err)
		}
	}
}

// next makes room: in another block, which begins with what is no whole line yet, or in a larger one.
func (t *sortText) next() error {
	whole := bytes.LastIndexByte(t.open, t.end) + 1
	rest := t.open[whole:]
	larger := max(sortBlock, 2*len(rest))
	t.close(t.open[:whole])
	needed := int64(t.count)*sortLineSize + int64(larger) + sortReserve
	if t.available() < needed {
		return fmt.Errorf("not enough memory: %d MB of lines were read", (t.size+len(rest))>>20)
	}
	t.open = append(make([]byte, 0, larger), rest...)
	return nil
}

// close keeps whole lines.
func (t *sortText) close(whole []byte) {
	if len(whole) > 0 {
		t.blocks = append(t.blocks, whole)
		t.count += bytes.Count(whole, []byte{t.end})
		t.size += len(whole)
	}
}

// lines are all that were read; head gives what is compared first.
func (t *sortText) lines(head func(line []byte) uint64) ([]sortLine, error) {
	t.close(t.open)
	t.open = nil
	lines := make([]sortLine, 0, t.count)
	for _, block := range t.blocks {
		place := len(t.places)
		for rest := block; ; rest = rest[sortBlock:] {
			if t.places = append(t.places, rest); len(rest) <= sortBlock {
				break
			}
		}
		if len(t.places) > 1<<(32-sortShift) {
			return nil, errors.New("more than 4 GB of lines")
		}
		for at := 0; at < len(block); {
			size := bytes.IndexByte(block[at:], t.end)
			lines = append(lines, sortLine{head: head(block[at : at+size]),
				at: uint32(place<<sortShift + at), size: uint32(size)})
			at += size + 1
		}
	}
	return lines, nil
}

// text is a line, with so many bytes behind it: 1 is its end.
func (t *sortText) text(l sortLine, behind uint32) []byte {
	return t.places[l.at>>sortShift][l.at&(sortBlock-1):][:l.size+behind]
}
