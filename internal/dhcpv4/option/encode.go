package option

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// isHex finds texts that nobody means as such: 0a, 0x0a1b, 01:02:ff. A name of two letters is none of them.
var isHex = regexp.MustCompile(`(?i)^(0x([0-9a-f]{2})+|[0-9][0-9a-f]|[0-9a-f]{2}(:[0-9a-f]{2})+)$`)

// MaxValue is how many bytes a value may have: what is left of an Ethernet frame.
const MaxValue = 1024

// Encode returns the value as on the wire. The errors are sentences that say what
// was expected.
//
// Kinds of lists take any number of values, the others one. Hex takes pairs of
// digits, which colons or spaces may separate, or a value with its type before it:
// text:, ip:, u8:, u16:, u32: or hex:. Text takes hex: and text: too, of which the
// second is for letters that look like digits of hex.
func (d Definition) Encode(values ...string) (b []byte, err error) {
	switch {
	case len(values) == 0:
		return nil, fmt.Errorf("option %s has no value; expected %s", d.Name, d.Kind)
	case len(values) > 1 && !d.Kind.IsList():
		return nil, fmt.Errorf("option %s has %d values; expected one, %s", d.Name, len(values), d.Kind)
	}
	for _, v := range values {
		if d.Kind == Text && isHex.MatchString(v) {
			return nil, fmt.Errorf("option %s is %q, which would be sent as letters; expected %[3]q for the bytes, or %[4]q for the letters",
				d.Name, v, "hex:"+strings.TrimPrefix(strings.ToLower(v), "0x"), "text:"+v)
		}
		var ok bool
		if b, ok = d.Kind.append(b, v); !ok {
			expected := d.Kind.String()
			if d.Kind == Text && strings.HasPrefix(v, hexPrefix) {
				expected = `pairs of hex digits behind "` + hexPrefix + `"`
			}
			return nil, fmt.Errorf("option %s is %q; expected %s", d.Name, v, expected)
		}
	}
	if len(b) > MaxValue {
		return nil, fmt.Errorf("option %s has %d bytes; expected at most %d", d.Name, len(b), MaxValue)
	}
	return b, nil
}

// append appends a value, and reports whether it is one of the kind.
func (k Kind) append(b []byte, v string) ([]byte, bool) {
	switch k {
	case Hex, Encapsulated:
		return appendHex(b, v)
	case Text:
		if digits, ok := strings.CutPrefix(v, hexPrefix); ok {
			return appendHex(b, digits)
		}
		v = strings.TrimPrefix(v, "text:")
		return append(b, v...), v != "" && isPrintable(v)
	case Address, Addresses:
		a, err := netip.ParseAddr(v)
		return append(b, a.AsSlice()...), err == nil && a.Is4()
	case Flag:
		if v == "true" {
			return append(b, 1), true
		}
		return append(b, 0), v == "false"
	case Domains:
		if !IsDomain(v) {
			return b, false
		}
		return AppendDomain(b, v), true
	case Routes:
		r, ok := ParseRoute(v)
		if !ok {
			return b, false
		}
		return r.Append(b), true
	}
	return k.appendNumber(b, v)
}

func (k Kind) appendNumber(b []byte, v string) ([]byte, bool) {
	switch k {
	case Number16:
		n, err := strconv.ParseUint(v, 10, 16)
		return binary.BigEndian.AppendUint16(b, uint16(n)), err == nil
	case Number32:
		n, err := strconv.ParseUint(v, 10, 32)
		return binary.BigEndian.AppendUint32(b, uint32(n)), err == nil
	}
	n, err := strconv.ParseUint(v, 10, 8)
	return append(b, byte(n)), err == nil
}

// appendHex appends a value of no known type.
func appendHex(b []byte, v string) ([]byte, bool) {
	types := map[string]Kind{"text": Text, "ip": Address, "u8": Number8, "u16": Number16, "u32": Number32}
	if name, value, ok := strings.Cut(v, ":"); ok {
		if k, ok := types[name]; ok {
			return k.append(b, value)
		}
		if name+":" == hexPrefix {
			v = value
		}
	}
	d, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(v))
	return append(b, d...), err == nil && len(d) > 0
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}
