package model

import (
	"fmt"
	"strconv"
	"strings"
)

// MAC is an Ethernet address.
type MAC [6]byte

// String returns the usual form, six pairs of lower-case digits with colons.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// MarshalText returns the form of String.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the form of ethers(5): six octets of one or two hexadecimal
// digits with colons between them.
func (m *MAC) UnmarshalText(text []byte) error {
	parsed, reason := ParseMAC(string(text))
	if reason != "" {
		return fmt.Errorf("%q %s", text, reason)
	}
	*m = parsed
	return nil
}

// ParseMAC reads the form of ethers(5) like ether_aton(3): octets have one or two
// digits of either case. The reason is "" or continues a sentence that starts
// with the text.
func ParseMAC(s string) (m MAC, reason string) {
	const expected = `is no MAC address; expected six octets such as "00:16:3e:20:00:11"`
	if other := otherForm(s); other != "" {
		return MAC{}, "is a MAC address in another form; expected " + other
	}
	octet := 0
	digits := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ':' {
			if digits == 0 || octet == len(m)-1 {
				return MAC{}, expected
			}
			octet, digits = octet+1, 0
			continue
		}
		value, ok := HexDigit(s[i])
		if !ok || digits == 2 {
			return MAC{}, expected
		}
		m[octet] = m[octet]<<4 | value
		digits++
	}
	if octet != len(m)-1 || digits == 0 {
		return MAC{}, expected
	}
	return m, ""
}

// otherForm returns a MAC address in the form that is read, in quotes, if s is one as others write it: with
// hyphens, with dots between every four digits, or with nothing between. It is "" for any other text.
func otherForm(s string) string {
	digits := strings.Map(func(c rune) rune {
		if c == '-' || c == '.' {
			return -1
		}
		return c
	}, s)
	if len(digits) != 12 || strings.Contains(s, ":") {
		return ""
	}
	var m MAC
	for i := range len(digits) {
		value, ok := HexDigit(digits[i])
		if !ok {
			return ""
		}
		m[i/2] = m[i/2]<<4 | value
	}
	return strconv.Quote(m.String())
}

// HexDigit returns the value of a hexadecimal digit, false for what is none.
func HexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
