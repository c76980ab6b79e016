package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// ErrQuery is the error of a message that is not one plain question: those are the caller's to answer.
var ErrQuery = errors.New("not one plain question")

// A question is what is asked, without anything of who asks.
type question struct {
	raw   []byte // name, type and class as they were asked
	id    uint16 // the caller's
	flags int    // AD and CD of the caller
	edns  bool   // the caller has EDNS
	do    bool   // and wants signatures, RFC 3225
}

// name is the name that is asked for.
func (q *question) name() []byte { return q.raw[:len(q.raw)-4] }

// parseQuery takes the question out of a query. Its options are left behind: that of a client's subnet (RFC
// 7871) and its cookies are nothing for strangers.
func parseQuery(b []byte) (q *question, err error) {
	if len(b) < headerLen || u16(b, 2)&(flagQR|maskOpcode) != 0 || [6]byte(b[4:]) != [6]byte{1: 1} {
		return nil, ErrQuery
	}
	var room [servers.MaxName]byte
	name, end, err := appendName(room[:0], b, headerLen)
	// A name without pointers is as long as it is there.
	if err != nil || len(name) != end-headerLen || end+4 > len(b) {
		return nil, ErrQuery
	}
	q = &question{
		id: binary.BigEndian.Uint16(b), flags: u16(b, 2) & (flagAD | flagCD),
		raw: bytes.Clone(b[headerLen : end+4]),
	}
	if typ := u16(b, end); typ == typeAXFR || typ == typeIXFR || typ == typeOPT {
		return nil, ErrQuery
	}
	w, err := walkRecords(b)
	for more := err == nil; more; {
		var r record
		if r, more, err = w.next(); more && r.typ == typeOPT {
			if q.edns || r.ttl>>16&0xff != 0 { // twice, or a version that is not known here
				return nil, ErrQuery
			}
			q.edns, q.do = true, r.ttl&ednsDO != 0
		}
	}
	if err != nil {
		return nil, ErrQuery
	}
	return q, nil
}

// EDNS, RFC 6891.
const (
	ednsSize = 1232 // what arrives in one piece everywhere, whatever the client can take
	ednsDO   = 1 << 15

	optionKeepalive = 11 // RFC 7828
	optionPadding   = 12 // RFC 7830
	optionError     = 15 // RFC 8914

	padTo = 128 // RFC 8467 section 4.1
)

// A form is how a question is written for a server.
type form struct {
	edns   bool
	stream bool // over TCP or TLS
	pad    bool // so that its length says nothing: encrypted
}

// append appends the question as it is asked, with raw for its name: in other letters, maybe.
func (q *question) append(b []byte, id uint16, raw []byte, f form) []byte {
	start, additional := len(b), byte(0)
	if f.edns {
		additional = 1
	}
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(flagRD|q.flags))
	b = append(b, 0, 1, 0, 0, 0, 0, 0, additional)
	b = append(b, raw...)
	if !f.edns {
		return b
	}
	b = appendOPT(b, q.do)
	data := len(b)
	if f.stream {
		b = append(b, 0, optionKeepalive, 0, 0)
	}
	if f.pad {
		missing := (padTo - (len(b)-start+4)%padTo) % padTo
		b = append(b, 0, optionPadding, 0, byte(missing))
		b = append(b, make([]byte, missing)...)
	}
	binary.BigEndian.PutUint16(b[data-2:], uint16(len(b)-data))
	return b
}

// appendOPT appends an OPT record without options.
func appendOPT(b []byte, do bool) []byte {
	flags := byte(0)
	if do {
		flags = ednsDO >> 8
	}
	return append(b, 0, 0, typeOPT, ednsSize>>8, ednsSize&0xff, 0, 0, flags, 0, 0, 0)
}

// likeness is how much a message looks like the answer to a question.
type likeness int

const (
	stranger    likeness = iota // another id, another question, no answer at all
	wrongCase                   // all is right but the case of letters
	refusal                     // an error without the question, from one who understands nothing
	answersThis                 // id and question are right
)

// compare says how much b looks like the answer to what was asked as raw with an id. exact wants the case of
// letters to be that of raw.
func compare(b []byte, id uint16, raw []byte, exact bool) likeness {
	if len(b) < headerLen || binary.BigEndian.Uint16(b) != id || u16(b, 2)&(flagQR|maskOpcode) != flagQR {
		return stranger
	}
	if rcode := u16(b, 2) & maskRcode; u16(b, 4) == 0 && (rcode == rcodeFormErr || rcode == rcodeNotImp) {
		return refusal
	}
	if u16(b, 4) != 1 || len(b) < headerLen+len(raw) {
		return stranger
	}
	asked, name := b[headerLen:headerLen+len(raw)], len(raw)-4
	for i, c := range raw[:name] {
		// the length of a label is no letter, and the same in both
		if servers.Lower(asked[i]) != servers.Lower(c) {
			return stranger
		}
	}
	switch {
	case !bytes.Equal(asked[name:], raw[name:]):
		return stranger
	case exact && !bytes.Equal(asked, raw):
		return wrongCase
	}
	return answersThis
}

