package wire

import (
	"encoding/binary"
	"slices"
)

// An Answer is what is said to a question.
type Answer struct {
	Rcode Rcode
	AA    bool // by authority: a local name
	AD    bool // somebody we believe has validated it; told only to those who want to know (RFC 6840 5.8)
	TC    bool // the client is to ask again over TCP, whatever fits

	// Records are those of the three sections, one behind the other, in wire form. Their names are
	// uncompressed, or point to bytes of the records before or of the question, which begins at offset 12.
	Records []byte
	// How many of them are answers, authorities and additional ones.
	Answers, Authorities, Additionals uint16
}

// Extended DNS errors (RFC 8914).
const (
	StaleAnswer         = 3
	CachedError         = 13 // of which nobody said why
	Blocked             = 15
	StaleNXDomain       = 19
	NoReachableUpstream = 22
)

// ReplyOptions is what is not of the answer, but of the way of one reply.
type ReplyOptions struct {
	// most bytes of the reply; 0: what q allows over UDP. At least 512, and 65535 over TCP
	Limit    int
	Cookie   ServerCookie // for clients that have sent a cookie
	Extended uint16       // an extended DNS error; 0: none
}

// Limit is how long a reply over UDP may be, in bytes.
func (q *Query) Limit() int {
	if !q.EDNS {
		return minUDP
	}
	return min(int(q.Size), MaxUDP)
}

// Append appends the reply that says a to q. What does not fit is left out, from the end and by whole
// records, and if an answer or authority is, the reply says so by TC (RFC 2181 9).
func (q *Query) Append(dst []byte, a Answer, o ReplyOptions) []byte {
	start := len(dst)
	dst = append(q.begin(dst), a.Records...)
	return q.finish(dst, start, a, o)
}

// AppendRejection appends the reply to a query that Parse has rejected.
func (q *Query) AppendRejection(dst []byte, o ReplyOptions) []byte {
	return q.Append(dst, Answer{Rcode: q.Rcode}, o)
}

// begin appends a header, which finish completes, and the question.
func (q *Query) begin(dst []byte) []byte {
	dst = append(dst, byte(q.ID>>8), byte(q.ID), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	return append(dst, q.question[:q.questionLen]...)
}

// finish completes the reply at start of dst, which has its records.
func (q *Query) finish(dst []byte, start int, a Answer, o ReplyOptions) []byte {
	limit := o.Limit
	if limit == 0 {
		limit = q.Limit()
	}
	limit = min(max(limit, minUDP), 1<<16-1) - q.optSize(o)
	if len(dst)-start > limit {
		dst = truncate(dst, start, start+headerSize+int(q.questionLen), start+limit, &a)
	}
	header := dst[start:]
	binary.BigEndian.PutUint16(header[2:], q.flags(a))
	if q.questionLen > 0 {
		header[5] = 1
	}
	binary.BigEndian.PutUint16(header[6:], a.Answers)
	binary.BigEndian.PutUint16(header[8:], a.Authorities)
	if q.EDNS {
		a.Additionals++
		dst = q.appendOPT(dst, a.Rcode, o)
	}
	binary.BigEndian.PutUint16(dst[start+10:], a.Additionals)
	return dst
}

// flags is the second word of the header.
func (q *Query) flags(a Answer) uint16 {
	if a.Rcode > 15 && !q.EDNS {
		a.Rcode = ServFail // there is no place for it
	}
	f := flagQR | flagRA | uint16(q.opcode)<<11 | uint16(a.Rcode&15)
	for _, bit := range [...]struct {
		set  bool
		flag uint16
	}{
		{a.AA, flagAA}, {a.TC, flagTC}, {q.RD, flagRD}, {q.CD, flagCD}, {a.AD && (q.AD || q.DO), flagAD},
	} {
		if bit.set {
			f |= bit.flag
		}
	}
	return f
}

// truncate cuts the records between from and the end of dst at limit, and corrects what a says of them.
func truncate(dst []byte, start, from, limit int, a *Answer) []byte {
	msg := dst[start:]
	off, limit := from-start, limit-start
	for _, section := range []*uint16{&a.Answers, &a.Authorities, &a.Additionals} {
		for n := range *section {
			next := skipRecord(msg, off)
			if next == 0 || next > limit {
				if section != &a.Additionals {
					a.TC = true
				}
				*section = n
				break
			}
			off = next
		}
	}
	return dst[:start+off]
}

// skipRecord returns where the record at off of a message ends, 0 if there is none.
func skipRecord(msg []byte, off int) int {
	if off = skipName(msg, off); off == 0 || off+10 > len(msg) {
		return 0
	}
	off += 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	if off > len(msg) {
		return 0
	}
	return off
}

// optSize is how many bytes appendOPT needs.
func (q *Query) optSize(o ReplyOptions) int {
	if !q.EDNS {
		return 0
	}
	n := ednsSize
	if q.HasCookie && o.Cookie != (ServerCookie{}) {
		n += 4 + len(q.ClientCookie) + len(o.Cookie)
	}
	if o.Extended != 0 {
		n += 6
	}
	return n
}

const optionExtended = 15 // RFC 8914

// appendOPT appends the OPT record of a reply.
func (q *Query) appendOPT(dst []byte, r Rcode, o ReplyOptions) []byte {
	size := q.optSize(o)
	dst = slices.Grow(dst, size)
	do := byte(0)
	if q.DO {
		do = flagDO >> 8
	}
	dst = append(dst, 0, 0, TypeOPT, MaxUDP>>8, MaxUDP&255, byte(r>>4), 0, do, 0,
		byte((size-ednsSize)>>8), byte(size-ednsSize))
	if q.HasCookie && o.Cookie != (ServerCookie{}) {
		dst = append(dst, 0, optionCookie, 0, byte(len(q.ClientCookie)+len(o.Cookie)))
		dst = append(dst, q.ClientCookie[:]...)
		dst = append(dst, o.Cookie[:]...)
	}
	if o.Extended != 0 {
		dst = append(dst, 0, optionExtended, 0, 2, byte(o.Extended>>8), byte(o.Extended))
	}
	return dst
}
