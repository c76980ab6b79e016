// Package image says what is on the appliance's disk: every file of the root tree with its owner and mode,
// the file systems that hold them, the manifest that describes it all, and the Xen domain that runs it.
//
// All of it is computed from an Input; nothing is looked up on this machine, no clock is read, and the same
// Input gives the same bytes. Making the parts (userland, kernel), writing the file systems (ext2) and
// putting the files in their places (cmd/mkimage) is done elsewhere.
package image

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/site"
)

// Input is what an image is made of.
type Input struct {
	Site      *site.Site
	SiteFiles map[string][]byte // the files of the site, as they go onto the disk; see bundle.Read
	Programs  []Program         // all that runs there, but for e2fsck
	E2fsck    []byte            // a static e2fsck
	Version   string            // of the sources, for people
	Kernel    []byte            // goes onto the disk too, with a menu for GRUB; nil: it does not
}

// A Program is a static binary of our own, in /bin.
type Program struct {
	Name     string
	Content  []byte
	Commands []string // the other names that it may be called by
}

const (
	mib = 1 << 20

	// headroom is what the root disk has beyond its content, for the case that /perm lives on it.
	headroom = 2 * mib

	// permBlock is the size of a block of the disk for /perm in bytes: one that every disk takes, because
	// that disk may be copied to another.
	permBlock = 4096

	// PermSize is the size in bytes of the disk for /perm that comes with an image.
	PermSize = 16 * mib
)

// fileTime is the time of every file. Init may take it as a lower bound for the clock.
func fileTime() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// RootDisk returns how the file system for tree is to be made; size is that of the disk in bytes, or 0 for
// the content and a little room. Its UUID is derived from the tree.
//
// Its blocks are the smallest that a disk takes whose sectors have so many bytes, 512 or 4096. Its journal,
// for the changes that a power cut may interrupt, is the least that the kernel takes.
func RootDisk(tree []ext2.Node, size, sector int64) (ext2.Options, error) {
	if size%sector != 0 {
		return ext2.Options{}, fmt.Errorf("a disk of %d bytes has no whole number of sectors of %d bytes",
			size, sector)
	}
	records, err := describe(tree)
	if err != nil {
		return ext2.Options{}, err
	}
	content, err := json.Marshal(records)
	if err != nil {
		return ext2.Options{}, err
	}
	o := options("gatehouse", uuid(content), max(1024, sector))
	if o.Size = size; size == 0 {
		least, err := ext2.MinSize(tree, o)
		if err != nil {
			return ext2.Options{}, err
		}
		o.Size = (least + headroom + mib - 1) / mib * mib
	}
	return o, nil
}

// PermDisk returns how the empty file system for the site's /perm is to be made. Init finds it by its label.
func PermDisk(s *site.Site) ext2.Options {
	o := options("perm", uuid([]byte("perm "+s.Name+"."+s.Domain)), permBlock)
	o.Size = PermSize
	return o
}

func options(label string, id [16]byte, block int64) ext2.Options {
	return ext2.Options{BlockSize: block, Label: label, UUID: id, Time: fileTime(),
		Journal: ext2.MinJournal * block}
}

// uuid derives a UUID from content (RFC 9562 version 8).
func uuid(content []byte) [16]byte {
	sum := sha256.Sum256(content)
	id := [16]byte(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
