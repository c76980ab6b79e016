package wire

import "encoding/binary"

// A Verdict is what is to be done with a message that came in.
type Verdict uint8

// Verdicts of [Query.Parse].
const (
	// no query: too short, or a response. An answer would be a loop, or of use to a liar
	Drop   Verdict = iota
	Reject         // it is answered with the Query's Rcode, and that is all
	Other          // well formed and nothing that is answered here: for the full server
	Plain          // one question for one RRset of class IN
)

// A Query is one message of a client. It keeps nothing of the memory that it was read from, and may be used
// again and again.
type Query struct {
	Name  Name
	Type  uint16
	Class uint16
	ID    uint16
	Rcode Rcode  // of a Reject
	Size  uint16 // the longest reply over UDP that the client takes, in bytes; 512 at least

	RD, AD, CD bool // recursion desired, authentic data wanted, checking disabled
	EDNS, DO   bool // it has an OPT record; signatures are wanted

	HasCookie    bool // it has a client cookie
	ClientCookie [8]byte

	serverCookie [32]byte
	serverLen    uint8
	opcode       uint8
	signed       bool // it has a record behind the question that is no OPT
	version      uint8
	questionLen  uint16 // 0: there was none that could be read
	question     [MaxName + 4]byte
}

// Parse reads a message, with seed for the hash of the name, and says what is to be done with it. It is
// strict: what a resolver does not send is a FORMERR, so that nobody behind it has to think about it. As the
// compliance tests of ISC want it, reserved bits, unknown options and flags for responses are ignored, and
// not echoed.
func (q *Query) Parse(msg []byte, seed uint64) Verdict {
	if len(msg) < headerSize {
		return Drop
	}
	flags := binary.BigEndian.Uint16(msg[2:])
	if flags&flagQR != 0 {
		return Drop
	}
	q.reset(binary.BigEndian.Uint16(msg), flags)
	if q.opcode != 0 {
		return q.reject(NotImp)
	}
	questions, answers := binary.BigEndian.Uint16(msg[4:]), binary.BigEndian.Uint16(msg[6:])
	authorities, additionals := binary.BigEndian.Uint16(msg[8:]), binary.BigEndian.Uint16(msg[10:])
	// RFC 9619 4: QDCOUNT of a query is never above one.
	if questions > 1 || answers > 0 || authorities > 1 || additionals > 2 {
		return q.reject(FormErr)
	}
	off := headerSize
	if questions == 1 {
		if off = q.readQuestion(msg, seed); off == 0 {
			return q.reject(FormErr)
		}
	}
	if authorities > 0 { // RFC 1995 3: the SOA that the client has
		if off = q.readRecord(msg, off, false); off == 0 || q.Type != TypeIXFR || questions == 0 {
			return q.reject(FormErr)
		}
	}
	for range additionals {
		if off = q.readRecord(msg, off, true); off == 0 {
			return q.reject(FormErr)
		}
	}
	if off != len(msg) {
		return q.reject(FormErr)
	}
	return q.classify(questions == 1)
}

// reset makes q one that has only a header.
func (q *Query) reset(id, flags uint16) {
	q.ID, q.opcode = id, uint8(flags>>11&15)
	q.RD, q.AD, q.CD = flags&flagRD != 0, flags&flagAD != 0, flags&flagCD != 0
	q.Type, q.Class, q.Rcode, q.Size = 0, 0, NoError, minUDP
	q.EDNS, q.DO, q.HasCookie, q.signed = false, false, false, false
	q.version, q.serverLen, q.questionLen, q.Name.n = 0, 0, 0, 0
}

func (q *Query) reject(r Rcode) Verdict {
	q.Rcode = r
	return Reject
}

// readQuestion returns where the question ends, 0 if it is malformed. There is nothing before it that its
// name could point to, so a pointer is an error.
func (q *Query) readQuestion(msg []byte, seed uint64) int {
	n := nameLength(msg[headerSize:])
	end := headerSize + n + 4
	if n == 0 || end > len(msg) {
		return 0
	}
	q.Name.set(msg[headerSize:headerSize+n], seed)
	q.Type = binary.BigEndian.Uint16(msg[end-4:])
	q.Class = binary.BigEndian.Uint16(msg[end-2:])
	q.questionLen = uint16(copy(q.question[:], msg[headerSize:end]))
	return end
}

