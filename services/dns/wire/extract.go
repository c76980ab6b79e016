package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// A Finding is what an upstream's message is good for.
type Finding uint8

// Findings of [Extract.Take]. The first is for the cache; those up to Incomplete may be told to the client,
// but are not to be kept; the others are not even that.
const (
	Good       Finding = iota
	Brief              // it says that it is not to be kept: a TTL of 0 (RFC 1035 3.2.1)
	Unproven           // it says that there is nothing, and not for how long: no SOA (RFC 2308 5)
	Oversize           // it is longer than what is kept
	Incomplete         // it ends at an alias: whoever asked has to go on from there
	Truncated          // it is to be asked for again over TCP
	Failed             // a result that is neither an answer nor its absence, in Rcode
	Mismatch           // it answers another question
	// aliases in a circle, too many or two for one name, or records of a name that is not
	Contradiction
	Garbage // no response at all, or one that cannot be read
)

// String says it for people.
func (f Finding) String() string {
	return [...]string{"good", "not to be kept (TTL 0)", "nothing, without a SOA", "too long to be kept",
		"ends at an alias", "truncated", "failed", "answers another question", "contradicts itself", "garbage",
	}[f]
}

// Usable says whether the answer may be told to whoever asked for it.
func (f Finding) Usable() bool { return f <= Incomplete }

// Bounds are the limits of how long an answer is kept.
type Bounds struct {
	Min, Max    time.Duration // of every TTL; a TTL of 0 is raised only if Min is above 0
	MaxNegative time.Duration // of the absence of a name or a type (RFC 2308 5: one to three hours)
}

// DefaultBounds are those of RFC 8767 4 (a week is too long) and RFC 2308.
func DefaultBounds() Bounds { return Bounds{Max: 24 * time.Hour, MaxNegative: time.Hour} }

const (
	maxKept  = 8192 // bytes of records that are kept of one answer
	maxChain = 16   // aliases on the way to an answer
	// Proofs and their signatures: three NSEC3 and a SOA, signed by up to four keys, are 20.
	maxProofs = 32
)

// An Extract is what of an upstream's message belongs to its question: the aliases from its name on, in the
// order in which they are followed, the records asked for at their end, or the SOA that proves that there are
// none, and with DO the signatures of these and the proofs. Records of other names, additional ones, and
// everything that nobody has asked for are dropped (RFC 2181 5.4.1). Names are compressed anew, so that
// nothing in it points to what was dropped.
//
// It may be used again and again, by one goroutine at a time.
type Extract struct {
	Answer
	TTL      time.Duration // how long it is good for
	Negative bool          // there is no such name, or nothing of that type

	bounds  Bounds
	name    Name // what was asked, for the cache
	key     uint64
	q       *Query // during Take
	msg     []byte
	records []record
	compressor
	ttls  []uint16 // where in Records each TTL is
	least uint32   // the least TTL, in seconds
	// The name that the chain is at.
	cur     [MaxName]byte
	curN    int
	curHash uint32
	// Zones that have signed records of the answer, by where their names are in msg.
	signers []int
}

// A record is where a record of the message is, checked to lie within it.
type record struct {
	section    uint8 // 0: answer, 1: authority
	typ, class uint16
	ttl        uint32
	owner      int    // where in the message
	hash       uint32 // of the owner
	data, end  int
}

// NewExtract returns an empty Extract that keeps TTLs within b.
func NewExtract(b Bounds) *Extract { return &Extract{bounds: b} }

// Take reads the response of an upstream to q, and says what it is good for. The upstream was asked for the
// name, type and class of q, with its DO and CD, and with AD. Its header's ID is the affair of whoever has
// asked. What e has is valid until the next Take; if the finding is not usable, it is the result alone.
func (e *Extract) Take(q *Query, msg []byte) Finding {
	e.reset(q, msg)
	f := e.check()
	if f == Good {
		f = e.follow()
	}
	if !f.Usable() {
		e.Records, e.ttls = nil, e.ttls[:0]
		e.Answers, e.Authorities, e.TTL = 0, 0, 0
	}
	e.q, e.msg = nil, nil
	return f
}

func (e *Extract) reset(q *Query, msg []byte) {
	e.q, e.msg = q, msg
	e.name, e.key = q.Name, q.key()
	e.Answer, e.TTL, e.Negative = Answer{}, 0, false
	e.records, e.ttls, e.signers = e.records[:0], e.ttls[:0], e.signers[:0]
	e.least = math.MaxUint32
	e.start(q)
}

