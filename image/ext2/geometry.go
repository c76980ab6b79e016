package ext2

// The constants of the format are those of linux/fs/ext4/ext4.h; the sizes are our choice.
const (
	inodeSize     = 256
	descSize      = 32
	superOffset   = 1024  // bytes before the superblock, the place of a boot loader
	superSize     = 1024  // bytes
	bytesPerInode = 32768 // half of what mke2fs makes: our files are few, and unused inodes take room too
	inodeUnit     = 16    // a group's inodes fill whole blocks of its table and bytes of its bitmap
	tailBlocks    = 50    // a last group with less room than this is not worth its tables; as mke2fs
)

// A format is the size of a block in bytes, and what follows from it.
type format struct{ block int64 }

// firstBlock is where group 0 begins: with the superblock, which shares block 0 with the place of the boot
// loader unless a block is too small for both.
func (f format) firstBlock() int64 { return superOffset / f.block }

// groupSize returns how many blocks a group has: as many as one block of bitmap has bits. It bounds the
// inodes of a group too.
func (f format) groupSize() int64 { return 8 * f.block }

// pointers returns how many block numbers are in an indirect block.
func (f format) pointers() int64 { return f.block / 4 }

// maxSize returns how many bytes a disk may have: the descriptors of all groups fill half of one.
func (f format) maxSize() int64 {
	descriptors := f.groupSize() / 2 * f.block
	return descriptors / descSize * f.groupSize() * f.block
}

// geometry says where everything but the data lies.
type geometry struct {
	format
	blocks      int64 // of the file system, those before group 0 too; a tail of the disk may be left over
	groups      int64
	descBlocks  int64 // blocks of the group descriptors
	groupInodes int64 // inodes of each group
}

// layout divides a disk of size bytes with room for at least so many inodes. It reports false when the disk
// is too small for the tables alone.
func (f format) layout(size, inodes int64) (geometry, bool) {
	g := geometry{format: f, blocks: min(size/f.block, 1<<32-1)}
	inodes = max(inodes, size/bytesPerInode)
	for g.blocks > g.firstBlock() {
		g.groups = ceilDiv(g.blocks-g.firstBlock(), g.groupSize())
		g.descBlocks = ceilDiv(g.groups*descSize, g.block)
		g.groupInodes = ceilDiv(ceilDiv(inodes, g.groups), inodeUnit) * inodeUnit
		last := g.groups - 1
		if g.groupInodes > g.groupSize() {
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
		g, ok := t.layout(blocks*t.block, t.inodes())
		switch {
		case !ok && g.groupInodes > g.groupSize():
			blocks = (g.groups + 1) * g.groupSize()
		case !ok:
			blocks += tailBlocks
		case g.free() < t.blocks():
			blocks += t.blocks() - g.free()
		default:
			return blocks * t.block
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

func (g geometry) tableBlocks() int64 { return g.groupInodes * inodeSize / g.block }

// start returns the first block of a group.
func (g geometry) start(group int64) int64 { return g.firstBlock() + group*g.groupSize() }

func (g geometry) groupBlocks(group int64) int64 {
	return min(g.groupSize(), g.blocks-g.start(group))
}

// bitmaps returns the block of a group's block bitmap; its inode bitmap and inode table follow.
func (g geometry) bitmaps(group int64) int64 {
	first := g.start(group)
	if hasSuper(group) {
		first += 1 + g.descBlocks
	}
	return first
}

// overhead returns how many blocks at the start of a group are no data.
func (g geometry) overhead(group int64) int64 {
	return g.bitmaps(group) - g.start(group) + 2 + g.tableBlocks()
}

// free returns how many blocks of the file system can hold data.
func (g geometry) free() int64 {
	n := g.blocks - g.firstBlock()
	for i := range g.groups {
		n -= g.overhead(i)
	}
	return n
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
