// Package bzip2 writes what bunzip2 reads: the standard library has only the reader. The format has no
// specification but bzip2's own source; what is said of it here is what all of its readers hold to.
//
// A block of up to 900 kB is taken at a time, and compressing it takes about twenty times its size in bytes
// at most.
//
//	bytes ─► runs (runs.go) ─► order of rotations (sort.go) ─► ranks (rank.go) ─► codes (huffman.go) ─► bits (bits.go)
package bzip2

import (
	"errors"
	"fmt"
	"io"
)

// Levels are how large a block is, in steps of 100 kB.
const (
	Fastest = 1
	Best    = 9
)

// A Writer compresses.
type Writer struct {
	bits  bits
	runs  runs
	crc   uint32 // of all blocks
	wrote bool   // the header
	level int
}

// NewWriter compresses to w, in blocks of level times 100 kB.
func NewWriter(w io.Writer, level int) (*Writer, error) {
	if level < Fastest || level > Best {
		return nil, fmt.Errorf("level %d: expected 1 to 9", level)
	}
	// Readers have room for all of a block; that a few bytes less are used is bzip2's own habit.
	return &Writer{bits: bits{w: w}, level: level, runs: newRuns(level*100000 - 19)}, nil
}

// Write implements io.Writer.
func (z *Writer) Write(p []byte) (int, error) {
	for i, b := range p {
		if z.runs.full() {
			z.block()
		}
		if z.bits.err != nil {
			return i, z.bits.err
		}
		z.runs.add(b)
	}
	return len(p), nil
}

// Close writes what is left, and the end. It does not close what it writes to.
func (z *Writer) Close() error {
	z.block()
	z.header()
	z.bits.write(48, 0x177245385090)
	z.bits.write(32, uint64(z.crc))
	z.bits.flush()
	err := z.bits.err
	z.bits.err = errors.New("written to after the end")
	return err
}

func (z *Writer) header() {
	if !z.wrote {
		z.bits.write(24, 'B'<<16|'Z'<<8|'h')
		z.bits.write(8, uint64('0'+z.level))
		z.wrote = true
	}
}

// block writes what has come since the last one.
func (z *Writer) block() {
	block, crc := z.runs.take()
	if len(block) == 0 {
		return
	}
	z.header()
	z.crc = z.crc<<1 | z.crc>>31
	z.crc ^= crc
	last, first := rotations(block)
	symbols, used := ranks(last)
	z.bits.write(48, 0x314159265359)
	z.bits.write(32, uint64(crc))
	z.bits.write(1, 0) // not randomised
	z.bits.write(24, uint64(first))
	z.used(used)
	codes(&z.bits, symbols)
	z.runs.reset()
}

// used says which bytes there are: which sixteens, and which of each.
func (z *Writer) used(used *[256]bool) {
	var sixteens, each [16]uint64
	for b, yes := range used {
		if yes {
			sixteens[b/16] = 1
			each[b/16] |= 1 << (15 - b%16)
		}
	}
	for _, yes := range sixteens {
		z.bits.write(1, yes)
	}
	for i, yes := range sixteens {
		if yes == 1 {
			z.bits.write(16, each[i])
		}
	}
}
