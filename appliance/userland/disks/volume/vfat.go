package volume

import (
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// A fat is what the first sector of FAT12, FAT16 or FAT32 says.
type fat struct {
	sector  int64  // bytes
	cluster int64  // bytes
	tables  int64  // where they begin, in bytes
	data    int64  // where they end: the root directory of the smaller ones, then clusters
	entries int64  // of that root directory
	root    uint32 // its first cluster, of FAT32
	large   bool   // FAT32
	name    []byte // as the sector has it; the directory may have another
	serial  []byte
}

// vfat is told by the name that the sector has of it, and where there is none, by what such sectors have in
// common.
func vfat(head []byte, disk io.ReaderAt) (Volume, bool) {
	f, ok := parseFAT(head)
	if !ok {
		return Volume{}, false
	}
	v := Volume{Type: "vfat"}
	name, found := f.rootName(disk)
	if !found || name == unnamed {
		name = string(f.name)
	}
	if name != unnamed {
		v.Label = text([]byte(name))
	}
	if s := f.serial; le32(s) != 0 {
		v.UUID = fmt.Sprintf("%02X%02X-%02X%02X", s[3], s[2], s[1], s[0])
	}
	return v, true
}

const unnamed = "NO NAME    "

func parseFAT(b []byte) (f fat, ok bool) {
	if has(b, 3, "NTFS") || !named(b) && !likely(b) {
		return fat{}, false
	}
	perCluster := int64(b[13])
	f.sector, f.cluster = int64(le16(b[11:])), int64(le16(b[11:]))*perCluster
	switch f.sector {
	case 512, 1024, 2048, 4096:
	default:
		return fat{}, false
	}
	reserved, entries := int64(le16(b[14:])), int64(le16(b[17:]))
	sectors, perTable := int64(le16(b[19:])), int64(le16(b[22:]))
	if sectors == 0 {
		sectors = int64(le32(b[32:]))
	}
	if perTable == 0 {
		perTable = int64(le32(b[36:]))
	}
	inTables := perTable * int64(b[16])
	f.tables, f.data, f.entries = reserved*f.sector, (reserved+inTables)*f.sector, entries
	inRoot := (entries*32 + f.sector - 1) / f.sector
	if clusters := (sectors - reserved - inTables - inRoot) / max(perCluster, 1); clusters > 0xfff4 ||
		clusters < 0 {
		f.large, f.root, f.serial, f.name = true, le32(b[44:]), b[67:71], b[71:82]
	} else {
		f.serial, f.name = b[39:43], b[43:54]
	}
	return f, true
}

// named reports whether the sector says of itself what it is.
func named(b []byte) bool {
	large, small := string(b[82:90]), string(b[54:62])
	return strings.HasPrefix(large, "MSWIN") || large == "FAT32   " || small == "FAT16   " || small == "FAT12   " ||
		strings.HasPrefix(small, "MSDOS")
}

// likely reports whether it looks like one of old.
func likely(b []byte) bool {
	jump := b[0] == 0xeb && b[2] == 0x90 || b[0] == 0xe9
	return jump && le16(b[26:]) != 0 && bits.OnesCount8(b[13]) == 1 && (b[21] >= 0xf8 || b[21] == 0xf0) &&
		b[16] == 2
}

// rootName is the volume's name in the root directory.
func (f fat) rootName(disk io.ReaderAt) (name string, found bool) {
	if !f.large {
		return nameIn(disk, f.data, f.entries*32)
	}
	const most, last = 100, 0x0ffffff6
	for cluster, n := f.root, 0; n < most && cluster >= 2 && cluster <= last; n++ {
		if name, found = nameIn(disk, f.data+int64(cluster-2)*f.cluster, f.cluster); found {
			break
		}
		next := make([]byte, 4)
		if _, err := disk.ReadAt(next, f.tables+int64(cluster)*4); err != nil {
			break
		}
		cluster = le32(next) & 0x0fffffff
	}
	return name, found
}

// nameIn looks for it in a part of a directory.
func nameIn(disk io.ReaderAt, at, size int64) (name string, found bool) {
	const free, longName, volumeID, directory, mask, maxDirectory = 0xe5, 0x0f, 0x08, 0x10, 0x3f, 2 << 20
	b := make([]byte, min(size, maxDirectory))
	if _, err := disk.ReadAt(b, at); err != nil {
		return "", false
	}
	for ; len(b) >= 32 && b[0] != 0; b = b[32:] {
		attributes := b[11]
		if b[0] == free || attributes&mask == longName || attributes&(volumeID|directory) != volumeID {
			continue
		}
		if le16(b[20:]) == 0 && le16(b[26:]) == 0 { // a file's has clusters
			return string(b[:11]), true
		}
	}
	return "", false
}
