package ext2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
)

const (
	// MinJournal is the least that the kernel and e2fsck take, in blocks: JBD2_MIN_JOURNAL_BLOCKS. It is what
	// mke2fs gives a file system of less than 32768 blocks.
	MinJournal = 1024

	journalInode = 8

	journalMagic        = 0xc03b3998 // linux/include/linux/jbd2.h; all of a journal is in network order
	journalSuperblockV2 = 4

	journalBackup = 1 // the superblock has a copy of the journal's inode: EXT3_JNL_BACKUP_BLOCKS
)

// journalSuperblock is journal_superblock_t of an empty journal, as far as it is not zero.
type journalSuperblock struct {
	Magic, Type, _             uint32
	BlockSize, Blocks, First   uint32
	Sequence, Start, Error     uint32
	Compat, Incompat, ROCompat uint32
	UUID                       [16]byte
	Users                      uint32
}

// journalEntry is the file that holds a journal of size bytes. It has no name.
func (f format) journalEntry(size int64) (*entry, error) {
	if size%f.block != 0 || size/f.block < MinJournal {
		return nil, fmt.Errorf("a journal of %d bytes; expected blocks of %d bytes, and %d of them or more",
			size, f.block, MinJournal)
	}
	head, err := binary.Append(nil, binary.BigEndian, journalSuperblock{
		Magic: journalMagic, Type: journalSuperblockV2,
		BlockSize: uint32(f.block), Blocks: uint32(size / f.block), First: 1, Sequence: 1, Users: 1,
	})
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(head),
			io.LimitReader(zeros{}, size-int64(len(head))))), nil
	}
	return &entry{Node: Node{Path: "journal", Mode: fs.FileMode(0o600), Size: size, Open: open},
		ino: journalInode, links: 1}, nil
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
