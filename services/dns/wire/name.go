package wire

import (
	"encoding/binary"
	"math/bits"
)

// MaxName is the length of the longest name in wire form, its last zero included (RFC 1035 2.3.4).
const MaxName = 255

const maxLabel = 63

// A Name is a domain name as the key of a table: in wire form, uncompressed, in lower case, with its hash.
// Its zero value is no name.
type Name struct {
	hash uint64
	n    uint8
	wire [MaxName + 9]byte // zero behind the name, up to a whole number of words
}

// Bytes returns the name in wire form. It is part of n, and valid until n is set again.
func (n *Name) Bytes() []byte { return n.wire[:n.n] }

// Hash is the hash of the name by the seed that it was set with.
func (n *Name) Hash() uint64 { return n.hash }

// words is how many words of eight bytes the name has.
func (n *Name) words() int { return wordsOf(int(n.n)) }

// word returns eight bytes of the name; those behind its end are zero.
func (n *Name) word(i int) uint64 { return binary.LittleEndian.Uint64(n.wire[i*8:]) }

// Set makes n of a name in wire form, in any case of letters. It is false if that is no uncompressed name, or
// more than one. The hash is for tables whose keys are chosen by strangers, so the seed should be one that
// they do not know; names are compared only between tables of one seed.
func (n *Name) Set(wire []byte, seed uint64) bool {
	if nameLength(wire) != len(wire) || len(wire) == 0 {
		return false
	}
	n.set(wire, seed)
	return true
}

// set is Set of what is known to be a name. Lengths of labels are no letters, so the whole of it is folded.
func (n *Name) set(wire []byte, seed uint64) {
	n.n = uint8(copy(n.wire[:MaxName], wire))
	binary.LittleEndian.PutUint64(n.wire[n.n:], 0)
	k := (seed ^ multiplier) | 1
	h := seed ^ uint64(n.n)
	for i := range n.words() {
		w := fold(n.word(i))
		binary.LittleEndian.PutUint64(n.wire[i*8:], w)
		h = mix(h^w, k)
	}
	n.hash = h
}

// multiplier is an odd number without a pattern: 2^64 by the golden ratio.
const multiplier = 0x9e3779b97f4a7c15

// mix multiplies to 128 bits and folds them.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func wordsOf(bytes int) int { return (bytes + 7) / 8 }

// fold makes the capital letters among eight bytes small.
func fold(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	seven := w &^ high
	above := seven + (0x7f-'Z')*ones // the high bit of a byte is set if it is above Z
	from := seven + (0x80-'A')*ones  // and here if it is A or above
	return w | (^w&(from^above)&high)>>2
}

// foldByte is fold of one byte.
func foldByte(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

// nameLength returns how long the uncompressed name is that b starts with, 0 if it starts with none. No other
// kind of label than the plain one is known (RFC 6891 5).
func nameLength(b []byte) int {
	for i := 0; i < len(b) && i < MaxName; {
		switch l := int(b[i]); {
		case l == 0:
			return i + 1
		case l > maxLabel:
			return 0
		default:
			i += 1 + l
		}
	}
	return 0
}

// skipName returns where the name at off of a message ends, compressed or not, 0 if it is none. It does not
// follow a pointer.
func skipName(msg []byte, off int) int {
	for start := off; off < len(msg) && off-start < MaxName; {
		switch l := int(msg[off]); {
		case l == 0:
			return off + 1
		case l >= 0xc0:
			if off+2 > len(msg) {
				return 0
			}
			return off + 2
		case l > maxLabel:
			return 0
		default:
			off += 1 + l
		}
	}
	return 0
}

// expand writes the name at off of a message to name, uncompressed, letters as they are, and returns its
// length and where it ends in the message; the length is 0 if there is no name. Each pointer has to lead to
// before what it was met in, so there are no loops (RFC 9267 2).
func expand(name *[MaxName]byte, msg []byte, off int) (n, next int) {
	for start := off; off < len(msg); {
		l := int(msg[off])
		switch {
		case l >= 0xc0:
			if off+2 > len(msg) {
				return 0, 0
			}
			to := (l&0x3f)<<8 | int(msg[off+1])
			if next == 0 {
				next = off + 2
			}
			if to < headerSize || to >= start {
				return 0, 0
			}
			start, off = to, to
		case l > maxLabel, n+1+l > MaxName, off+1+l > len(msg):
			return 0, 0
		default:
			n += copy(name[n:], msg[off:off+1+l])
			off += 1 + l
			if l > 0 {
				continue
			}
			if next == 0 {
				next = off
			}
			return n, next
		}
	}
	return 0, 0
}

// within says whether name is zone or below it. Both are uncompressed; the letters may be of any case.
func within(name, zone []byte) bool {
	for len(name) > len(zone) {
		name = name[1+int(name[0]):]
	}
	return equalFold(name, zone)
}

// equalFold says whether two uncompressed names are equal.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && foldByte(a[i]) != foldByte(b[i]) {
			return false
		}
	}
	return true
}
