package ext2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
)

const (
	journalInode = 8
	// minJournal is the least that the kernel and e2fsck take: JBD2_MIN_JOURNAL_BLOCKS.
	minJournal = 1024 * blockSize

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
	_                          [blockSize - 0x44]byte
}

// journalEntry is the file that holds a journal of size bytes. It has no name.
func journalEntry(size int64) (*entry, error) {
	if size%blockSize != 0 || size < minJournal {
		return nil, fmt.Errorf("a journal of %d bytes; expected blocks of %d bytes, and %d of them or more", size, blockSize, minJournal/blockSize)
	}
	head, err := binary.Append(nil, binary.BigEndian, journalSuperblock{
		Magic: journalMagic, Type: journalSuperblockV2,
		BlockSize: blockSize, Blocks: uint32(size / blockSize), First: 1, Sequence: 1, Users: 1,
	})
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, size-int64(len(head))))), nil
	}
	return &entry{Node: Node{Path: "journal", Mode: fs.FileMode(0o600), Size: size, Open: open}, ino: journalInode, links: 1}, nil
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