// check looks at the header and the question, and finds the records.
func (e *Extract) check() Finding {
	msg := e.msg
	if len(msg) < headerSize {
		return Garbage
	}
	flags := binary.BigEndian.Uint16(msg[2:])
	if flags&flagQR == 0 || flags>>11&15 != 0 {
		return Garbage
	}
	e.Rcode, e.AD = Rcode(flags&15), flags&flagAD != 0
	if binary.BigEndian.Uint16(msg[4:]) != 1 {
		if e.Rcode != NoError && e.Rcode != NXDomain {
			return Failed // a FORMERR may have no question
		}
		return Mismatch
	}
	n := nameLength(msg[headerSize:])
	off := headerSize + n + 4
	if n == 0 || off > len(msg) {
		return Garbage
	}
	if !equalFold(msg[headerSize:headerSize+n], e.q.Name.Bytes()) ||
		binary.BigEndian.Uint16(msg[off-4:]) != e.q.Type ||
		binary.BigEndian.Uint16(msg[off-2:]) != e.q.Class {
		return Mismatch
	}
	switch {
	case flags&flagTC != 0:
		return Truncated
	case e.Rcode != NoError && e.Rcode != NXDomain:
		return Failed
	case !e.index(off):
		return Garbage
	}
	return Good
}

// index finds the records of the first two sections, and is false if one is malformed. The third is not
// looked at: nothing of it is used.
func (e *Extract) index(off int) bool {
	var name [MaxName]byte
	for section := range uint8(2) {
		for range binary.BigEndian.Uint16(e.msg[6+2*section:]) {
			r := record{section: section, owner: off}
			next, end := skipName(e.msg, off), skipRecord(e.msg, off)
			n, _ := expand(&name, e.msg, off)
			if end == 0 || n == 0 {
				return false
			}
			r.hash = hashName(name[:n])
			r.typ, r.class = binary.BigEndian.Uint16(e.msg[next:]), binary.BigEndian.Uint16(e.msg[next+2:])
			r.ttl, r.data, r.end = binary.BigEndian.Uint32(e.msg[next+4:]), next+10, end
			if r.ttl > math.MaxInt32 {
				r.ttl = 0 // RFC 2181 8
			}
			if r.class == classIN && r.typ != TypeOPT {
				e.records = append(e.records, r)
			}
			off = end
		}
	}
	return true
}

// hashName is a quick way to see that two names differ (FNV-1a).
func hashName(name []byte) uint32 {
	h := uint32(2166136261)
	for _, b := range name {
		h = (h ^ uint32(foldByte(b))) * 16777619
	}
	return h
}

// follow goes from the name of the question from alias to alias, and takes what belongs to it.
func (e *Extract) follow() Finding {
	e.curN = copy(e.cur[:], e.q.Name.Bytes())
	for range maxChain + 1 {
		e.curHash = hashName(e.cur[:e.curN])
		if n, ok := e.takeSet(e.q.Type); !ok {
			return Garbage
		} else if n > 0 {
			if e.Rcode != NoError {
				return Contradiction
			}
			return e.finishPositive()
		}
		if !e.takeDNAME() {
			return Garbage
		}
		target := e.target()
		if target < 0 {
			return Contradiction
		}
		if target == 0 {
			return e.finishNegative()
		}
		if _, ok := e.takeSet(TypeCNAME); !ok {
			return Garbage
		}
		if e.curN, _ = expand(&e.cur, e.msg, target); e.curN == 0 {
			return Garbage
		}
	}
	return Contradiction
}

// target is where in the message the name is that the current one is an alias of; 0 if it is none, below 0 if
// it has two.
func (e *Extract) target() int {
	found := 0
	var first, other [MaxName]byte
	n := 0
	for i := range e.records {
		r := &e.records[i]
		if r.section != 0 || r.typ != TypeCNAME || !e.owns(r) {
			continue
		}
		if found == 0 {
			found = r.data
			n, _ = expand(&first, e.msg, r.data)
			continue
		}
		if m, _ := expand(&other, e.msg, r.data); !equalFold(first[:n], other[:m]) {
			return -1
		}
	}
	return found
}

// owns says whether the owner of r is the current name.
func (e *Extract) owns(r *record) bool {
	if r.hash != e.curHash {
		return false
	}
	var name [MaxName]byte
	n, _ := expand(&name, e.msg, r.owner)
	return equalFold(name[:n], e.cur[:e.curN])
}

// takeSet takes the answers of a type that the current name has, and their signatures if these are wanted. n
// is how many there are; ok is false if one is malformed.
func (e *Extract) takeSet(typ uint16) (n int, ok bool) {
	ttl := uint32(math.MaxInt32)
	for i := range e.records {
		if r := &e.records[i]; r.section == 0 && r.typ == typ && e.owns(r) {
			n++
			ttl = min(ttl, r.ttl) // RFC 2181 5.2: a set has one TTL
		}
	}
	if n == 0 {
		return 0, true
	}
	for i := range e.records {
		r := &e.records[i]
		switch {
		case r.section != 0 || !e.owns(r):
		case r.typ == typ:
			r.ttl = ttl
			ok = e.take(r)
			if !ok {
				return 0, false
			}
		case e.q.DO && e.covers(r, typ):
			if !e.takeSigned(r) {
				return 0, false
			}
		}
	}
	return n, true
}

// covers says whether r is a signature over records of a type.
func (e *Extract) covers(r *record, typ uint16) bool {
	return r.typ == TypeRRSIG && r.end-r.data > signerAt && binary.BigEndian.Uint16(e.msg[r.data:]) == typ
}

