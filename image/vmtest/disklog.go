package vmtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// sector is the unit of a disk that is written whole or not at all.
const sector = 512

// A DiskLog is what a machine did to a disk with a Log: its writes and flushes in the order in which they
// were done. It is the format of Linux's dm-log-writes target
// (Documentation/admin-guide/device-mapper/log-writes.rst), as QEMU's driver blklogwrites writes it, up to
// the first entry that is not there: a killed machine leaves gaps at the end.
type DiskLog struct {
	writes []diskWrite
	End    int64 // of the log up to there, in bytes of its file
}

// diskWrite is a write, or a flush with nothing to write.
type diskWrite struct {
	at      int64 // of the log
	flush   bool  // everything before is on the disk
	durable bool  // it is on the disk itself (FUA)
	off     int64
	data    []byte
}

// Flags of an entry; others are for what leaves no trace here: marks, and discards of what nobody reads
// again.
const (
	logFlush = 1 << iota
	logFUA
	logDiscard
	logMark
)

// ReadDiskLog reads the log of a machine that is off.
func ReadDiskLog(path string) (l DiskLog, err error) {
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	if _, err := io.CopyN(io.Discard, in, sector); err != nil { // the super block only counts what follows
		return l, fmt.Errorf("%s: %w", path, err)
	}
	for l.End = sector; ; {
		w, size, err := readDiskWrite(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return l, nil
		}
		if err != nil {
			return l, fmt.Errorf("%s: at byte %d: %w", path, l.End, err)
		}
		w.at = l.End
		l.End += size
		l.writes = append(l.writes, w)
	}
}

// readDiskWrite reads an entry: a sector with four numbers, and the data.
func readDiskWrite(in io.Reader) (w diskWrite, size int64, err error) {
	var head [sector]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return w, 0, err
	}
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(head[8*i:]) }
	first, sectors, flags := number(0), number(1), number(2)
	switch {
	case flags == 0 && sectors == 0:
		return w, 0, io.EOF // a gap
	case flags >= logMark<<1 || sectors > 1<<20 || first > 1<<40:
		return w, 0, fmt.Errorf("no entry of a log: %x", head[:32])
	}
	w = diskWrite{flush: flags&logFlush != 0, durable: flags&logFUA != 0, off: int64(first * sector)}
	size = sector
	if flags&(logDiscard|logMark) == 0 && sectors > 0 {
		w.data = make([]byte, sectors*sector)
		size += int64(len(w.data))
		_, err = io.ReadFull(in, w.data)
	}
	return w, size, err
}

// CutPower does to the disk as it was what the machine did until its log had n bytes, and then was cut off
// from power: what was flushed is there, and of everything else what r decides, sector by sector. It is the
// worst that a disk may do.
func (l DiskLog) CutPower(disk io.WriterAt, n int64, r *rand.Rand) error {
	flushed := 0
	for i, w := range l.writes {
		if w.at < n && w.flush {
			flushed = i
		}
	}
	for i, w := range l.writes {
		if w.at >= n {
			break
		}
		if err := w.apply(disk, i < flushed || w.durable, r); err != nil {
			return err
		}
	}
	return nil
}

// apply writes what is to be written: all of it, or nothing, or something.
func (w diskWrite) apply(disk io.WriterAt, all bool, r *rand.Rand) error {
	fate := r.IntN(3)
	if all || fate == 0 {
		_, err := disk.WriteAt(w.data, w.off)
		return err
	}
	for at := 0; fate == 1 && at < len(w.data); at += sector {
		if r.IntN(2) == 0 {
			continue
		}
		if _, err := disk.WriteAt(w.data[at:at+sector], w.off+int64(at)); err != nil {
			return err
		}
	}
	return nil
}