// A reply is what a server answered.
type reply struct {
	msg       []byte        // for the caller: its id, its letters, no options but those of its own hop
	rcode     int           // all 12 bits of it
	edns      bool          // the server knows EDNS
	keepalive time.Duration // RFC 7828; negative: it said nothing
	lame      bool          // it sent us on to others: it does not answer questions like ours
}

// good reports whether it answers the question. Other codes are no answers: another server may know.
func (r *reply) good() bool {
	return !r.lame && (r.rcode == rcodeNoError || r.rcode == rcodeNXDomain || r.rcode == rcodeYXDomain)
}

// read reads an answer to q that compare has found to be one. trusted says that nobody on the way can have
// changed it: only then AD has a meaning. b is kept and changed.
func (q *question) read(b []byte, trusted bool) (r reply, err error) {
	r.keepalive = -1
	flags := u16(b, 2)
	r.rcode = flags & maskRcode
	opt, end, referral, err := q.scan(b)
	if err != nil {
		return r, err
	}
	b = b[:end]
	r.lame = flags&(flagAA|flagRA) == 0 && u16(b, 6) == 0 && referral && r.rcode == rcodeNoError
	var kept []byte
	if opt.end > 0 {
		r.edns = true
		r.rcode |= int(opt.ttl>>24) << 4
		if r.keepalive, kept, err = options(b[opt.data:opt.end]); err != nil {
			return r, err
		}
		kept = bytes.Clone(kept)
		if b, err = without(b, opt); err != nil {
			return r, err
		}
	}
	if q.edns {
		b = appendOPT(b, opt.ttl&ednsDO != 0)
		binary.BigEndian.PutUint16(b[len(b)-2:], uint16(len(kept)))
		b = append(b, kept...)
		binary.BigEndian.PutUint16(b[10:], uint16(u16(b, 10)+1))
	}
	if !trusted {
		flags &^= flagAD
	}
	if r.lame { // a client would take it for the absence of what it asked for
		flags |= rcodeServFail
	}
	binary.BigEndian.PutUint16(b, q.id)
	binary.BigEndian.PutUint16(b[2:], uint16(flags))
	if u16(b, 4) == 1 {
		copy(b[headerLen:], q.raw)
	}
	r.msg = b
	return r, nil
}

// scan reads all records of an answer. It returns the OPT record, if there is one, where the message ends,
// and whether it names servers to ask instead.
func (q *question) scan(b []byte) (opt record, end int, referral bool, err error) {
	w, err := walkRecords(b)
	if err != nil {
		return opt, 0, false, err
	}
	servers, soa := false, false
	for {
		r, more, err := w.next()
		if err != nil || !more {
			return opt, w.at, servers && !soa, err
		}
		if err := checkRecord(b, r); err != nil {
			return opt, 0, false, err
		}
		switch {
		case r.typ == typeOPT:
			if opt.end > 0 || r.section != sectionAdditional || b[r.start] != 0 {
				return opt, 0, false, errGarbage
			}
			opt = r
		case r.section == sectionAuthority:
			servers, soa = servers || r.typ == typeNS, soa || r.typ == typeSOA
		}
	}
}

// options reads those of an OPT record: how long the server keeps an idle connection, and the one that is for
// the client too, which is why it got no better answer.
func options(b []byte) (keepalive time.Duration, kept []byte, err error) {
	keepalive = -1
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+u16(b, 2) {
			return 0, nil, errGarbage
		}
		size := u16(b, 2)
		switch code := u16(b, 0); {
		case code == optionKeepalive && size == 2:
			keepalive = time.Duration(u16(b, 4)) * 100 * time.Millisecond
		case code == optionError && kept == nil:
			kept = b[:4+size]
		}
		b = b[4+size:]
	}
	return keepalive, kept, nil
}

// without takes a record of the additional section out. b is changed.
func without(b []byte, r record) ([]byte, error) {
	if r.end < len(b) { // rare: others point behind it
		return rewrite(b, func(other record) bool { return other.start != r.start })
	}
	binary.BigEndian.PutUint16(b[10:], uint16(u16(b, 10)-1))
	return b[:r.start], nil
}
