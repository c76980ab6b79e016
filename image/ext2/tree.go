package ext2

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	rootInode      = 2
	lostFoundInode = 11 // the first that is not reserved
	lostFound      = "lost+found"
	lostFoundSize  = 16 << 10 // e2fsck must find room here on a full disk

	maxName        = 255
	maxLinks       = 32000     // EXT2_LINK_MAX
	maxFileSectors = 1<<32 - 1 // i_blocks counts sectors of 512 bytes in 32 bits
	direct         = 12        // blocks that the inode itself names; EXT2_NDIR_BLOCKS
	fastLink       = 60        // shorter targets live in the inode
)

// An entry is a node with what depends on its neighbours.
type entry struct {
	Node
	ino      uint32
	links    uint16
	parent   *entry // the root's is itself
	children []*entry
	data     []byte // directories and slow symbolic links
}

// A tree is complete: every entry's parent is in it, and numbered from the root in the order of the paths.
type tree struct {
	format
	entries []*entry
	byPath  map[string]*entry
	journal *entry // nil for none
}

func newTree(nodes []Node, o Options) (*tree, error) {
	t := &tree{format: format{o.BlockSize}, byPath: map[string]*entry{}}
	if o.Journal != 0 {
		var err error
		if t.journal, err = t.journalEntry(o.Journal); err != nil {
			return nil, err
		}
	}
	sorted := slices.Clone(nodes)
	if !slices.ContainsFunc(sorted, func(n Node) bool { return n.Path == "." }) {
		sorted = append(sorted, Dir(".", 0o755))
	}
	slices.SortStableFunc(sorted, func(a, b Node) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Path, b.Path))
	})
	for _, n := range slices.Insert(sorted, 1, Dir(lostFound, 0o700)) {
		if err := t.add(n); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	for _, e := range t.entries {
		t.render(e)
	}
	return t, nil
}

// rank puts the root before every name, also before those that sort below ".".
func rank(n Node) int {
	if n.Path == "." {
		return 0
	}
	return 1
}

func (t *tree) add(n Node) error {
	e := &entry{Node: n, links: 1, ino: uint32(lostFoundInode - 1 + len(t.entries))}
	if n.Path == "." {
		e.ino, e.parent = rootInode, e
	} else {
		e.parent = t.byPath[path.Dir(n.Path)]
	}
	if err := t.check(e); err != nil {
		return err
	}
	if n.Mode.IsDir() {
		e.links = 2
	}
	if e.parent != e {
		e.parent.children = append(e.parent.children, e)
		e.parent.links += e.links - 1 // a subdirectory's ".."
	}
	t.entries = append(t.entries, e)
	t.byPath[n.Path] = e
	return nil
}

func (t *tree) check(e *entry) error {
	switch {
	case !fs.ValidPath(e.Path) || strings.ContainsRune(e.Path, 0):
		return errors.New("not a path relative to the root")
	case t.byPath[e.Path] != nil:
		return errors.New("twice in the tree")
	case len(path.Base(e.Path)) > maxName:
		return fmt.Errorf("the name is longer than %d bytes", maxName)
	case e.parent == e && !e.Mode.IsDir():
		return errors.New("the root is not a directory")
	case e.parent == nil || !e.parent.Mode.IsDir():
		return errors.New("its directory is not in the tree")
	case e.Mode.IsDir() && e.parent.links >= maxLinks:
		return fmt.Errorf("its directory has more than %d subdirectories", maxLinks-2)
	}
	return t.checkType(e)
}

func (f format) checkType(e *entry) error {
	switch e.Mode.Type() {
	case 0:
		if e.Size < 0 || e.Open == nil && e.Size != 0 {
			return errors.New("a file without content")
		}
		if !f.holds(e.Size) {
			return fmt.Errorf("%d bytes are more than a file can hold", e.Size)
		}
	case fs.ModeSymlink:
		if len(e.Link) == 0 || int64(len(e.Link)) >= f.block {
			return fmt.Errorf("a symbolic link of %d bytes; expected 1 to %d", len(e.Link), f.block-1)
		}
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		if e.Major >= 1<<12 || e.Minor >= 1<<20 {
			return fmt.Errorf("no device has the number %d:%d", e.Major, e.Minor)
		}
	case fs.ModeDir, fs.ModeNamedPipe:
	default:
		return fmt.Errorf("a node of type %v cannot be written", e.Mode.Type())
	}
	return nil
}

// render fixes the data of what has no Open of its own.
func (f format) render(e *entry) {
	switch {
	case e.Mode.IsDir():
		e.data = f.directory(e)
		e.Size = int64(len(e.data))
	case e.Mode.Type() == fs.ModeSymlink:
		e.Size = int64(len(e.Link))
		if e.Size >= fastLink {
			e.data = []byte(e.Link)
		}
	case !e.Mode.IsRegular():
		e.Size = 0
	}
}

// content returns how many bytes of data blocks the entry has.
func (e *entry) content() int64 {
	if e.Mode.IsRegular() {
		return e.Size
	}
	return int64(len(e.data))
}

// stored returns all that has an inode, in the order in which it lies on the disk.
func (t *tree) stored() []*entry {
	if t.journal == nil {
		return t.entries
	}
	return append([]*entry{t.journal}, t.entries...)
}

// inodes returns how many inodes the tree needs: its own, those reserved, and some to work with.
func (t *tree) inodes() int64 {
	n := int64(len(t.entries)) + lostFoundInode - 2
	return n + n/8 + 32
}

// blocks returns how many blocks the content of the tree takes, indirect blocks included.
func (t *tree) blocks() int64 {
	var n int64
	for _, e := range t.stored() {
		data := t.dataBlocks(e.content())
		n += data + t.indirectBlocks(data)
	}
	return n
}

func (f format) dataBlocks(size int64) int64 { return ceilDiv(size, f.block) }

// holds reports whether a file can have so many bytes: three levels of indirect blocks lead to them, and the
// inode can count them all.
func (f format) holds(size int64) bool {
	data, p := f.dataBlocks(size), f.pointers()
	return data <= direct+p+p*p+p*p*p && (data+f.indirectBlocks(data))*f.block/512 <= maxFileSectors
}

// indirectBlocks returns how many indirect blocks of all three levels a file of so many data blocks has.
func (f format) indirectBlocks(data int64) int64 {
	var n int64
	data -= direct
	p := f.pointers()
	for reach := p; data > 0 && reach <= p*p*p; reach *= p {
		for level := reach; level >= p; level /= p {
			n += ceilDiv(min(data, reach), level)
		}
		data -= reach
	}
	return n
}
