// Package partition reads tables of partitions: those of the PC (MBR), with logical partitions, and GPT. It
// changes none. What is read was written by anybody: all reads are bounded, and a chain of logical partitions
// ends.
package partition

import (
	"encoding/binary"
	"errors"
	"io"
)

// SectorSize is that of tables, unless a disk says otherwise.
const SectorSize = 512

// ErrNone says that a disk has no table that is known.
var ErrNone = errors.New("no partition table")

// A Table is that of a PC.
type Table struct {
	Parts []Part // the first four are the primary ones, some perhaps empty
	Notes []string
}

// A Part is an entry of it.
type Part struct {
	Boot       byte // 0x80: started from
	Type       byte
	Start, End CHS
	First      uint64 // sector
	Sectors    uint64
}

// Empty reports whether it is one that is not used.
func (p Part) Empty() bool { return p == Part{} }

// A CHS is a place by the geometry of old disks.
type CHS struct{ Cylinder, Head, Sector int }

// extended reports whether partitions of this type contain others.
func extended(kind byte) bool { return kind == 0x05 || kind == 0x0f || kind == 0x85 }

// maxParts is the most that are read, as by others.
const maxParts = 60

// Read reads the table at the beginning of a disk.
func Read(disk io.ReaderAt, sectorSize int) (t Table, err error) {
	first, err := tableAt(disk, 0)
	if err != nil {
		return Table{}, err
	}
	var chain *Part
	for i := range 4 {
		p := entry(first, i)
		t.Parts = append(t.Parts, p)
		switch {
		case !extended(p.Type):
		case chain != nil:
			t.note("there is a second extended partition")
		case p.First == 0:
			t.note("the extended partition begins nowhere")
		default:
			chain = &p
		}
	}
	if chain != nil {
		t.logical(disk, chain.First, sectorSize)
	}
	return t, nil
}

func (t *Table) note(text string) { t.Notes = append(t.Notes, text) }

// logical follows the chain of tables with one partition and the place of the next.
func (t *Table) logical(disk io.ReaderAt, base uint64, sectorSize int) {
	seen := map[uint64]bool{}
	for at := base; !seen[at]; {
		seen[at] = true
		if len(t.Parts) == maxParts {
			t.note("there are more logical partitions")
			return
		}
		b, err := tableAt(disk, int64(at)*int64(sectorSize))
		if err != nil {
			t.note("the chain of logical partitions breaks off")
			return
		}
		var data Part
		next := uint64(0)
		for i := range 4 {
			switch p := entry(b, i); {
			case p.Sectors == 0:
			case extended(p.Type) && next == 0:
				next = p.First
			case !extended(p.Type) && p.Type != 0 && data.Empty():
				data = p
				data.First += at
			}
		}
		if !data.Empty() {
			t.Parts = append(t.Parts, data)
		}
		if next == 0 {
			return
		}
		at = base + next
	}
	t.note("the chain of logical partitions is a circle")
}

// tableAt reads a sector with a table.
func tableAt(disk io.ReaderAt, at int64) ([]byte, error) {
	b := make([]byte, SectorSize)
	if _, err := disk.ReadAt(b, at); err != nil {
		return nil, err
	}
	if b[510] != 0x55 || b[511] != 0xaa {
		return nil, ErrNone
	}
	return b, nil
}

func entry(b []byte, i int) Part {
	b = b[446+16*i:]
	return Part{
		Boot: b[0], Start: chs(b[1:]), Type: b[4], End: chs(b[5:]),
		First: uint64(binary.LittleEndian.Uint32(b[8:])), Sectors: uint64(binary.LittleEndian.Uint32(b[12:])),
	}
}

func chs(b []byte) CHS {
	return CHS{Cylinder: int(b[2]) | int(b[1]&0xc0)<<2, Head: int(b[0]), Sector: int(b[1] & 0x3f)}
}
