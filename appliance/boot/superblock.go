package boot

import (
	"bytes"
	"encoding/binary"
)

// The superblock of ext2, ext3 and ext4: where it is and the fields used here
// (Documentation/filesystems/ext4/super.rst). Numbers are little-endian.
const (
	superblockAt   = 1024
	superblockSize = 1024

	offMagic    = 0x38
	offState    = 0x3a
	offCompat   = 0x5c
	offIncompat = 0x60
	offLabel    = 0x78
	labelSize   = 16

	extMagic        = 0xef53
	stateValid      = 0x1 // unmounted in order
	stateErrors     = 0x2 // the kernel has seen errors
	compatJournal   = 0x4 // there is a journal
	incompatRecover = 0x4 // the journal must be replayed
)

// superblock is what is read of one.
type superblock struct {
	label   string
	clean   bool // left in order
	journal bool
}

// parseSuperblock returns false when sb is no superblock.
func parseSuperblock(sb []byte) (superblock, bool) {
	if len(sb) < superblockSize || binary.LittleEndian.Uint16(sb[offMagic:]) != extMagic {
		return superblock{}, false
	}
	name, _, _ := bytes.Cut(sb[offLabel:offLabel+labelSize], []byte{0})
	state := binary.LittleEndian.Uint16(sb[offState:])
	recover := binary.LittleEndian.Uint32(sb[offIncompat:])&incompatRecover != 0
	return superblock{
		label:   string(name),
		clean:   state&stateValid != 0 && state&stateErrors == 0 && !recover,
		journal: binary.LittleEndian.Uint32(sb[offCompat:])&compatJournal != 0,
	}, true
}
