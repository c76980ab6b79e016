package hooks

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// kind is what the value of an option is.
type kind uint8

const (
	hexadecimal kind = iota // for options without a name
	addresses
	pairs // of addresses
	number8
	number16
	number32
	signed32
	words   // any text
	host    // the name of a host or domain
	domains // a list of them: RFC 1035
	routes  // RFC 3442
	sip     // RFC 3361
	prefix6 // RFC 5969: 6rd
)

// optionOf returns the variable of an option, and what is in it: the tables dhcp_optflags
// and dhcp_option_strings of busybox, networking/udhcp/common.c.
func optionOf(code uint8) (name string, k kind) {
	known := map[uint8]struct {
		name string
		kind kind
	}{
		1: {"subnet", addresses}, 2: {"timezone", signed32}, 3: {"router", addresses}, 6: {"dns", addresses},
		9: {"lprsrv", addresses}, 12: {"hostname", host}, 13: {"bootsize", number16}, 15: {"domain", host},
		16: {"swapsrv", addresses}, 17: {"rootpath", words}, 23: {"ipttl", number8}, 26: {"mtu", number16},
		28: {"broadcast", addresses}, 33: {"routes", pairs}, 40: {"nisdomain", host},
		41: {"nissrv", addresses}, 42: {"ntpsrv", addresses}, 44: {"wins", addresses},
		51: {"lease", number32}, 54: {"serverid", addresses}, 56: {"message", words}, 60: {"vendor", words},
		66: {"tftp", host}, 67: {"bootfile", words}, 100: {"tzstr", words}, 101: {"tzdbstr", words},
		119: {"search", domains}, 120: {"sipsrv", sip}, 121: {"staticroutes", routes},
		132: {"vlanid", number16}, 133: {"vlanpriority", number8}, 209: {"pxeconffile", words},
		210: {"pxepathprefix", words}, 211: {"reboottime", number32}, 212: {"ip6rd", prefix6},
		249: {"msstaticroutes", routes}, 252: {"wpad", words},
	}
	if o, ok := known[code]; ok {
		return o.name, o.kind
	}
	return fmt.Sprintf("opt%d", code), hexadecimal
}

// format returns a value as a script gets it. What is too short is empty.
func (k kind) format(b []byte) string {
	switch k {
	case addresses:
		return each(b, 4, dotted)
	case pairs:
		return each(b, 8, func(b []byte) string { return dotted(b[:4]) + "/" + dotted(b[4:]) })
	case number8:
		return each(b, 1, func(b []byte) string { return fmt.Sprint(b[0]) })
	case number16:
		return each(b, 2, func(b []byte) string { return fmt.Sprint(binary.BigEndian.Uint16(b)) })
	case number32:
		return each(b, 4, func(b []byte) string { return fmt.Sprint(binary.BigEndian.Uint32(b)) })
	case signed32:
		return each(b, 4, func(b []byte) string { return fmt.Sprint(int32(binary.BigEndian.Uint32(b))) })
	case words:
		return text(b)
	case host:
		return hostName(b)
	case domains:
		names, _ := option.ReadDomains(b)
		return strings.Join(names, " ")
	case routes:
		return routeList(b)
	case sip:
		return sipServers(b)
	case prefix6:
		return prefix(b)
	}
	return hex.EncodeToString(b)
}

// each formats the whole pieces of a list.
func each(b []byte, size int, format func([]byte) string) string {
	var all []string
	for ; len(b) >= size; b = b[size:] {
		all = append(all, format(b[:size]))
	}
	return strings.Join(all, " ")
}

func dotted(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() }

// ones counts the bits of a mask that are set.
func ones(b []byte) int { return bits.OnesCount32(binary.BigEndian.Uint32(b)) }

// hostName returns a name if it is one that harms no script: as udhcpc's good_hostname, which
// calls others "bad".
func hostName(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	harmless := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' ||
			strings.ContainsRune("-_.", r)
	}
	if strings.HasPrefix(s, "-") || strings.ContainsFunc(s, func(r rune) bool { return !harmless(r) }) {
		return "bad"
	}
	return s
}

// routeList returns "NETWORK/BITS ROUTER" for each route.
func routeList(b []byte) string {
	all, ok := option.ReadRoutes(b)
	if !ok {
		return ""
	}
	var words []string
	for _, r := range all {
		via := r.Via
		if !via.IsValid() {
			via = netip.IPv4Unspecified()
		}
		words = append(words, r.To.String(), via.String())
	}
	return strings.Join(words, " ")
}

func sipServers(b []byte) string {
	const names, addrs = 0, 1
	switch {
	case len(b) > 1 && b[0] == names:
		return domains.format(b[1:])
	case len(b) > 1 && b[0] == addrs:
		return addresses.format(b[1:])
	}
	return ""
}

// prefix returns "V4BITS V6BITS PREFIX ROUTER...".
func prefix(b []byte) string {
	const head = 1 + 1 + 16
	if len(b) < head+4 || b[0] > 32 || int(b[1])+32-int(b[0]) > 128 {
		return ""
	}
	network := netip.AddrFrom16([16]byte(b[2:])).StringExpanded()
	return fmt.Sprintf("%d %d %s %s", b[0], b[1], network, addresses.format(b[head:]))
}
