// Package sftp is the server of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02,
// which is what clients speak), with OpenSSH's extensions, on a pair of pipes: for all that the user of its
// process may do.
//
// A file that is opened as one that may be new is uploaded as package upload has it: the name is there, or
// has the new file, when the client closes it; whoever goes away before leaves nothing. For its own session
// the file is there at once. What the client says of it by how it opens the file:
//
//	CREAT, and none is there      put, scp           uploaded
//	TRUNC                         put                uploaded
//	CREAT, and one is there       scp of OpenSSH     a copy of it is changed, and uploaded
//	APPEND, and one is there      put -a             in place: what has come stays if the rest does not
//	without CREAT and TRUNC       reput of psftp     in place, the same
//	READ, and one is there        editors, sshfs     in place
//	EXCL                          locks              in place: nobody else may have the name from now on
//
// Bounded are the length of a packet, what is read by one, and the files that are open. Requests are carried
// out one after the other, in their order. It leaves to others: who may have a session, and its end.
package sftp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Our own choices, which are OpenSSH's: bytes of a packet, and of what is read with one.
const (
	maxPacket = 256 << 10
	maxRead   = maxPacket - 1<<10
	maxOpen   = 128 // files and directories at the same time
)

const version = 3

// Codes of a status (section 7).
const (
	statusOK          = 0
	statusEOF         = 1
	statusNoFile      = 2
	statusDenied      = 3
	statusFailure     = 4
	statusBadMessage  = 5
	statusUnsupported = 8
)

// errUnsupported is the answer to what nobody knows.
var errUnsupported = errors.New("not supported")

// A server is one session.
type server struct {
	in      *bufio.Reader
	out     *bufio.Writer
	packet  []byte // the request
	reply   []byte // made of it
	owners  owners
	handles map[string]*handle
	last    uint64 // handle
}

// Serve answers what comes from r until it ends, and returns why that was no orderly end.
func Serve(r io.Reader, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	s := &server{in: bufio.NewReaderSize(&flushing{r, out}, 64<<10), out: out, handles: map[string]*handle{}}
	defer s.discard()
	if err := s.greet(); err != nil {
		return err
	}
	for {
		if err := s.read(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, out.Flush())
		}
		s.answer()
		if _, err := out.Write(s.reply); err != nil {
			return err
		}
	}
}

// flushing is a reader before whose waits everything is written.
type flushing struct {
	r   io.Reader
	out *bufio.Writer
}

func (f *flushing) Read(p []byte) (int, error) {
	if err := f.out.Flush(); err != nil {
		return 0, err
	}
	return f.r.Read(p)
}

// read reads a packet. io.EOF is the end between two.
func (s *server) read() error {
	var head [4]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxPacket {
		return fmt.Errorf("a packet of %d bytes: expected 1 to %d", n, maxPacket)
	}
	if uint32(cap(s.packet)) < n {
		s.packet = make([]byte, n)
	}
	s.packet = s.packet[:n]
	if _, err := io.ReadFull(s.in, s.packet); err != nil {
		return fmt.Errorf("within a packet: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// greet agrees on the version (section 4), and says which extensions there are.
func (s *server) greet() error {
	if err := s.read(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // who only looks whether somebody is there
		}
		return err
	}
	if s.packet[0] != kindInit {
		return fmt.Errorf("a packet of kind %d: expected %d (SSH_FXP_INIT)", s.packet[0], kindInit)
	}
	s.begin(kindVersion)
	s.uint32(version)
	for _, extension := range [][2]string{ // with its version
		{"copy-data", "1"}, {"expand-path@openssh.com", "1"}, {"fstatvfs@openssh.com", "2"},
		{"fsync@openssh.com", "1"},
		{"hardlink@openssh.com", "1"}, {"limits@openssh.com", "1"}, {"lsetstat@openssh.com", "1"},
		{"posix-rename@openssh.com", "1"}, {"statvfs@openssh.com", "2"}, {"users-groups-by-id@openssh.com", "1"},
	} {
		s.string(extension[0])
		s.string(extension[1])
	}
	s.end()
	_, err := s.out.Write(s.reply)
	return err
}

// answer makes the reply to the packet.
func (s *server) answer() {
	r, err := parse(s.packet)
	s.begin(kindStatus)
	if err == nil {
		err = s.carryOut(&r)
	}
	if err != nil || s.reply[4] == kindStatus {
		s.status(r.id, err)
	}
	s.end()
}

// begin begins a reply of a kind.
func (s *server) begin(kind byte) { s.reply = append(s.reply[:0], 0, 0, 0, 0, kind) }

// end gives the reply its length.
func (s *server) end() { binary.BigEndian.PutUint32(s.reply, uint32(len(s.reply)-4)) }

// to begins the reply to a request.
func (s *server) to(r *request, kind byte) {
	s.begin(kind)
	s.uint32(r.id)
}

func (s *server) uint32(n uint32) { s.reply = binary.BigEndian.AppendUint32(s.reply, n) }
func (s *server) uint64(n uint64) { s.reply = binary.BigEndian.AppendUint64(s.reply, n) }

// put puts a number where room was left for it.
func (s *server) put(at int, n uint32) { binary.BigEndian.PutUint32(s.reply[at:], n) }

func (s *server) string(text string) {
	s.uint32(uint32(len(text)))
	s.reply = append(s.reply, text...)
}

// status replies how it went.
func (s *server) status(id uint32, err error) {
	code, text := uint32(statusOK), "Success"
	if err != nil {
		code, text = codeOf(err), reason(err)
	}
	s.begin(kindStatus)
	s.uint32(id)
	s.uint32(code)
	s.string(text)
	s.string("") // the language
}

// codeOf is the code of an error.
func codeOf(err error) uint32 {
	switch {
	case errors.Is(err, io.EOF):
		return statusEOF
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return statusNoFile
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		return statusDenied
	case errors.Is(err, errMalformed):
		return statusBadMessage
	case errors.Is(err, errUnsupported):
		return statusUnsupported
	}
	return statusFailure
}

// reason is an error without the name of its file, which the client knows.
func reason(err error) string {
	var number unix.Errno
	switch {
	case errors.Is(err, io.EOF):
		return "End of file"
	case errors.As(err, &number):
		return command.Message(number)
	}
	return err.Error()
}

// carryOut does what a request asks for, and makes the reply where that is more than a status.
func (s *server) carryOut(r *request) error {
	switch r.kind {
	case kindOpen:
		return s.open(r)
	case kindClose:
		return s.close(r)
	case kindRead:
		return s.readFile(r)
	case kindWrite:
		return s.writeFile(r)
	case kindLstat, kindStat:
		return s.stat(r)
	case kindFstat:
		return s.fstat(r)
	case kindSetstat:
		return s.setstat(r)
	case kindFsetstat:
		return s.fsetstat(r)
	case kindOpendir:
		return s.opendir(r)
	case kindReaddir:
		return s.readdir(r)
	case kindRemove:
		return unix.Unlink(r.path)
	case kindMkdir:
		return unix.Mkdir(r.path, uint32(r.attrs.perm(0o777)))
	case kindRmdir:
		return unix.Rmdir(r.path)
	case kindRealpath:
		return s.realpath(r, r.path)
	case kindRename:
		return rename(r.path, r.other)
	case kindReadlink:
		return s.readlink(r)
	case kindSymlink:
		// in this order from all clients, whatever the draft says (OpenSSH, PROTOCOL 4.1)
		return unix.Symlink(r.path, r.other)
	case kindExtended:
		return s.extended(r)
	}
	return errUnsupported
}
