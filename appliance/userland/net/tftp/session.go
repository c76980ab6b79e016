package tftp

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A session is one transfer: packets in, packets out. Who sends them, and again if nothing comes, is another.
//
//	get:  request ──► OACK? ──► ACK 0 ──► DATA 1 ──► ACK 1 ──► … a short block ──► ACK, the end
//	put:  request ──► OACK or ACK 0 ──► DATA 1 ──► ACK 1 ──► … a short block ──► its ACK, the end
//
// What is not the packet that is waited for is passed over, never answered: whoever sends again what came
// twice begins to send everything twice (RFC 1123 4.2.3.1).
type session struct {
	get   bool
	name  string
	block int                            // size of one
	open  func() (io.WriteCloser, error) // what is written to, as soon as there is something
	from  io.Reader
	notes []string // for people

	asked  bool // for options, of which nothing is heard yet
	number uint16
	file   io.WriteCloser
	last   bool // the last block is sent
}

// begin returns the first packet.
func (s *session) begin() []byte {
	s.asked = s.block != usualBlock
	op := opWrite
	if s.get {
		op = opRead
		s.number = 1
	}
	return request(op, s.name, s.block)
}

// A refusal ends a session with a packet that says so to the server.
type refusal struct {
	error
	packet []byte
}

func refuse(code uint16, err error) error { return refusal{err, errorPacket(code, err.Error())} }

// take takes a packet, and returns what is to be sent, nil: nothing. At the end done is true: what is sent
// then is not sent again.
func (s *session) take(b []byte) (out []byte, done bool, err error) {
	p, ok := readPacket(b)
	switch {
	case !ok:
		return nil, false, nil
	case p.op == opError:
		return nil, false, p.failure()
	case p.op == opOACK:
		if !s.asked {
			return nil, false, nil
		}
		return s.agreed(p)
	}
	if s.asked && p.op == s.awaited() { // RFC 2347: as if it had never been asked for
		s.asked = false
		s.block = usualBlock
		s.notes = append(s.notes, fmt.Sprintf("falling back to blocksize %d", usualBlock))
	}
	switch {
	case p.op != s.awaited() || p.block != s.number:
		return nil, false, nil
	case s.get:
		return s.takeData(p)
	case s.last:
		return nil, true, nil
	}
	return s.nextData()
}

func (s *session) awaited() opcode {
	if s.get {
		return opData
	}
	return opACK
}

// agreed is for the options that the server takes.
func (s *session) agreed(p packet) (out []byte, done bool, err error) {
	s.asked = false
	size, ok := p.options()["blksize"]
	if !ok {
		s.block = usualBlock
	} else {
		n, err := strconv.Atoi(size)
		if err != nil || n < leastBlock || n > s.block {
			return nil, false, refuse(errOption, errors.New("bad blocksize of the server"))
		}
		s.block = n
	}
	if s.get {
		return numbered(opACK, 0), false, nil
	}
	return s.nextData()
}

func (s *session) takeData(p packet) (out []byte, done bool, err error) {
	if len(p.rest) > s.block {
		return nil, false, nil
	}
	if s.file == nil {
		if s.file, err = s.open(); err != nil {
			return nil, false, refuse(errDisk, err)
		}
	}
	if _, err := s.file.Write(p.rest); err != nil {
		return nil, false, refuse(errDisk, fmt.Errorf("write error: %w", err))
	}
	done = len(p.rest) < s.block
	if done { // said to be here only when it is
		err, s.file = s.file.Close(), nil
		if err != nil {
			return nil, false, refuse(errDisk, fmt.Errorf("write error: %w", err))
		}
	}
	s.number++
	return numbered(opACK, p.block), done, nil
}

func (s *session) nextData() (out []byte, done bool, err error) {
	s.number++
	out = append(numbered(opData, s.number), make([]byte, s.block)...)
	n, err := io.ReadFull(s.from, out[4:])
	switch {
	case err == nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.last = true
	default:
		return nil, false, refuse(0, fmt.Errorf("read error: %w", err))
	}
	return out[:4+n], false, nil
}
