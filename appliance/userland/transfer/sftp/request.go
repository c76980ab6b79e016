package sftp

import (
	"encoding/binary"
	"errors"
)

// Kinds of packets (draft-ietf-secsh-filexfer-02 section 3).
const (
	kindInit     = 1
	kindVersion  = 2
	kindOpen     = 3
	kindClose    = 4
	kindRead     = 5
	kindWrite    = 6
	kindLstat    = 7
	kindFstat    = 8
	kindSetstat  = 9
	kindFsetstat = 10
	kindOpendir  = 11
	kindReaddir  = 12
	kindRemove   = 13
	kindMkdir    = 14
	kindRmdir    = 15
	kindRealpath = 16
	kindStat     = 17
	kindRename   = 18
	kindReadlink = 19
	kindSymlink  = 20

	kindStatus   = 101
	kindHandle   = 102
	kindData     = 103
	kindName     = 104
	kindAttrs    = 105
	kindExtended = 200
	kindAnswer   = 201 // to an extended one
)

// How a file is opened (section 6.3).
const (
	openRead     = 1
	openWrite    = 2
	openAppend   = 4
	openCreate   = 8
	openTruncate = 16
	openNew      = 32 // SSH_FXF_EXCL
)

var errMalformed = errors.New("malformed packet")

// A request is what a client wants, of any kind: the fields that it has not are zero.
type request struct {
	kind     byte
	id       uint32
	extended string // which one, of kindExtended
	path     string
	other    string // the second of two
	handle   string
	flags    uint32
	attrs    attributes
	offset   uint64
	length   uint32
	data     []byte // part of the packet

	users, groups []uint32
	span          uint64 // bytes of a copy; 0: up to the end
	to            string // the handle that it goes to, and from where on
	at            uint64
}

// parse reads a packet behind its length. An id that is there is in the request with an error too.
func parse(packet []byte) (r request, err error) {
	p := parser{rest: packet}
	r.kind, r.id = p.byte(), p.uint32()
	switch r.kind {
	case kindOpen:
		r.path, r.flags, r.attrs = p.path(), p.uint32(), p.attributes()
	case kindClose, kindFstat, kindReaddir:
		r.handle = p.string()
	case kindRead:
		r.handle, r.offset, r.length = p.string(), p.uint64(), p.uint32()
	case kindWrite:
		r.handle, r.offset, r.data = p.string(), p.uint64(), p.bytes()
	case kindLstat, kindStat, kindOpendir, kindRemove, kindRmdir, kindRealpath, kindReadlink:
		r.path = p.path()
	case kindSetstat, kindMkdir:
		r.path, r.attrs = p.path(), p.attributes()
	case kindFsetstat:
		r.handle, r.attrs = p.string(), p.attributes()
	case kindRename, kindSymlink:
		r.path, r.other = p.path(), p.path()
	case kindExtended:
		r.extended = p.string()
		p.extended(&r)
	}
	if p.failed {
		err = errMalformed
	}
	return r, err
}

// extended reads those that are known (OpenSSH, PROTOCOL section 4; draft-ietf-secsh-filexfer-extensions-00
// for copy-data).
func (p *parser) extended(r *request) {
	switch r.extended {
	case "posix-rename@openssh.com", "hardlink@openssh.com":
		r.path, r.other = p.path(), p.path()
	case "statvfs@openssh.com", "expand-path@openssh.com":
		r.path = p.path()
	case "fstatvfs@openssh.com", "fsync@openssh.com":
		r.handle = p.string()
	case "lsetstat@openssh.com":
		r.path, r.attrs = p.path(), p.attributes()
	case "copy-data":
		r.handle, r.offset, r.span, r.to, r.at = p.string(), p.uint64(), p.uint64(), p.string(), p.uint64()
	case "users-groups-by-id@openssh.com":
		r.users, r.groups = p.ids(), p.ids()
	}
}

// A parser reads what a packet has. What is behind its end is zero, and noted.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) take(n int) []byte {
	if n > len(p.rest) {
		p.failed, p.rest = true, nil
		return make([]byte, 8)
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) byte() byte     { return p.take(1)[0] }
func (p *parser) uint32() uint32 { return binary.BigEndian.Uint32(p.take(4)) }
func (p *parser) uint64() uint64 { return binary.BigEndian.Uint64(p.take(8)) }

func (p *parser) bytes() []byte {
	n := p.uint32()
	if uint64(n) > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return nil
	}
	return p.take(int(n))
}

func (p *parser) string() string { return string(p.bytes()) }

// ids are as many as there is room for.
func (p *parser) ids() (all []uint32) {
	list := parser{rest: p.bytes()}
	for len(list.rest) > 0 && !list.failed {
		all = append(all, list.uint32())
	}
	p.failed = p.failed || list.failed
	return all
}

// path is a name of a file. None has a byte of zero; the empty one is where the session is.
func (p *parser) path() string {
	s := p.string()
	for i := range len(s) {
		p.failed = p.failed || s[i] == 0
	}
	if s == "" {
		return "."
	}
	return s
}
