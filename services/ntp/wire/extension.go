package wire

import (
	"encoding/binary"
	"iter"
)

// Lengths of extension fields (RFC 7822 3.1), in bytes: of any, and of the last where no authenticator
// follows.
const (
	minField     = 16
	minLastField = 28
)

// authenticator tells whether so many bytes may be one (RFC 5905 figure 8, RFC 7822): nothing, a key's number
// alone ("crypto-NAK"), or one with a digest of 16 or 20 bytes. Others, up to 64 bytes of digest in version
// 3, are let pass as well by those who check them; there are none here.
func authenticator(n int) bool {
	return n == 0 || n == 4 || n == 20 || n == 24
}

// field returns the length of the extension field that b begins with, 0 if it begins with none.
func field(b []byte) int {
	if len(b) < minField {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < minField || n%4 != 0 || n > len(b) {
		return 0
	}
	return n
}

// extensions tells whether b is extension fields, with an authenticator behind them or none.
func extensions(b []byte) bool {
	for !authenticator(len(b)) {
		n := field(b)
		if n == 0 || n == len(b) && n < minLastField {
			return false
		}
		b = b[n:]
	}
	return true
}

// Fields are the extension fields in what Read returned as rest: type and value, padding included.
func Fields(rest []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for !authenticator(len(rest)) {
			n := field(rest)
			if n == 0 || !yield(binary.BigEndian.Uint16(rest), rest[4:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}