// takeSigned takes a signature over what the current name has, and remembers its zone if that can have signed
// it.
func (e *Extract) takeSigned(r *record) bool {
	var zone [MaxName]byte
	n, _ := expand(&zone, e.msg, r.data+signerAt)
	if n == 0 {
		return false
	}
	if within(e.cur[:e.curN], zone[:n]) && len(e.signers) <= maxChain {
		e.signers = append(e.signers, r.data+signerAt)
	}
	return e.take(r)
}

// takeDNAME takes the DNAME record that the alias of the current name was made of, if there is one (RFC 6672
// 3.1), and its signature. It is false if that is malformed.
func (e *Extract) takeDNAME() bool {
	for i := range e.records {
		r := &e.records[i]
		if r.section != 0 || r.typ != TypeDNAME && !e.covers(r, TypeDNAME) {
			continue
		}
		var owner [MaxName]byte
		n, _ := expand(&owner, e.msg, r.owner)
		if n == 0 || n >= e.curN || !within(e.cur[:e.curN], owner[:n]) {
			continue
		}
		ok := true
		if r.typ == TypeDNAME {
			ok = e.take(r)
		} else if e.q.DO {
			ok = e.takeSigned(r)
		}
		if !ok {
			return false
		}
		r.section = taken
	}
	return true
}

// taken is the section of a record that is not to be taken again.
const taken = 2

// finishPositive ends an answer that has what was asked for.
func (e *Extract) finishPositive() Finding {
	if !e.takeProofs(nil) {
		return Garbage
	}
	return e.finish(e.bounds.Max)
}

// finishNegative ends an answer whose last name has nothing of the type, or does not exist.
func (e *Extract) finishNegative() Finding {
	soa := e.soa()
	if soa == nil {
		e.finish(0)
		if e.Answers > 0 && e.Rcode == NoError {
			return Incomplete
		}
		e.Negative = true
		return Unproven
	}
	e.Negative = true
	// RFC 2308 5: the lesser of the TTL of the SOA and its last number.
	soa.ttl = min(soa.ttl, binary.BigEndian.Uint32(e.msg[soa.end-4:]))
	var zone [MaxName]byte
	n, _ := expand(&zone, e.msg, soa.owner)
	if !e.take(soa) || !e.takeProofs(zone[:n]) {
		return Garbage
	}
	return e.finish(e.bounds.MaxNegative)
}

// soa returns the SOA record of a zone that the current name is in, nil if there is none.
func (e *Extract) soa() *record {
	var zone [MaxName]byte
	for i := range e.records {
		r := &e.records[i]
		if r.section != 1 || r.typ != TypeSOA || r.end-r.data < soaNumbers {
			continue
		}
		if n, _ := expand(&zone, e.msg, r.owner); n > 0 && within(e.cur[:e.curN], zone[:n]) {
			return r
		}
	}
	return nil
}

// takeProofs takes the proofs that a name or a type does not exist, and their signatures, if these are wanted
// and they are of the zone or of one that has signed what was taken. It is false if one is malformed.
func (e *Extract) takeProofs(zone []byte) bool {
	if !e.q.DO {
		return true
	}
	left := maxProofs
	for i := 0; i < len(e.records) && left > 0; i++ {
		r := &e.records[i]
		proof := r.typ == TypeNSEC || r.typ == TypeNSEC3 || e.covers(r, TypeNSEC) || e.covers(r, TypeNSEC3) ||
			zone != nil && e.covers(r, TypeSOA)
		if r.section != 1 || !proof {
			continue
		}
		left--
		if e.inZone(r, zone) && !e.take(r) {
			return false
		}
	}
	return true
}

// inZone says whether the owner of r is in the zone or in one of the signers'.
func (e *Extract) inZone(r *record, zone []byte) bool {
	var owner, signer [MaxName]byte
	n, _ := expand(&owner, e.msg, r.owner)
	if n == 0 {
		return false
	}
	if zone != nil && within(owner[:n], zone) {
		return true
	}
	for _, at := range e.signers {
		if m, _ := expand(&signer, e.msg, at); within(owner[:n], signer[:m]) {
			return true
		}
	}
	return false
}

// finish sets what is said of the whole, which is kept for longest at most.
func (e *Extract) finish(longest time.Duration) Finding {
	e.Records = e.out[e.base:]
	if len(e.ttls) == 0 {
		return Brief
	}
	e.TTL = min(time.Duration(e.least)*time.Second, longest)
	switch {
	case e.TTL < time.Second:
		return Brief
	case len(e.Records) > maxKept:
		return Oversize
	}
	return Good
}

// take writes a record, its TTL within the bounds. It is false if the record is malformed.
func (e *Extract) take(r *record) bool {
	ttl := min(max(r.ttl, seconds(e.bounds.Min)), seconds(e.bounds.Max))
	if e.Negative {
		ttl = min(ttl, seconds(e.bounds.MaxNegative))
	}
	at, ok := e.write(e.msg, r, ttl)
	if !ok || at-e.base > math.MaxUint16 {
		return false
	}
	e.ttls = append(e.ttls, uint16(at-e.base))
	e.least = min(e.least, ttl)
	if r.section == 0 {
		e.Answers++
	} else {
		e.Authorities++
	}
	return true
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), math.MaxInt32))
}
