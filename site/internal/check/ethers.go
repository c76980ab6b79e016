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
// or ignores the end of one, readEthers reports it. An address instead of the name, as
// ethers(5) and dnsmasq allow, is for mergeHosts to find in hosts. The domain is "" when site.toml has no valid one; names in it are not told from
// others then.
func readEthers(src *source.File, domain string, problem *source.Reporter) []ethersLine {
	var lines []ethersLine
	for _, words := range source.Words(src) {
		mac, reason := model.ParseMAC(words[0].Text)
		if len(words) == 2 && reason != "" {
			if _, second := model.ParseMAC(words[1].Text); second == "" {
				problem.At(words[1].At, "%s stands after %q; expected the MAC address first, then the name of its host", words[1].Text, words[0].Text)
				words[0], words[1] = words[1], words[0]
				mac, reason = model.MAC{}, ""
			}
		} else if reason == "" {
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
		line := ethersLine{mac: mac, macAt: words[0].At, nameAt: words[1].At}
		if addr, err := netip.ParseAddr(words[1].Text); err == nil {
			line.addr = addr.Unmap()
		} else if line.name, _ = ethersName(words[1], domain, problem); line.name == "" {
			continue
		}
		lines = append(lines, line)
	}
	return lines
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
