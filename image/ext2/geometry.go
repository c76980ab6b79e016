package ext2

// The constants of the format are those of linux/fs/ext4/ext4.h; the sizes are our choice.
const (
	blockSize      = 4096
	blocksPerGroup = 8 * blockSize // one block of block bitmap
	inodeSize      = 256
	inodesPerBlock = blockSize / inodeSize
	maxGroupInodes = 8 * blockSize // one block of inode bitmap
	descSize       = 32
	bytesPerInode  = 16384 // as mke2fs for a file system of this size
	tailBlocks     = 50    // a last group with less room than this is not worth its tables; as mke2fs
)

// geometry says where everything but the data lies. The zeroth group begins with the zeroth block, because
// with 4 KiB blocks the boot sector and the superblock share one.
type geometry struct {
	blocks      int64 // of the file system; a tail of the disk may be left over
	groups      int64
	descBlocks  int64 // blocks of the group descriptors
	groupInodes int64 // inodes of each group
}

// layout divides a disk of size bytes with room for at least so many inodes. It reports false when the disk
// is too small for the tables alone.
func layout(size, inodes int64) (geometry, bool) {
	g := geometry{blocks: min(size/blockSize, 1<<32-1)}
	inodes = max(inodes, size/bytesPerInode)
	for g.blocks > 0 {
		g.groups = ceilDiv(g.blocks, blocksPerGroup)
		g.descBlocks = ceilDiv(g.groups*descSize, blockSize)
		g.groupInodes = ceilDiv(ceilDiv(inodes, g.groups), inodesPerBlock) * inodesPerBlock
		last := g.groups - 1
		if g.groupInodes > maxGroupInodes {
			return g, false
		}
		if g.groupBlocks(last) >= g.overhead(last)+tailBlocks {
			return g, true
		}
		g.blocks -= g.groupBlocks(last)
	}
	return g, false
}

// minSize finds the smallest disk for t by growing a guess by what it lacks.
func minSize(t *tree) int64 {
	blocks := t.blocks() + tailBlocks
	for {
		g, ok := layout(blocks*blockSize, t.inodes())
		switch {
		case !ok && g.groupInodes > maxGroupInodes:
			blocks = (g.groups + 1) * blocksPerGroup
		case !ok:
			blocks += tailBlocks
		case g.free() < t.blocks():
			blocks += t.blocks() - g.free()
		default:
			return blocks * blockSize
		}
	}
}

// hasSuper reports whether a group keeps a copy of the superblock and the descriptors: with sparse_super
// these are groups 0, 1 and the powers of 3, 5 and 7.
func hasSuper(group int64) bool {
	if group <= 1 {
		return true
	}
	for _, base := range []int64{3, 5, 7} {
		n := base
		for n < group {
			n *= base
		}
		if n == group {
			return true
		}
	}
	return false
}

func (g geometry) tableBlocks() int64 { return g.groupInodes / inodesPerBlock }

func (g geometry) groupBlocks(group int64) int64 {
	return min(blocksPerGroup, g.blocks-group*blocksPerGroup)
}

// bitmaps returns the block of a group's block bitmap; its inode bitmap and inode table follow.
func (g geometry) bitmaps(group int64) int64 {
	first := group * blocksPerGroup
	if hasSuper(group) {
		first += 1 + g.descBlocks
	}
	return first
}

// overhead returns how many blocks at the start of a group are no data.
func (g geometry) overhead(group int64) int64 {
	return g.bitmaps(group) - group*blocksPerGroup + 2 + g.tableBlocks()
}

// free returns how many blocks of the file system can hold data.
func (g geometry) free() int64 {
	n := g.blocks
	for i := range g.groups {
		n -= g.overhead(i)
	}
	return n
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
