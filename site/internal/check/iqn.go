package check

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// maxISCSIName is the longest iSCSI name in bytes (RFC 7143 4.2.7.1).
const maxISCSIName = 223

// notISCSIName says why s is no iSCSI name in normal form (RFC 7143 4.2.7, RFC
// 3722), "" if it is one. It continues a sentence that starts with the name. Only
// ASCII is accepted: clients disagree on what to do with the rest.
func notISCSIName(s string) string {
	if len(s) > maxISCSIName {
		return fmt.Sprintf("has %d bytes; expected at most %d (RFC 7143 4.2.7.1)", len(s), maxISCSIName)
	}
	kind, rest, _ := strings.Cut(s, ".")
	switch kind {
	case "iqn":
		return notIQN(s, rest)
	case "eui":
		if len(rest) != 16 || !isHex(rest) {
			return `is no EUI-64 name; expected "eui." and 16 hexadecimal digits (RFC 7143 4.2.7.5)`
		}
	case "naa":
		if len(rest) != 16 && len(rest) != 32 || !isHex(rest) {
			return `is no NAA name; expected "naa." and 16 or 32 hexadecimal digits (RFC 7143 4.2.7.6)`
		}
	default:
		return `is no iSCSI name; expected one such as "iqn.2011-03.example.home:web1" (RFC 7143 4.2.7)`
	}
	return ""
}

// notIQN checks what follows "iqn.": the month in which the domain belonged to
// whoever makes the names, that domain in reverse, and optionally a colon and text.
func notIQN(s, rest string) string {
	if i := strings.IndexFunc(s, func(c rune) bool { return !isIQNChar(c) }); i >= 0 {
		c := []rune(s[i:])[0]
		if 'A' <= c && c <= 'Z' {
			return fmt.Sprintf("contains %q; expected lower case (RFC 3722)", c)
		}
		return fmt.Sprintf("contains %q; expected letters, digits, hyphens, dots and colons (RFC 3722)", c)
	}
	authority, text, colon := strings.Cut(rest, ":")
	date, domain, _ := strings.Cut(authority, ".")
	switch {
	case !isMonth(date):
		return fmt.Sprintf(`has %q where a month belongs; expected year and month as in "iqn.2011-03.example.home:web1"`, date)
	case model.NotName(domain+".a") != "": // a domain in reverse may end in digits
		return fmt.Sprintf(`has %q where a domain in reverse belongs, as in "iqn.2011-03.example.home:web1"`,
			domain)
	case colon && text == "":
		return "ends in a colon; expected text after it, or none"
	}
	return ""
}

func isIQNChar(c rune) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == ':'
}

// isMonth reports whether s has the form YYYY-MM.
func isMonth(s string) bool {
	if len(s) != 7 || s[4] != '-' {
		return false
	}
	digits := s[:4] + s[5:]
	return strings.Trim(digits, "0123456789") == "" && "01" <= s[5:] && s[5:] <= "12"
}

func isHex(s string) bool {
	for i := range len(s) {
		if _, ok := model.HexDigit(s[i]); !ok {
			return false
		}
	}
	return true
}
