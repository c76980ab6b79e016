package ethernet

import (
	"encoding/hex"
	"fmt"
)

// A MAC is the hardware address of an Ethernet card, in the order of the wire.
// Its text form is six lower-case pairs joined by colons, in JSON too.
type MAC [6]byte

// String returns the form 00:00:5e:00:53:21.
func (m MAC) String() string {
	var b [17]byte
	return string(m.AppendTo(b[:0]))
}

// AppendTo appends the text form to b and returns the longer slice.
func (m MAC) AppendTo(b []byte) []byte {
	for i := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, m[i:i+1])
	}
	return b
}

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return m.AppendTo(nil), nil }

// UnmarshalText reads exactly the form that MarshalText writes, with digits of either case.
func (m *MAC) UnmarshalText(text []byte) error {
	if len(text) != 17 {
		return fmt.Errorf("hardware address %q: want six pairs of hex digits joined by colons", text)
	}
	for i := range m {
		sep := i == 0 || text[3*i-1] == ':'
		if _, err := hex.Decode(m[i:i+1], text[3*i:3*i+2]); err != nil || !sep {
			return fmt.Errorf("hardware address %q: want six pairs of hex digits joined by colons", text)
		}
	}
	return nil
}

// IsUnicast reports whether m can be the address of one card: neither all zero nor a group address.
func (m MAC) IsUnicast() bool { return m != MAC{} && m[0]&1 == 0 }

// Everybody is the address of all stations on a link.
func Everybody() MAC { return MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }
