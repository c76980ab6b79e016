package site

import (
	"net/netip"
	"strings"
)

// ethersLine is one line of ethers: a card and the name of its host, in canonical
// form, always a single label. Of a line that was refused only the name is left
// and mac is zero, so that nobody complains that the host has no card.
type ethersLine struct {
	mac    MAC
	name   string
	macAt  span
	nameAt span
}

// readEthers reads ethers(5) as the C library does. Where the library skips a line
// or ignores the end of one, readEthers reports it. The manual allows an address
// instead of the name; that would say twice what hosts says once, and is reported.
// The domain is "" when site.toml has no valid one; names in it are not told from
// others then.
func readEthers(src *source, domain string, problem *reporter) []ethersLine {
	var lines []ethersLine
	for _, words := range words(src) {
		mac, reason := parseMAC(words[0].s)
		if reason == "" {
			reason = notCard(mac)
		}
		if reason != "" {
			problem.at(words[0].at, "%q %s", words[0].s, reason)
			mac = MAC{}
		}
		if len(words) == 1 {
			problem.at(words[0].at, "%q has no name; expected the name of its host on the same line", words[0].s)
			continue
		}
		if len(words) > 2 {
			problem.at(words[2].at, "%q is one word too many; expected a MAC address and one host name", words[2].s)
		}
		if name, ok := ethersName(words[1], domain, problem); ok {
			lines = append(lines, ethersLine{mac, name, words[0].at, words[1].at})
		}
	}
	return lines
}

// ethersName returns the label that a name in ethers stands for.
func ethersName(w word, domain string, problem *reporter) (string, bool) {
	if _, err := netip.ParseAddr(w.s); err == nil {
		problem.at(w.at, "%s is an address; expected the name that hosts gives it", w.s)
		return "", false
	}
	name, ok := hostName(w, domain, problem)
	if !ok {
		return "", false
	}
	if domain == "" {
		name, _, _ = strings.Cut(name, ".")
	}
	if !isLabel(name) {
		problem.at(w.at, "host name %q is in another domain; expected a plain name or one that ends in .%s", w.s, domain)
		return "", false
	}
	return name, true
}

// notCard says why m cannot be the address of one network card, "" if it can.
func notCard(m MAC) string {
	switch {
	case m == MAC{}:
		return "is all zeros; expected the address of a network card"
	case m[0]&1 != 0:
		return "is a group address (its first octet is odd); expected the address of a network card"
	}
	return ""
}
