package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/upload"
)

// A handle is a file or a directory that a client has opened.
//
//	open ─► upload: not there under its name ── close ─► there ─┐
//	        in place, or a directory ────────── close ──────────┼─► closed
//	        any ── the client goes away ─► what was there before┘
type handle struct {
	*os.File
	upload      *upload.File // nil: it is in place
	read, write bool
	end         bool     // what is written goes to the end
	names       []string // of a directory: "." and ".."
	directory   bool
}

func (s *server) discard() {
	for _, h := range s.handles {
		if h.upload != nil {
			h.upload.Discard()
		} else {
			h.Close()
		}
	}
}

// keep replies with a handle, if there may be one more.
func (s *server) keep(r *request, h *handle) {
	s.last++
	name := strconv.FormatUint(s.last, 10)
	s.handles[name] = h
	s.to(r, kindHandle)
	s.string(name)
}

// room reports whether something more may be opened.
func (s *server) room() error {
	if len(s.handles) >= maxOpen {
		return fmt.Errorf("%d files are open, which is all that may be", maxOpen)
	}
	return nil
}

var errNoHandle = errors.New("no such handle")

// handle is one of a request.
func (s *server) handle(r *request) (*handle, error) {
	h, ok := s.handles[r.handle]
	if !ok {
		return nil, errNoHandle
	}
	return h, nil
}

// uploading is the file of that name that is being uploaded, nil if none is.
func (s *server) uploading(name string) *upload.File {
	for _, h := range s.handles {
		if h.upload != nil && absolute(h.upload.Path) == absolute(name) {
			return h.upload
		}
	}
	return nil
}

// absolute is a name as the same file is always called, but for links.
func absolute(name string) string {
	if path, err := filepath.Abs(name); err == nil {
		return path
	}
	return name
}

func (s *server) open(r *request) error {
	if err := s.room(); err != nil {
		return err
	}
	h := &handle{read: r.flags&openRead != 0, write: r.flags&openWrite != 0, end: r.flags&openAppend != 0}
	name := r.path
	if f := s.uploading(name); f != nil && r.flags&(openTruncate|openNew) == 0 {
		name = fmt.Sprintf("/proc/self/fd/%d", f.OS.Fd())
	}
	var err error
	begin := how(name, r.flags)
	if begin != nil {
		if h.upload, err = begin(name, r.attrs.perm(0o666)); err == nil {
			h.File = h.upload.OS
		}
	} else {
		h.File, err = os.OpenFile(name, mode(h, r.flags), r.attrs.perm(0o666))
	}
	if err != nil {
		return err
	}
	s.keep(r, h)
	return nil
}

// how returns how an upload begins that a client opens so, nil if it is none.
func how(name string, flags uint32) func(string, fs.FileMode) (*upload.File, error) {
	has := func(flag uint32) bool { return flags&flag != 0 }
	if !has(openWrite) || has(openNew) || !has(openCreate|openTruncate) {
		return nil
	}
	var st unix.Stat_t
	err := unix.Stat(name, &st)
	switch {
	case errors.Is(err, unix.ENOENT) && has(openCreate), err == nil && has(openTruncate):
		return upload.Create
	case err == nil && !has(openAppend|openRead):
		return upload.Change
	}
	return nil
}

// mode is that of open(2). A FIFO is not waited for.
func mode(h *handle, flags uint32) int {
	m := os.O_RDONLY
	if h.write {
		m = os.O_WRONLY
	}
	if h.read && h.write {
		m = os.O_RDWR
	}
	for _, f := range []struct {
		flag uint32
		bit  int
	}{{openAppend, os.O_APPEND}, {openCreate, os.O_CREATE}, {openTruncate, os.O_TRUNC},
		{openNew, os.O_EXCL}} {
		if flags&f.flag != 0 && (h.write || f.flag != openTruncate) {
			m |= f.bit
		}
	}
	return m | unix.O_NONBLOCK | unix.O_NOCTTY
}

// close ends a handle; an upload is there when it has been answered.
func (s *server) close(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	delete(s.handles, r.handle)
	if h.upload != nil {
		return h.upload.Commit()
	}
	return h.Close()
}

func (s *server) readFile(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	if !h.read {
		return unix.EBADF
	}
	const head = 4 + 1 + 4 + 4 // of the packet, before the data
	n := int(min(r.length, maxRead))
	s.to(r, kindData)
	s.uint32(0)
	for cap(s.reply) < head+n {
		s.reply = append(s.reply[:cap(s.reply)], 0)[:head]
	}
	n, err = h.ReadAt(s.reply[head:head+n], int64(r.offset))
	if n == 0 && r.length > 0 {
		if err == nil {
			err = io.EOF
		}
		return err
	}
	s.reply = s.reply[:head-4]
	s.uint32(uint32(n))
	s.reply = s.reply[:head+n]
	return nil
}

func (s *server) writeFile(r *request) error {
	h, err := s.handle(r)
	if err != nil {
		return err
	}
	return h.put(r.data, int64(r.offset))
}

// put writes at an offset, or at the end if that is how it was opened.
func (h *handle) put(data []byte, offset int64) (err error) {
	switch {
	case !h.write:
		return unix.EBADF
	case h.end:
		return h.append(data)
	case h.upload != nil:
		_, err = h.upload.WriteAt(data, offset)
	default:
		_, err = h.WriteAt(data, offset)
	}
	return err
}

// copyData copies from one open file to another.
func (s *server) copyData(r *request) error {
	from, err := s.handle(r)
	if err != nil {
		return err
	}
	to, ok := s.handles[r.to]
	switch {
	case !ok:
		return errNoHandle
	case to == from:
		return unix.EINVAL // what is read would be what was written
	case !from.read:
		return unix.EBADF
	}
	left, at := int64(min(r.span, math.MaxInt64)), int64(r.offset)
	if left == 0 {
		left = math.MaxInt64
	}
	buffer := make([]byte, 64<<10)
	for put := int64(r.at); left > 0; {
		n, err := from.ReadAt(buffer[:min(left, int64(len(buffer)))], at)
		if n > 0 {
			if err := to.put(buffer[:n], put); err != nil {
				return err
			}
		}
		left, at, put = left-int64(n), at+int64(n), put+int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// append writes at the end, wherever the client says. A file that is in place was opened so.
func (h *handle) append(data []byte) error {
	if h.upload == nil {
		_, err := h.Write(data)
		return err
	}
	if _, err := h.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	_, err := h.upload.Write(data)
	return err
}
