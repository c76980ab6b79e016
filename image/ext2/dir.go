package ext2

import (
	"encoding/binary"
	"io/fs"
	"path"
)

// The file types of directory entries (EXT2_FT_*).
const (
	typeRegular = 1
	typeDir     = 2
	typeChar    = 3
	typeBlock   = 4
	typeFIFO    = 5
	typeSymlink = 7
)

// directory returns the blocks of a linear directory.
func (f format) directory(e *entry) []byte {
	b := &dirBuilder{block: int(f.block)}
	b.add(e.ino, ".", typeDir)
	b.add(e.parent.ino, "..", typeDir)
	for _, c := range e.children {
		b.add(c.ino, path.Base(c.Path), fileType(c.Mode))
	}
	b.closeBlock()
	for e.Path == lostFound && len(b.data) < lostFoundSize {
		b.add(0, "", 0)
		b.closeBlock()
	}
	return b.data
}

// A dirBuilder appends entries; none crosses a block, and the last one of a block reaches to its end.
type dirBuilder struct {
	block int // bytes
	data  []byte
	last  int // offset of the last entry
}

func (b *dirBuilder) add(ino uint32, name string, typ byte) {
	size := (8 + len(name) + 3) &^ 3
	if used := len(b.data) % b.block; used+size > b.block {
		b.closeBlock()
	}
	b.last = len(b.data)
	b.data = binary.LittleEndian.AppendUint32(b.data, ino)
	b.data = binary.LittleEndian.AppendUint16(b.data, uint16(size))
	b.data = append(b.data, byte(len(name)), typ)
	b.data = append(b.data, name...)
	b.data = append(b.data, make([]byte, b.last+size-len(b.data))...)
}

func (b *dirBuilder) closeBlock() {
	if rest := len(b.data) % b.block; rest != 0 {
		b.data = append(b.data, make([]byte, b.block-rest)...)
	}
	binary.LittleEndian.PutUint16(b.data[b.last+4:], uint16(len(b.data)-b.last))
}

func fileType(m fs.FileMode) byte {
	switch m.Type() {
	case fs.ModeDir:
		return typeDir
	case fs.ModeSymlink:
		return typeSymlink
	case fs.ModeNamedPipe:
		return typeFIFO
	case fs.ModeDevice:
		return typeBlock
	case fs.ModeDevice | fs.ModeCharDevice:
		return typeChar
	}
	return typeRegular
}
