package conn

import "strings"

// isName reports whether s is a name of labels of letters, digits, hyphens and underscores.
func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// readNames reads names of RFC 1035 3.1, without compression and padded with zeros (RFC 8106
// 5.2). ok is false if one is none.
func readNames(b []byte) (all []string, ok bool) {
	var name []string
	for len(b) > 0 {
		n := int(b[0])
		switch b = b[1:]; {
		case n == 0 && len(name) == 0: // padding
			for _, c := range b {
				if c != 0 {
					return nil, false
				}
			}
			return all, len(all) > 0
		case n == 0:
			full := strings.Join(name, ".")
			if len(full) > 253 {
				return nil, false
			}
			all, name = append(all, full), nil
		case n > len(b) || !isLabel(string(b[:n])):
			return nil, false
		default:
			name, b = append(name, string(b[:n])), b[n:]
		}
	}
	return all, len(name) == 0 && len(all) > 0
}
