package partition

import (
	"bytes"
	"testing"
)

// FuzzTables: whatever is on a disk is a table or none, and no chain of partitions goes on for ever.
func FuzzTables(f *testing.F) {
	disk := make([]byte, 8*SectorSize)
	for sector := range 4 {
		b := disk[sector*SectorSize:]
		b[510], b[511] = 0x55, 0xaa
		b[446+4], b[446+8], b[446+12] = 0x83, 1, 1
		b[462+4], b[462+8], b[462+12] = 0x05, byte(sector), 1
	}
	f.Add(disk)
	gpt := make([]byte, 40*SectorSize)
	gpt[510], gpt[511], gpt[450] = 0x55, 0xaa, protective
	copy(gpt[SectorSize:], gptMagic)
	gpt[SectorSize+12], gpt[SectorSize+72], gpt[SectorSize+80], gpt[SectorSize+84] = 92, 2, 128, 128
	gpt[2*SectorSize+32] = 34
	f.Add(gpt)
	f.Fuzz(func(t *testing.T, disk []byte) {
		table, err := Read(bytes.NewReader(disk), SectorSize)
		if (err == nil) != (len(table.Parts) >= 4) || len(table.Parts) > maxParts {
			t.Errorf("%d partitions, %v", len(table.Parts), err)
		}
		if g, err := ReadGPT(bytes.NewReader(disk), SectorSize); err == nil && len(g.Parts) > g.Entries {
			t.Errorf("%d partitions of %d", len(g.Parts), g.Entries)
		}
	})
}

// TestCircle: a chain that leads back ends, and that it does is said.
func TestCircle(t *testing.T) {
	disk := make([]byte, 4*SectorSize)
	for sector, next := range []byte{1, 1, 1} { // the second's next is the third, whose next is itself
		b := disk[sector*SectorSize:]
		b[510], b[511] = 0x55, 0xaa
		b[446+4], b[446+8], b[446+12] = 0x05, next, 1
	}
	table, err := Read(bytes.NewReader(disk), SectorSize)
	if err != nil || len(table.Notes) != 1 || table.Notes[0] != "the chain of logical partitions is a circle" {
		t.Errorf("%+v, %v", table, err)
	}
}
