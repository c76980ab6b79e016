package option

import "strings"

// IsLabel reports whether s is a host name without dots: letters, digits and
// hyphens, no hyphen at either end, 63 at most (RFC 952, RFC 1123 2.1).
func IsLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// IsDomain reports whether s is labels with single dots between them, 253
// characters at most.
func IsDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !IsLabel(label) {
			return false
		}
	}
	return true
}

// AppendDomain encodes a domain as option 119 has it: RFC 3397, names as in RFC
// 1035 3.1, not compressed.
func AppendDomain(b []byte, domain string) []byte {
	for label := range strings.SplitSeq(domain, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
