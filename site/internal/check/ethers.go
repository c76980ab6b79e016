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
	name   string     // "" if the line has an address instead
	addr   netip.Addr // in place of the name; hosts says whose it is
	macAt  source.Span
	nameAt source.Span
}

// readEthers reads ethers(5) as the C library does. Where the library skips a line
// or ignores the end of one, readEthers reports it. An address instead of the name,
// as ethers(5) and dnsmasq allow, is for mergeHosts to find in hosts. The domain is
// "" when site.toml has no valid one; names in it are not told from others then.
func readEthers(src *source.File, domain string, problem *source.Reporter) []ethersLine {
	var lines []ethersLine
	for _, words := range source.Words(src) {
		if line := readEthersLine(words, domain, problem); line.name != "" || line.addr.IsValid() {
			lines = append(lines, line)
		}
	}
	return lines
}

// readEthersLine reports one thing of a line: the rest may not be what it seems.
func readEthersLine(words []source.Word, domain string, problem *source.Reporter) ethersLine {
	mac, reason := model.ParseMAC(words[0].Text)
	if reason == "" {
		reason = notCard(mac)
	} else if meant := meantEthers(words); meant != "" {
		reason = "is no MAC address; expected " + meant
	}
	line := ethersLine{mac: mac, macAt: words[0].At}
	refuse := func(at source.Span, format string, args ...any) {
		problem.At(at, format, args...)
		line.mac, problem = model.MAC{}, nil
	}
	switch {
	case reason != "" && len(words) == 2 && isMAC(words[1].Text):
		refuse(words[1].At, "%s stands after %q; expected the MAC address first, then the name of its host",
			words[1].Text, words[0].Text)
		words = []source.Word{words[1], words[0]}
	case reason != "":
		refuse(words[0].At, "%q %s", words[0].Text, reason)
	case len(words) == 1:
		refuse(words[0].At, "%q has no name; expected the name of its host on the same line", words[0].Text)
	case len(words) > 2:
		refuse(words[2].At, "%q is one word too many; expected a MAC address and one host name",
			words[2].Text)
	}
	if len(words) == 1 {
		return ethersLine{}
	}
	line.nameAt = words[1].At
	if addr, err := netip.ParseAddr(words[1].Text); err != nil {
		line.name, _ = ethersName(words[1], domain, problem)
	} else if problem != nil {
		line.addr = addr.Unmap()
	}
	return line
}

func isMAC(s string) bool {
	_, reason := model.ParseMAC(s)
	return reason == ""
}

// ethersName returns the label that a name in ethers stands for.
func ethersName(w source.Word, domain string, problem *source.Reporter) (string, bool) {
	name, ok := hostName(w, domain, problem)
	if !ok {
		return "", false
	}
	if domain == "" {
		name, _, _ = strings.Cut(name, ".")
	}
	if !model.IsLabel(name) {
		if problem == nil {
			return "", false
		}
		problem.At(w.At, "host name %q is in another domain; expected a plain name or one that ends in .%s",
			w.Text, domain)
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
