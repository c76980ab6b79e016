package option

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Format returns the value for people. What is not of the kind that it should be
// is shown as it is, in hex: no byte of it reaches a terminal.
func (d Definition) Format(data []byte) string {
	if text, ok := d.Kind.format(data); ok {
		return text
	}
	return hex.EncodeToString(data)
}

func (k Kind) format(data []byte) (text string, ok bool) {
	switch k {
	case Text:
		return strconv.Quote(string(data)), isPrintable(string(data))
	case Address, Addresses:
		return formatEach(data, 4, func(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() })
	case Number8, Flag:
		return formatEach(data, 1, func(b []byte) string { return strconv.Itoa(int(b[0])) })
	case Number16:
		return formatEach(data, 2, func(b []byte) string {
			return strconv.Itoa(int(binary.BigEndian.Uint16(b)))
		})
	case Number32:
		return formatEach(data, 4, func(b []byte) string {
			return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b)), 10)
		})
	case Codes:
		return formatEach(data, 1, func(b []byte) string { return strconv.Itoa(int(b[0])) })
	case Domains:
		domains, ok := ReadDomains(data)
		return strings.Join(domains, ","), ok
	case Routes:
		var all []string
		routes, ok := ReadRoutes(data)
		for _, r := range routes {
			all = append(all, r.String())
		}
		return strings.Join(all, ", "), ok
	case Encapsulated:
		if text, ok := formatEncapsulated(data); ok {
			return text, true
		}
		// a text in its place, as for Raspberry Pis
		return strconv.Quote(string(data)), len(data) > 1 && isPrintable(string(data))
	}
	return "", false
}

// formatEncapsulated formats options within an option: `1="ge-7" 2=0a0b`.
func formatEncapsulated(b []byte) (string, bool) {
	var all []string
	for len(b) > 0 {
		if b[0] == 0 || b[0] == 255 { // Pad or End
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return "", false
		}
		value := b[2 : 2+int(b[1])]
		text := hex.EncodeToString(value)
		if len(value) > 1 && isPrintable(string(value)) {
			text = strconv.Quote(string(value))
		}
		all = append(all, fmt.Sprintf("%d=%s", b[0], text))
		b = b[2+len(value):]
	}
	return strings.Join(all, " "), len(all) > 0
}

// formatEach formats values of a fixed size.
func formatEach(b []byte, size int, format func([]byte) string) (string, bool) {
	if len(b) == 0 || len(b)%size != 0 {
		return "", false
	}
	var all []string
	for ; len(b) > 0; b = b[size:] {
		all = append(all, format(b[:size]))
	}
	return strings.Join(all, ","), true
}
