package option

import (
	"net/netip"
	"strings"
)

// MaxDomains is how many names of a search list are read. With compression, two
// bytes are a name of 253, so that the length of the option bounds nothing.
const MaxDomains = 64

// ReadAddrs reads a list of IPv4 addresses: options 3, 6, 42 and their like. One that
// is cut short, or empty, is none.
func ReadAddrs(b []byte) (all []netip.Addr, ok bool) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, false
	}
	for ; len(b) > 0; b = b[4:] {
		all = append(all, netip.AddrFrom4([4]byte(b)))
	}
	return all, true
}

// ReadDomains reads a search list, option 119: names as in RFC 1035, compressed by
// pointers into the option itself (RFC 3397 section 2). A list with a name that is no
// host's, or with more than MaxDomains, is none.
func ReadDomains(b []byte) (all []string, ok bool) {
	for at := 0; at < len(b); {
		name, next, ok := readDomain(b, at)
		if !ok || len(all) == MaxDomains {
			return nil, false
		}
		all, at = append(all, name), next
	}
	return all, len(all) > 0
}

// readDomain reads the name at b[at], and returns where the next one begins.
func readDomain(b []byte, at int) (name string, next int, ok bool) {
	const pointer = 0xc0
	var labels []string
	// RFC 1035 4.1.4: a pointer leads to "a prior occurrence", so each one leads before
	// whatever was read so far, and there are no loops.
	for first := at; at < len(b); {
		n := int(b[at])
		switch {
		case n == 0:
			name = strings.Join(labels, ".")
			return name, max(next, at+1), IsDomain(name)
		case n&pointer == pointer && at+1 < len(b):
			to := n&^pointer<<8 | int(b[at+1])
			if to >= first {
				return "", 0, false
			}
			next = max(next, at+2)
			first, at = to, to
		case at+1+n > len(b) || !IsLabel(string(b[at+1:at+1+n])):
			return "", 0, false
		default:
			labels = append(labels, string(b[at+1:at+1+n]))
			at += 1 + n
		}
	}
	return "", 0, false
}
