package vmtest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// logEntry makes an entry as dm-log-writes has it: a sector of numbers, and the data.
func logEntry(first uint64, flags uint64, data []byte) []byte {
	head := binary.LittleEndian.AppendUint64(nil, first)
	for _, n := range []uint64{uint64(len(data)) / sector, flags, uint64(len(data))} {
		head = binary.LittleEndian.AppendUint64(head, n)
	}
	return append(append(head, make([]byte, sector-len(head))...), data...)
}

// memDisk is a disk in memory.
type memDisk []byte

func (d memDisk) WriteAt(p []byte, off int64) (int, error) { return copy(d[off:], p), nil }

// TestDiskLog: what was flushed, or written through, is on the disk after every cut; of the rest each sector
// is as it was or as it was to be, and now and then it is each of these; and a gap ends the log.
func TestDiskLog(t *testing.T) {
	fill := func(c byte, sectors int) []byte { return bytes.Repeat([]byte{c}, sectors*sector) }
	entries := [][]byte{
		make([]byte, sector), // the super block
		logEntry(0, 0, fill('a', 2)), logEntry(0, logFlush, nil), logEntry(1, 0, fill('b', 3)), logEntry(4, logFUA, fill('c', 1)),
		logEntry(0, logDiscard, nil), logEntry(5, logMark, nil), logEntry(5, 0, fill('d', 1)),
	}
	var text []byte
	for _, e := range entries {
		text = append(text, e...)
	}
	end := int64(len(text))
	text = append(append(text, make([]byte, sector)...), logEntry(0, 0, fill('z', 4))...) // after a gap
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ReadDiskLog(file)
	if err != nil || l.End != end {
		t.Fatalf("%+v, %v; want the end at %d", l, err, end)
	}
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		d := memDisk(fill('.', 6))
		if err := l.CutPower(d, end, rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatal(err)
		}
		seen[sectors(d)] = true
	}
	for s := range seen {
		if s[0] != 'a' || s[1] != 'a' && s[1] != 'b' || s[2] != '.' && s[2] != 'b' || s[4] != 'c' {
			t.Errorf("a disk of %s", s)
		}
	}
	if len(seen) != 16 { // of four sectors nothing is certain
		t.Errorf("%d different disks: %v", len(seen), seen)
	}
	flush := l.writes[1].at
	for n, want := range map[int64]string{0: "......", flush + 1: "aa...."} {
		d := memDisk(fill('.', 6))
		if err := l.CutPower(d, n, rand.New(rand.NewPCG(5, 1))); err != nil {
			t.Fatal(err)
		}
		if got := sectors(d); got != want {
			t.Errorf("cut after %d bytes: %s, want %s", n, got, want)
		}
	}
	if err := os.WriteFile(file, append(make([]byte, sector), fill('x', 1)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadDiskLog(file); err == nil {
		t.Error("what is no log was read as one")
	}
}

// sectors is the first byte of each sector.
func sectors(d []byte) string {
	var b []byte
	for at := 0; at < len(d); at += sector {
		b = append(b, d[at])
	}
	return string(b)
}
