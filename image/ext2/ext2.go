// Package ext2 writes an ext2 file system from a description of its tree.
//
// The same nodes and Options give the same bytes whoever writes them, where and when: what mke2fs takes
// from the clock, the random pool and the source's inodes are arguments here. It needs no privilege, and
// the result passes e2fsck -fn without a remark. The file system is revision 1 with blocks of 1 or 4 KiB,
// 256-byte inodes (times beyond 2038) and the features filetype, sparse_super and large_file.
//
// With a journal it is what is also called ext3, which a driver of ext2 still reads. A disk that is written
// to needs one: without, the ext4 driver of Linux 6.1 can lose what fsync(2) has said to be there.
//
// Left out, because an appliance's disk has no use for them: hard links, extended attributes, holes in
// files, hashed directories, resizing in place.
package ext2

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Node is one inode with its place in the tree. The root directory is "."; when it is not given it belongs
// to root with mode 0755. /lost+found is made by Write.
type Node struct {
	Path     string      // slash-separated, relative to the root, as fs.ValidPath wants it
	Mode     fs.FileMode // type and permission bits, set-uid, set-gid and sticky included
	UID, GID uint32

	// regular files: bytes that Open's reader yields, neither more nor less
	Size int64
	Open func() (io.ReadCloser, error) // regular files; may be nil when Size is 0

	Link         string // symbolic links: the target, shorter than a block
	Major, Minor uint32 // devices: below 4096 and 2^20
}

// Dir describes a directory that root owns.
func Dir(path string, perm fs.FileMode) Node {
	return Node{Path: path, Mode: fs.ModeDir | perm}
}

// File describes a regular file that root owns.
func File(path string, perm fs.FileMode, content []byte) Node {
	return Node{Path: path, Mode: perm, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

// Symlink describes a symbolic link that root owns.
func Symlink(path, target string) Node {
	return Node{Path: path, Mode: fs.ModeSymlink | 0o777, Link: target}
}

// Options are what the file system has besides its tree.
type Options struct {
	Size int64 // bytes of the disk
	// BlockSize is 1024 or 4096 bytes. With the smaller one less is lost at the end of each file, and the
	// least journal is a quarter of the other's; the kernel mounts it on no disk whose sectors are larger.
	BlockSize int64
	Label     string    // volume label, at most 16 bytes
	UUID      [16]byte  // identifies the volume
	Time      time.Time // of every inode and of the superblock; between 1970 and 2038
	Journal   int64     // bytes of the journal: 0 for none, else MinJournal blocks or more
}

// SizeError tells that the tree does not fit. Both sizes are those of the whole disk, in bytes.
type SizeError struct{ Need, Have int64 }

func (e *SizeError) Error() string {
	const mib = 1 << 20
	return fmt.Sprintf("the tree needs %d MiB, the disk has %d MiB", (e.Need+mib-1)/mib, e.Have/mib)
}

// Write writes the file system to w, which must read as zeros where nothing is written (a new file truncated
// to o.Size): blocks of zeros are left out, so the file is sparse. The order of nodes does not matter. The
// error is a *SizeError when the disk is too small, otherwise it names the node that cannot be written.
func Write(w io.WriterAt, nodes []Node, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	t, err := newTree(nodes, o)
	if err != nil {
		return err
	}
	g, ok := t.layout(o.Size, t.inodes())
	if !ok || g.free() < t.blocks() {
		return &SizeError{Need: minSize(t), Have: o.Size}
	}
	d := &disk{w: w, geometry: g, opts: o, next: g.firstBlock()}
	for _, e := range t.stored() {
		if err := d.writeEntry(e); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return d.writeGroups(t)
}

// MinSize returns the size in bytes of the smallest disk that Write can write these nodes to with o, whose
// own Size does not matter; a disk of this size has next to no room for more.
func MinSize(nodes []Node, o Options) (int64, error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	t, err := newTree(nodes, o)
	if err != nil {
		return 0, err
	}
	return minSize(t), nil
}

func (o Options) check() error {
	if o.BlockSize != 1024 && o.BlockSize != 4096 {
		return fmt.Errorf("blocks of %d bytes; expected 1024 or 4096", o.BlockSize)
	}
	if most := (format{o.BlockSize}).maxSize(); o.Size > most {
		return fmt.Errorf("a disk of %d bytes; with blocks of %d expected %d at most", o.Size, o.BlockSize,
			most)
	}
	if len(o.Label) > 16 {
		return fmt.Errorf("volume label %q is longer than 16 bytes", o.Label)
	}
	if s := o.Time.Unix(); s <= 0 || s > 1<<31-1 {
		return fmt.Errorf("time %s is not between 1970 and 2038", o.Time.UTC().Format(time.DateOnly))
	}
	return nil
}