// readRecord returns where a record behind the question ends, 0 if it is malformed.
func (q *Query) readRecord(msg []byte, off int, additional bool) int {
	name := off
	if off = skipName(msg, off); off == 0 || off+10 > len(msg) {
		return 0
	}
	typ, class := binary.BigEndian.Uint16(msg[off:]), binary.BigEndian.Uint16(msg[off+2:])
	ttl := binary.BigEndian.Uint32(msg[off+4:])
	end := off + 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	if end > len(msg) {
		return 0
	}
	if typ != TypeOPT {
		q.signed = true
		return end
	}
	// RFC 6891 6.1.1: a second one, or one with an owner, is a FORMERR.
	if q.EDNS || !additional || msg[name] != 0 {
		return 0
	}
	q.EDNS, q.version, q.DO = true, uint8(ttl>>16), ttl&flagDO != 0
	q.Size = max(class, minUDP)
	if q.version == 0 && !q.readOptions(msg[off+10:end]) {
		return 0
	}
	return end
}

// optionCookie is the code of a cookie (RFC 7873 4). Other options are not looked at: what they ask for is
// not given here, and they are not handed on.
const optionCookie = 10

// readOptions reads the options of an OPT record, and is false if they are malformed.
func (q *Query) readOptions(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		code, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			return false
		}
		// RFC 7873 5.2: all but the first are ignored.
		if code == optionCookie && !q.HasCookie {
			// 5.2.2: of a size that is not allowed, it is a FORMERR.
			if n != 8 && (n < 16 || n > 40) {
				return false
			}
			q.HasCookie = true
			copy(q.ClientCookie[:], b)
			q.serverLen = uint8(copy(q.serverCookie[:], b[8:n]))
		}
		b = b[n:]
	}
	return true
}

// classify is the verdict on a query that is well formed.
func (q *Query) classify(question bool) Verdict {
	switch {
	case q.version != 0:
		return q.reject(BadVers)
	case !question && q.HasCookie: // RFC 7873 5.4: the client wants a cookie and nothing else
		return q.reject(NoError)
	case !question || q.Type == TypeOPT:
		return q.reject(FormErr)
	case q.signed || q.Class != classIN || q.Type == 0 || firstMeta <= q.Type && q.Type <= lastMeta:
		return Other
	}
	return Plain
}

// Ask makes q the plain question that nobody has sent: to fill the cache before anybody asks, and for those
// who ask from the box itself. It is false if name is no uncompressed name in wire form.
func (q *Query) Ask(name []byte, typ uint16, seed uint64) bool {
	q.reset(0, flagRD)
	if !q.Name.Set(name, seed) {
		return false
	}
	q.Type, q.Class = typ, classIN
	n := copy(q.question[:], name)
	binary.BigEndian.PutUint16(q.question[n:], typ)
	binary.BigEndian.PutUint16(q.question[n+2:], classIN)
	q.questionLen = uint16(n + 4)
	return true
}

// Question is the question as it was sent, letters in their case; empty if there was none that could be read.
// It is part of q.
func (q *Query) Question() []byte { return q.question[:q.questionLen] }

// AppendQuery appends q as a message of its own: the question with what its answer depends on, and nothing
// else of who has sent it. AD says that the state of validation is wanted (RFC 6840 5.7).
func (q *Query) AppendQuery(dst []byte) []byte {
	flags := flagRD | flagAD
	if q.CD {
		flags |= flagCD
	}
	dst = append(dst, byte(q.ID>>8), byte(q.ID), byte(flags>>8), byte(flags), 0, 1, 0, 0, 0, 0, 0, 1)
	dst = append(dst, q.Question()...)
	ttl := uint32(0)
	if q.DO {
		ttl = flagDO
	}
	dst = append(dst, 0, 0, TypeOPT, MaxUDP>>8, MaxUDP&0xff)
	dst = binary.BigEndian.AppendUint32(dst, ttl)
	return append(dst, 0, 0)
}

// key is what the answer depends on beside the name. AD is not in it: upstreams are asked for it always, and
// a reply has it only if the client wants it.
func (q *Query) key() uint64 {
	k := uint64(q.Type)
	if q.DO {
		k |= keyDO
	}
	if q.CD {
		k |= keyCD
	}
	return k
}

const (
	keyDO      = 1 << 16
	keyCD      = 1 << 17
	keyFailure = 1 << 18 // nobody has an answer
	keyBits    = 19
)
