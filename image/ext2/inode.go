package ext2

import (
	"encoding/binary"
	"io/fs"
)

// inode is struct ext4_inode (linux/fs/ext4/ext4.h) of 256 bytes.
type inode struct {
	Mode, UID                  uint16
	Size                       uint32
	Atime, Ctime, Mtime, Dtime uint32
	GID, Links                 uint16
	Sectors, Flags, Version    uint32
	Block                      [15]uint32
	Generation, FileACL        uint32
	SizeHigh                   uint32
	FragAddr                   uint32
	SectorsHigh, FileACLHigh   uint16
	UIDHigh, GIDHigh           uint16
	_                          uint32
	ExtraSize, _               uint16
	_, _, _                    uint32 // nanoseconds of ctime, mtime, atime
	Crtime                     uint32
	_                          [inodeSize - 0x94]byte
}

// extraSize is how much of the inode beyond the old 128 bytes is in use.
const extraSize = 32

// newInode describes e with its blocks; sectors are those of 512 bytes, indirect blocks too.
func newInode(e *entry, time uint32, block [15]uint32, sectors int64) inode {
	return inode{
		Mode: unixMode(e.Mode), Links: e.links,
		UID: uint16(e.UID), UIDHigh: uint16(e.UID >> 16),
		GID: uint16(e.GID), GIDHigh: uint16(e.GID >> 16),
		Size: uint32(e.Size), SizeHigh: uint32(e.Size >> 32),
		Atime: time, Ctime: time, Mtime: time, Crtime: time,
		Sectors: uint32(sectors), Block: block,
		ExtraSize: extraSize,
	}
}

// unixMode gives the st_mode of inode(7).
func unixMode(m fs.FileMode) uint16 {
	mode := uint16(m.Perm())
	for i, bit := range [...]fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if m&bit != 0 {
			mode |= 0o1000 << i
		}
	}
	types := [...]uint16{typeRegular: 0o100000, typeDir: 0o040000, typeChar: 0o020000, typeBlock: 0o060000,
		typeFIFO: 0o010000, typeSymlink: 0o120000}
	return mode | types[fileType(m)]
}

// inlineBlock gives the block numbers' place to what needs no block: a short link or a device's number, in
// the old 16-bit form where it fits and in the new 32-bit form otherwise (old_encode_dev, new_encode_dev).
func inlineBlock(e *entry) [15]uint32 {
	var b [15]uint32
	switch {
	case e.Mode.Type() == fs.ModeSymlink && e.data == nil:
		var target [fastLink]byte
		copy(target[:], e.Link)
		for i := range b {
			b[i] = binary.LittleEndian.Uint32(target[4*i:])
		}
	case e.Mode&fs.ModeDevice == 0:
	case e.Major < 256 && e.Minor < 256:
		b[0] = e.Major<<8 | e.Minor
	default:
		b[1] = e.Minor&0xff | e.Major<<8 | (e.Minor&^0xff)<<12
	}
	return b
}
