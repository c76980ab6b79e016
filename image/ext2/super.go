package ext2

import "math/bits"

// superblock is struct ext4_super_block (linux/fs/ext4/ext4.h) as far as ext2 has it.
type superblock struct {
	Inodes, Blocks, ReservedBlocks          uint32
	FreeBlocks, FreeInodes, FirstDataBlock  uint32
	LogBlockSize, LogClusterSize            uint32
	GroupBlocks, GroupClusters, GroupInodes uint32
	MountTime, WriteTime                    uint32
	Mounts, MaxMounts                       uint16
	Magic, State, Errors, MinorRevision     uint16
	LastCheck, CheckInterval                uint32
	CreatorOS, Revision                     uint32
	ReservedUID, ReservedGID                uint16
	FirstInode                              uint32
	InodeSize, Group                        uint16
	Compat, Incompat, ROCompat              uint32
	UUID, Label                             [16]byte
	_                                       [0xe0 - 0x88]byte // last mount point and others: unused
	JournalInode                            uint32
	_                                       [0xfd - 0xe4]byte
	JournalBackupType                       uint8
	_                                       [0x108 - 0xfe]byte
	MkfsTime                                uint32
	// blocks of the journal's inode, high and low half of its size
	JournalBackup       [17]uint32
	_                   [0x15c - 0x150]byte
	MinExtra, WantExtra uint16
	_                   [superSize - 0x160]byte
}

const (
	magic            = 0xef53
	stateClean       = 1
	errorsReadOnly   = 2 // a damaged disk takes no more writes; "durable" must not be said of them
	revisionDynamic  = 1
	noMountLimit     = 0xffff
	compatHasJournal = 0x4
	incompatFiletype = 0x2
	roSparseSuper    = 0x1
	roLargeFile      = 0x2
)

func newSuperblock(d *disk, table []descriptor, group int64) superblock {
	logBlock := uint32(bits.TrailingZeros64(uint64(d.block / 1024)))
	s := superblock{
		Inodes: uint32(d.groups * d.groupInodes), Blocks: uint32(d.blocks),
		FirstDataBlock: uint32(d.firstBlock()), LogBlockSize: logBlock, LogClusterSize: logBlock,
		GroupBlocks: uint32(d.groupSize()), GroupClusters: uint32(d.groupSize()),
		GroupInodes: uint32(d.groupInodes), WriteTime: d.time(), LastCheck: d.time(), MkfsTime: d.time(),
		MaxMounts: noMountLimit, Magic: magic, State: stateClean, Errors: errorsReadOnly,
		Revision: revisionDynamic, FirstInode: lostFoundInode, InodeSize: inodeSize, Group: uint16(group),
		Incompat: incompatFiletype, ROCompat: roSparseSuper | roLargeFile,
		UUID: d.opts.UUID, MinExtra: extraSize, WantExtra: extraSize,
	}
	copy(s.Label[:], d.opts.Label)
	if size := d.opts.Journal; size > 0 {
		s.Compat, s.JournalInode, s.JournalBackupType = compatHasJournal, journalInode, journalBackup
		copy(s.JournalBackup[:], d.journal[:])
		s.JournalBackup[15], s.JournalBackup[16] = uint32(size>>32), uint32(size)
	}
	for _, g := range table {
		s.FreeBlocks += uint32(g.FreeBlocks)
		s.FreeInodes += uint32(g.FreeInodes)
	}
	return s
}
