package model

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Names have one canonical form in a Site, in lower case: a single label for a
// name in the site's own domain, and all of it for a name in any other domain
// (a name below the site's domain counts as another domain).

const (
	maxLabel  = 63                     // RFC 1035 2.3.4
	maxName   = 253                    // the longest name that fits the 255 bytes of RFC 1035 2.3.4 in text
	MaxDomain = maxName - maxLabel - 1 // the longest domain that any host name fits before, in bytes
)

// Canonical returns the canonical form of a name in a site of this domain.
func Canonical(name, domain string) string {
	name = strings.ToLower(name)
	if label, ok := strings.CutSuffix(name, "."+domain); ok && !strings.Contains(label, ".") {
		return label
	}
	return name
}

// IsLabel reports whether a canonical name is in the site's domain.
func IsLabel(name string) bool { return !strings.Contains(name, ".") }

// NotLabel says why s is no label by RFC 1123 2.1, "" if it is one. It continues a
// sentence that starts with the label.
func NotLabel(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxLabel:
		return fmt.Sprintf("has %d characters; expected at most %d (RFC 1123)", len(s), maxLabel)
	case s[0] == '-' || s[len(s)-1] == '-':
		return "starts or ends with a hyphen; expected a letter or digit there (RFC 1123)"
	}
	for i, c := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 && s[i] >= 0xa0 {
			return fmt.Sprintf("contains the byte 0x%02x, which is %q in Latin-1; expected letters, digits and hyphens (RFC 1123)", s[i], rune(s[i]))
		}
		if !isNameChar(c) {
			return fmt.Sprintf("contains %q; expected letters, digits and hyphens (RFC 1123)", c)
		}
	}
	return ""
}

func isNameChar(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
}

// NotName says why s is no host or domain name, "" if it is one. It continues a
// sentence that starts with the name.
func NotName(s string) string {
	if len(s) > maxName {
		return fmt.Sprintf("has %d characters; expected at most %d", len(s), maxName)
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		reason := NotLabel(label)
		if reason == "" {
			continue
		}
		if label == "" && len(labels) > 1 {
			return EmptyPart(s)
		}
		return reason
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "ends in a part of digits only, which programs take for an address (RFC 1123 2.1)"
	}
	return ""
}

// EmptyPart says why dots are not as they should be in s. It continues a sentence that starts with the name.
func EmptyPart(s string) string {
	const dots = "expected single dots between its parts and none at the ends"
	if name := strings.TrimSuffix(s, "."); name != "" && !strings.HasPrefix(name, ".") &&
		!strings.Contains(name, "..") && name != s {
		return "ends with a dot, as whole names do in zone files; here they are whole without; expected " +
			fmt.Sprintf("%q", name)
	}
	return "has an empty part; " + dots
}

// NotLinkName says why a network interface cannot be called s, "" if it can. It
// continues a sentence that starts with the name. The kernel allows more than
// this, but not everything that carries such names does.
func NotLinkName(s string) string {
	switch s {
	case "":
		return "is empty"
	case "lo":
		return "is the loopback interface; expected one that leads to a network"
	case "all", "default":
		return "is a name that the kernel keeps for its own settings"
	}
	if strings.Contains(s, ".") {
		return `contains a dot; expected the plain interface, with the VLAN as in vlan = 20`
	}
	for _, c := range s {
		if !isNameChar(c) && c != '_' {
			return fmt.Sprintf("contains %q; expected letters, digits, hyphens and underscores", c)
		}
	}
	return ""
}

// IsOwnName reports whether name, in canonical form, is one that a system gives to itself, or to a group that
// it belongs to, by an address that says so. Beside those of IsSystemName these are names of macOS, BSD,
// Solaris, Alpine and SUSE, which hosts of a network may have too.
func IsOwnName(name string) bool {
	switch host, _, _ := strings.Cut(name, "."); host {
	case "loopback", "loghost", "broadcasthost", "local", "ipv6-localhost", "ipv6-loopback", "ipv6-localnet",
		"ipv6-mcastprefix", "ipv6-allnodes", "ipv6-allrouters", "ipv6-allhosts":
		return true
	}
	return IsSystemName(name)
}

// IsSystemName reports whether every Linux system gives the name to itself or to
// a group that it belongs to (Debian's /etc/hosts).
func IsSystemName(name string) bool {
	host, _, _ := strings.Cut(name, ".")
	return host == "localhost" || host == "localhost4" || host == "localhost6" || strings.HasPrefix(host, "ip6-")
}
