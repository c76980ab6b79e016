package wire

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"
)

// An entry of the cache is, in words of eight bytes:
//
//	0  key, length of the name, result, AD; at the top, how many words it has
//	1  hash of name and key
//	2  when it was put, in nanoseconds
//	3  for how long it is good, in seconds; bytes of records; number of TTLs
//	4  number of answers, of a failure its extended error; number of authorities; hits that were counted when it
//	   last got another chance
//	…  name · where in the records each TTL is, two bytes each · records
//
// each of the last three up to a whole number of words.
const entryHeader = 5

const (
	nameShift  = keyBits
	rcodeShift = nameShift + 8
	adBit      = 1 << (rcodeShift + 4)
	matchMask  = 1<<rcodeShift - 1 // what has to be equal
)

// header is what the first words of an entry say.
type header struct {
	key                          uint64
	name                         int // bytes
	rcode                        Rcode
	ad                           bool
	hash                         uint64
	put                          time.Duration
	ttl                          time.Duration
	body, ttls                   int
	answers, authorities, chance uint32
	words                        int
}

// load reads a header, and is false if the words cannot be one: a reader came too late.
func (h *header) load(words []atomic.Uint64) bool {
	if len(words) < entryHeader {
		return false
	}
	w := words[0].Load()
	h.words = int(w >> lengthShift)
	h.key, h.name = w&(1<<keyBits-1), int(w>>nameShift&255)
	h.rcode, h.ad = Rcode(w>>rcodeShift&15), w&adBit != 0
	h.hash = words[1].Load()
	h.put = time.Duration(words[2].Load())
	w = words[3].Load()
	h.ttl, h.body, h.ttls = time.Duration(w>>32)*time.Second, int(w>>16&math.MaxUint16), int(w&math.MaxUint16)
	w = words[4].Load()
	h.answers, h.authorities, h.chance = uint32(w>>16&math.MaxUint16), uint32(w&math.MaxUint16), uint32(w>>32)
	return h.words <= len(words) && h.words == h.recordsAt()+wordsOf(h.body)
}

// namesAt, ttlsAt and recordsAt are where in the entry its parts begin, in words.
func (h *header) ttlsAt() int    { return entryHeader + wordsOf(h.name) }
func (h *header) recordsAt() int { return h.ttlsAt() + wordsOf(2*h.ttls) }

// store writes a header to the first words of an entry.
func (h *header) store(words []uint64) {
	words[0] = h.key | uint64(h.name)<<nameShift | uint64(h.rcode)<<rcodeShift | uint64(h.words)<<lengthShift
	if h.ad {
		words[0] |= adBit
	}
	words[1], words[2] = h.hash, uint64(h.put)
	words[3] = uint64(h.ttl/time.Second)<<32 | uint64(h.body)<<16 | uint64(h.ttls)
	words[4] = uint64(h.chance)<<32 | uint64(h.answers)<<16 | uint64(h.authorities)
}

// is says whether an entry has a name and a key.
func is(words []atomic.Uint64, name *Name, key uint64) bool {
	n := name.words()
	if len(words) < entryHeader+n || words[0].Load()&matchMask != key|uint64(name.n)<<nameShift {
		return false
	}
	words = words[entryHeader : entryHeader+n]
	for i := range words {
		if words[i].Load() != name.word(i) {
			return false
		}
	}
	return true
}

// encode makes an entry in dst of h, which says what there is, and its parts.
func encode(dst []uint64, h *header, name *Name, ttls []uint16, records []byte) []uint64 {
	h.name, h.ttls, h.body = int(name.n), len(ttls), len(records)
	h.words = h.recordsAt() + wordsOf(h.body)
	for range entryHeader {
		dst = append(dst, 0)
	}
	h.store(dst[len(dst)-entryHeader:])
	for i := range name.words() {
		dst = append(dst, name.word(i))
	}
	for ; len(ttls) > 0; ttls = ttls[min(4, len(ttls)):] {
		w := uint64(0)
		for i, at := range ttls[:min(4, len(ttls))] {
			w |= uint64(at) << (16 * i)
		}
		dst = append(dst, w)
	}
	for ; len(records) >= 8; records = records[8:] {
		dst = append(dst, binary.LittleEndian.Uint64(records))
	}
	if len(records) > 0 {
		var last [8]byte
		copy(last[:], records)
		dst = append(dst, binary.LittleEndian.Uint64(last[:]))
	}
	return dst
}

// bytesOf copies words to dst, as bytes.
func bytesOf(dst []byte, words []atomic.Uint64) {
	for i := range words {
		binary.LittleEndian.PutUint64(dst[8*i:], words[i].Load())
	}
}

// setTTLs sets the TTLs in records, which are where words say, to what is left of them after age, or to fixed
// if that is above 0. None is less than that of the entry. What a reader finds that came too late is
// anything, so each place is checked.
func setTTLs(records []byte, words []atomic.Uint64, n int, age, fixed uint32) {
	for i := range n {
		at := int(words[i/4].Load() >> (16 * (i % 4)) & math.MaxUint16)
		if at+4 > len(records) {
			return
		}
		ttl := fixed
		if fixed == 0 {
			ttl = binary.BigEndian.Uint32(records[at:]) - age
		}
		binary.BigEndian.PutUint32(records[at:], ttl)
	}
}
