// Package volume tells what is on a disk, a partition or in a file by its first blocks: which file system,
// its label and its UUID. It knows ext2, ext3 and ext4, vfat, xfs, btrfs, iso9660, squashfs, swap and LUKS;
// what it does not know is nothing. What is read was written by anybody: labels are octets of unknown
// meaning, and all reads are bounded.
package volume

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

// A Volume is what was found. Label and UUID are "" where it has none.
type Volume struct {
	Type, Label, UUID string
}

// superblock is as much of a disk as most of it is told by.
const superblock = 0x11000

// Identify reads from a disk. ok is false when nothing of what is known is on it; err says that it could not
// be read.
func Identify(disk io.ReaderAt) (v Volume, ok bool, err error) {
	head := make([]byte, superblock)
	n, err := disk.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Volume{}, false, err
	}
	clear(head[n:])
	for _, known := range []func(head []byte, disk io.ReaderAt) (Volume, bool){
		luks, vfat, squashfs, xfs, swap, ext, btrfs, iso9660} {
		if v, ok := known(head, disk); ok {
			return v, true, nil
		}
	}
	return Volume{}, false, nil
}

func luks(head []byte, _ io.ReaderAt) (Volume, bool) {
	return Volume{Type: "crypto_LUKS", UUID: text(head[0xa8 : 0xa8+40])}, has(head, 0, "LUKS\xba\xbe")
}

func squashfs(head []byte, _ io.ReaderAt) (Volume, bool) {
	for _, magic := range []string{"hsqs", "sqsh", "shsq", "qshs"} {
		if has(head, 0, magic) {
			return Volume{Type: "squashfs"}, true
		}
	}
	return Volume{}, false
}

func xfs(head []byte, _ io.ReaderAt) (Volume, bool) {
	return Volume{Type: "xfs", Label: text(head[0x6c : 0x6c+12]), UUID: uuid(head[0x20:])}, has(head, 0, "XFSB")
}

// swap has its signature at the end of a page, which may be of several sizes.
func swap(head []byte, _ io.ReaderAt) (Volume, bool) {
	for page := 4 << 10; page <= 64<<10; page *= 2 {
		if has(head, page-10, "SWAP-SPACE") {
			return Volume{Type: "swap"}, true
		}
		for _, magic := range []string{"SWAPSPACE2", "S1SUSPEND", "S2SUSPEND", "ULSUSPEND"} {
			if has(head, page-10, magic) {
				return Volume{Type: "swap", Label: text(head[0x41c : 0x41c+16]), UUID: uuid(head[0x40c:])},
					true
			}
		}
	}
	return Volume{}, false
}

// ext is the superblock of ext2 and what became of it (Documentation/filesystems/ext4/super.rst).
func ext(head []byte, _ io.ReaderAt) (Volume, bool) {
	const (
		hasJournal           = 0x4
		extents, bits64      = 0x40, 0x80
		hugeFile, manyInDirs = 0x8, 0x20
	)
	sb := head[1024:2048]
	if !has(sb, 0x38, "\x53\xef") {
		return Volume{}, false
	}
	compat, incompat, readOnly := le32(sb[0x5c:]), le32(sb[0x60:]), le32(sb[0x64:])
	v := Volume{Type: "ext2", Label: text(sb[0x78 : 0x78+16]), UUID: uuid(sb[0x68:])}
	switch {
	case incompat&(extents|bits64) != 0 || readOnly&(hugeFile|manyInDirs) != 0:
		v.Type = "ext4"
	case compat&hasJournal != 0:
		v.Type = "ext3"
	}
	return v, true
}

func btrfs(head []byte, _ io.ReaderAt) (Volume, bool) {
	sb := head[64<<10:]
	return Volume{Type: "btrfs", Label: text(sb[0x12b : 0x12b+64]), UUID: uuid(sb[0x20:])},
		has(sb, 0x40, "_BHRfS_M")
}

// iso9660 has two names where the second is in Unicode (Joliet), of which the first is the longer one if it
// is the same.
func iso9660(head []byte, disk io.ReaderAt) (Volume, bool) {
	const first, size, most, supplementary, end = 0x8000, 0x800, 16, 2, 0xff
	if !has(head, first+1, "CD001") {
		return Volume{}, false
	}
	v := Volume{Type: "iso9660", Label: text(head[first+40 : first+72])}
	sector := make([]byte, size)
	for i := range int64(most) {
		if _, err := disk.ReadAt(sector, first+size*(i+1)); err != nil || sector[0] == end {
			break
		}
		if sector[0] != supplementary || !has(sector, 88, "%/@") && !has(sector, 88, "%/C") &&
			!has(sector, 88, "%/E") {
			continue
		}
		if joliet := wide(sector[40:72]); len(joliet) < 16 || len(v.Label) < 16 ||
			joliet[:16] != v.Label[:16] {
			v.Label = trimmed(joliet)
		}
		break
	}
	return v, true
}

// wide is text of two octets a character, the higher one first.
func wide(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.BigEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func has(b []byte, at int, magic string) bool { return string(b[at:at+len(magic)]) == magic }

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// text is what stands before the first zero, without blanks at its end.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return trimmed(string(b))
}

func trimmed(s string) string { return string(bytes.TrimRight([]byte(s), " \t\n\v\f\r")) }

func uuid(b []byte) string {
	if b = b[:16]; bytes.Equal(b, make([]byte, 16)) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
