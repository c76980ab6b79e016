package partition

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// A GPT is a table of the Unified Extensible Firmware Interface (its specification, section 5.3).
type GPT struct {
	ID             string
	Entries        int // that there is room for
	First, Last    uint64
	Parts          []GPTPart
	HeaderDamaged  bool // its checksum is wrong
	EntriesDamaged bool
}

// A GPTPart is a partition of it.
type GPTPart struct {
	Number      int
	First, Last uint64
	Name        string // as it stands there
}

// Bounds of a table; the usual one has 128 entries of 128 bytes.
const (
	protective  = 0xee
	maxEntries  = 256
	maxEntry    = 4096
	entryBytes  = 128
	headerBytes = 92
	gptMagic    = "EFI PART"
)

// ReadGPT reads the table in the second sector of a disk whose first one says that it has one; else ErrNone.
func ReadGPT(disk io.ReaderAt, sectorSize int) (g GPT, err error) {
	first, err := tableAt(disk, 0)
	if err != nil {
		return GPT{}, err
	}
	header := make([]byte, sectorSize)
	if entry(first, 0).Type != protective {
		return GPT{}, ErrNone
	}
	if _, err := disk.ReadAt(header, int64(sectorSize)); err != nil {
		return GPT{}, err
	}
	size, entries, each := le32(header[12:]), le32(header[80:]), le32(header[84:])
	if string(header[:8]) != gptMagic {
		return GPT{}, ErrNone
	}
	if size < headerBytes || size > uint32(sectorSize) || entries > maxEntries || each < entryBytes ||
		each > maxEntry {
		return GPT{}, fmt.Errorf("a GPT that cannot be: %d entries of %d bytes, a header of %d", entries,
			each, size)
	}
	table := make([]byte, entries*each)
	if _, err := disk.ReadAt(table, int64(le64(header[72:]))*int64(sectorSize)); err != nil {
		return GPT{}, fmt.Errorf("the entries of the GPT: %w", err)
	}
	g = GPT{ID: guid(header[56:]), Entries: int(entries), First: le64(header[40:]), Last: le64(header[48:])}
	sum := le32(header[16:])
	clear(header[16:20])
	g.HeaderDamaged = crc32.ChecksumIEEE(header[:size]) != sum
	g.EntriesDamaged = crc32.ChecksumIEEE(table) != le32(header[88:])
	for i := range int(entries) {
		b := table[i*int(each):]
		if from := le64(b[32:]); from != 0 {
			g.Parts = append(g.Parts, GPTPart{i + 1, from, le64(b[40:]), name(b[56:128])})
		}
	}
	return g, nil
}

// guid is a UUID whose first three parts have their lower octets first.
func guid(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le32(b), le16(b[4:]), le16(b[6:]), b[8:10], b[10:16])
}

func name(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && le16(b) != 0; b = b[2:] {
		units = append(units, le16(b))
	}
	return string(utf16.Decode(units))
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
