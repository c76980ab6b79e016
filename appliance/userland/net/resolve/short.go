package resolve

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// Short reads an address of IPv4 as inet_aton(3) does: of one to four numbers, the last of which fills what
// is left (127.1, 10.1.2), each decimal, octal with 0 or hexadecimal with 0x. A resolver would be asked for
// what is none.
func Short(text string) (netip.Addr, bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var all uint32
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		base := 10
		if digits, ok := strings.CutPrefix(strings.ToLower(part), "0x"); ok {
			part, base = digits, 16
		} else if len(part) > 1 && part[0] == '0' {
			base = 8
		}
		n, err := strconv.ParseUint(part, base, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		all = uint32(uint64(all)<<bits | n)
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, all))), true
}
