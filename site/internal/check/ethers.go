package check

import (
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// ethersLine is one line of ethers: a card and the name of its host, in canonical
// form, always a single label. Of a line that was refused only the name is left
// and mac is zero, so that nobody complains that the host has no card.
type ethersLine struct {
	mac    model.MAC
	name   string
	macAt  source.Span
	nameAt source.Span
}

// readEthers reads ethers(5) as the C library does. Where the library skips a line
// or ignores the end of one, readEthers reports it. The manual allows an address
// instead of the name; that would say twice what hosts says once, and is reported.
// The domain is "" when site.toml has no valid one; names in it are not told from
// others then.
func readEthers(src *source.File, domain string, problem *source.Reporter) []ethersLine {
	var lines []ethersLine
	for _, words := range source.Words(src) {
		mac, reason := model.ParseMAC(words[0].Text)
		if reason == "" {
			reason = notCard(mac)
		}
		if reason != "" {
			problem.At(words[0].At, "%q %s", words[0].Text, reason)
			mac = model.MAC{}
		}
		if len(words) == 1 {
			problem.At(words[0].At, "%q has no name; expected the name of its host on the same line", words[0].Text)
			continue
		}
		if len(words) > 2 {
			problem.At(words[2].At, "%q is one word too many; expected a MAC address and one host name", words[2].Text)
		}
		if name, ok := ethersName(words[1], domain, problem); ok {
			lines = append(lines, ethersLine{mac, name, words[0].At, words[1].At})
		}
	}
	return lines
}

// ethersName returns the label that a name in ethers stands for.
func ethersName(w source.Word, domain string, problem *source.Reporter) (string, bool) {
	if _, err := netip.ParseAddr(w.Text); err == nil {
		problem.At(w.At, "%s is an address; expected the name that hosts gives it", w.Text)
		return "", false
	}
	name, ok := hostName(w, domain, problem)
	if !ok {
		return "", false
	}
	if domain == "" {
		name, _, _ = strings.Cut(name, ".")
	}
	if !model.IsLabel(name) {
		problem.At(w.At, "host name %q is in another domain; expected a plain name or one that ends in .%s", w.Text, domain)
		return "", false
	}
	return name, true
}

// notCard says why m cannot be the address of one network card, "" if it can.
func notCard(m model.MAC) string {
	switch {
	case m == model.MAC{}:
		return "is all zeros; expected the address of a network card"
	case m[0]&1 != 0:
		return "is a group address (its first octet is odd); expected the address of a network card"
	}
	return ""
}
