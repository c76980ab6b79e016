package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A newc is a header of a cpio archive of that format, which is the kernel's for initramfs: "070701", or
// "070702" with a sum, thirteen numbers of eight hexadecimal digits, and the name (Linux,
// Documentation/driver-api/early-userspace/ buffer-format.rst). Name and content are filled up with zeros to
// four bytes.
type newc struct {
	inode, mode, uid, gid, links, time, size uint32
	devMajor, devMinor                       uint32 // of the file system
	major, minor                             uint32 // of a device
	name                                     string
}

const (
	trailer    = "TRAILER!!!" // the name of the last header
	newcHeader = 110
	newcName   = 8192 // bytes of a name at most, with a zero behind it
)

func (n *newc) numbers() []*uint32 {
	return []*uint32{
		&n.inode, &n.mode, &n.uid, &n.gid, &n.links, &n.time, &n.size, &n.devMajor, &n.devMinor, &n.major,
		&n.minor,
	}
}

// appendTo appends the header to b.
func (n *newc) appendTo(b []byte) []byte {
	from := len(b)
	b = append(b, "070701"...)
	for _, number := range n.numbers() {
		b = fmt.Appendf(b, "%08X", *number)
	}
	b = fmt.Appendf(b, "%08X%08X%s\x00", len(n.name)+1, 0, n.name)
	return append(b, make([]byte, padding(int64(len(b)-from)))...)
}

// padding is how many zeros follow so many bytes.
func padding(size int64) int64 { return -size & 3 }

// A newcReader reads a cpio archive.
type newcReader struct {
	r    *bufio.Reader
	read int64 // bytes
}

// next reads a header. Its error is io.EOF where the archive ends without its trailer, before anything of
// another header.
func (r *newcReader) next() (*newc, error) {
	header := make([]byte, newcHeader)
	if err := r.full(header); err != nil {
		return nil, err
	}
	if magic := string(header[:6]); magic != "070701" && magic != "070702" {
		return nil, errors.New("this is no cpio archive of the format newc or crc, or it is damaged")
	}
	n := &newc{}
	var length, sum uint32
	for i, number := range append(n.numbers(), &length, &sum) {
		digits := string(header[6+8*i : 6+8*i+8])
		value, err := strconv.ParseUint(digits, 16, 32)
		if err != nil {
			return nil, fmt.Errorf("the archive is damaged: %q is no number", digits)
		}
		*number = uint32(value)
	}
	if length == 0 || length > newcName {
		return nil, fmt.Errorf("the archive is damaged: a name of %d bytes", length)
	}
	name := make([]byte, int64(length)+padding(newcHeader+int64(length)))
	if err := r.full(name); err != nil {
		return nil, cut(err)
	}
	n.name, _, _ = strings.Cut(string(name[:length]), "\x00")
	return n, nil
}

// full fills b.
func (r *newcReader) full(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.read += int64(n)
	if err == io.ErrUnexpectedEOF {
		return cut(err)
	}
	return err
}

func cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the archive is cut off")
	}
	return err
}

// content is what follows the header; whoever asks for it reads it, and then calls end.
func (r *newcReader) content(n *newc) *io.LimitedReader {
	return &io.LimitedReader{R: exact{r}, N: int64(n.size)}
}

// end goes to the next header.
func (r *newcReader) end(n *newc, content *io.LimitedReader) error {
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	return cut(r.full(make([]byte, padding(int64(n.size)))))
}

// An exact reads of an archive what there must be.
type exact struct{ r *newcReader }

// Read implements io.Reader.
func (e exact) Read(p []byte) (int, error) {
	n, err := e.r.r.Read(p)
	e.r.read += int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// newcOf is a file as a header.
func newcOf(name string, st *unix.Stat_t) (*newc, error) {
	n := &newc{
		inode: uint32(st.Ino), mode: st.Mode, uid: st.Uid, gid: st.Gid, links: uint32(st.Nlink),
		time: uint32(st.Mtim.Sec), devMajor: unix.Major(st.Dev), devMinor: unix.Minor(st.Dev),
		major: unix.Major(st.Rdev), minor: unix.Minor(st.Rdev), name: name,
	}
	if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFREG || kind == unix.S_IFLNK {
		if n.size = uint32(st.Size); int64(n.size) != st.Size {
			return nil, errors.New("a cpio archive has no files of 4 GB and more")
		}
	}
	if len(name) >= newcName {
		return nil, errors.New("the name is too long")
	}
	return n, nil
}
