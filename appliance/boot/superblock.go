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
	offIncompat = 0x60
	offLabel    = 0x78
	labelSize   = 16

	extMagic        = 0xef53
	stateValid      = 0x1 // unmounted in order
	stateErrors     = 0x2 // the kernel has seen errors
	incompatRecover = 0x4 // the journal must be replayed
)

// parseSuperblock reads label and state; ok is false when sb is no superblock.
func parseSuperblock(sb []byte) (label string, clean, ok bool) {
	if len(sb) < superblockSize || binary.LittleEndian.Uint16(sb[offMagic:]) != extMagic {
		return "", false, false
	}
	name, _, _ := bytes.Cut(sb[offLabel:offLabel+labelSize], []byte{0})
	state := binary.LittleEndian.Uint16(sb[offState:])
	recover := binary.LittleEndian.Uint32(sb[offIncompat:])&incompatRecover != 0
	return string(name), state&stateValid != 0 && state&stateErrors == 0 && !recover, true
}
