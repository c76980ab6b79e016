package sftp

import (
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Which attributes there are (section 5).
const (
	hasSize     = 1
	hasOwner    = 2
	hasMode     = 4
	hasTimes    = 8
	hasExtended = 1 << 31
)

// permissions are the bits of a mode that can be set.
const permissions = 0o7777

// attributes are what is known of a file, or to be set.
type attributes struct {
	flags        uint32
	size         uint64
	uid, gid     uint32
	mode         uint32
	atime, mtime uint32 // seconds since 1970
}

func (p *parser) attributes() (a attributes) {
	a.flags = p.uint32()
	if a.flags&hasSize != 0 {
		a.size = p.uint64()
	}
	if a.flags&hasOwner != 0 {
		a.uid, a.gid = p.uint32(), p.uint32()
	}
	if a.flags&hasMode != 0 {
		a.mode = p.uint32()
	}
	if a.flags&hasTimes != 0 {
		a.atime, a.mtime = p.uint32(), p.uint32()
	}
	if a.flags&hasExtended != 0 {
		for n := p.uint32(); n > 0 && !p.failed; n-- {
			_, _ = p.bytes(), p.bytes() // nobody knows any
		}
	}
	return a
}

// perm is the mode of a file that is made, or what it is without one.
func (a attributes) perm(without fs.FileMode) fs.FileMode {
	if a.flags&hasMode == 0 {
		return without
	}
	return fs.FileMode(a.mode & 0o777)
}

// times are those to be set.
func (a attributes) times() []unix.Timespec {
	return []unix.Timespec{{Sec: int64(a.atime)}, {Sec: int64(a.mtime)}}
}

// attributesOf are those of a file that is there.
func attributesOf(st *unix.Stat_t) attributes {
	return attributes{
		flags: hasSize | hasOwner | hasMode | hasTimes,
		size:  uint64(max(st.Size, 0)), uid: st.Uid, gid: st.Gid, mode: st.Mode,
		atime: uint32(st.Atim.Sec), mtime: uint32(st.Mtim.Sec),
	}
}

// append appends them to a reply.
func (a attributes) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, a.flags)
	if a.flags&hasSize != 0 {
		b = binary.BigEndian.AppendUint64(b, a.size)
	}
	if a.flags&hasOwner != 0 {
		b = binary.BigEndian.AppendUint32(b, a.uid)
		b = binary.BigEndian.AppendUint32(b, a.gid)
	}
	if a.flags&hasMode != 0 {
		b = binary.BigEndian.AppendUint32(b, a.mode)
	}
	if a.flags&hasTimes != 0 {
		b = binary.BigEndian.AppendUint32(b, a.atime)
		b = binary.BigEndian.AppendUint32(b, a.mtime)
	}
	return b
}
