package ext2

import "encoding/binary"

// descriptor is struct ext2_group_desc.
type descriptor struct {
	BlockBitmap, InodeBitmap, InodeTable uint32
	FreeBlocks, FreeInodes, Dirs         uint16
	_                                    [14]byte
}

// writeGroups writes what describes the tree already written: bitmaps, descriptors and superblocks.
func (d *disk) writeGroups(t *tree) error {
	table := make([]descriptor, d.groups)
	dirs := d.dirsByGroup(t)
	lastInode := int64(t.entries[len(t.entries)-1].ino)
	for i := range d.groups {
		usedBlocks := max(d.overhead(i), min(d.next-d.start(i), d.groupBlocks(i)))
		usedInodes := max(0, min(lastInode-i*d.groupInodes, d.groupInodes))
		table[i] = descriptor{
			BlockBitmap: uint32(d.bitmaps(i)), InodeBitmap: uint32(d.bitmaps(i) + 1),
			InodeTable: uint32(d.bitmaps(i) + 2), FreeBlocks: uint16(d.groupBlocks(i) - usedBlocks),
			FreeInodes: uint16(d.groupInodes - usedInodes), Dirs: dirs[i],
		}
		if err := d.put(d.bitmaps(i), d.bitmap(usedBlocks, d.groupBlocks(i))); err != nil {
			return err
		}
		if err := d.put(d.bitmaps(i)+1, d.bitmap(usedInodes, d.groupInodes)); err != nil {
			return err
		}
	}
	return d.writeSupers(table)
}

func (d *disk) dirsByGroup(t *tree) []uint16 {
	dirs := make([]uint16, d.groups)
	for _, e := range t.entries {
		if e.Mode.IsDir() {
			dirs[int64(e.ino-1)/d.groupInodes]++
		}
	}
	return dirs
}

// bitmap returns a block whose first used bits are set, and those from total on, which stand for nothing.
func (f format) bitmap(used, total int64) []byte {
	b := make([]byte, f.block)
	for i := range 8 * f.block {
		if i < used || i >= total {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// writeSupers writes the superblock and the descriptors to every group that keeps a copy.
func (d *disk) writeSupers(table []descriptor) error {
	descriptors, err := binary.Append(nil, binary.LittleEndian, table)
	if err != nil {
		return err
	}
	descriptors = append(descriptors, make([]byte, d.descBlocks*d.block-int64(len(descriptors)))...)
	for i := range d.groups {
		if !hasSuper(i) {
			continue
		}
		if err := d.put(d.start(i)+1, descriptors); err != nil {
			return err
		}
		raw, err := binary.Append(nil, binary.LittleEndian, newSuperblock(d, table, i))
		if err != nil {
			return err
		}
		block := make([]byte, d.block)
		at := int64(0)
		if i == 0 {
			at = superOffset - d.start(0)*d.block
		}
		copy(block[at:], raw)
		if err := d.put(d.start(i), block); err != nil {
			return err
		}
	}
	return nil
}
