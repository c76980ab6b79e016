package admin

import (
	"net"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site"
)

const (
	cardWord = "card "
	macLen   = len("02:00:00:00:00:01")
)

// withNames puts behind each card that a sentence of a service speaks of whose it is, by the site: not every service
// knows names. One that has said so itself has said it right behind.
func withNames(text string, hosts []site.Host) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, cardWord)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(cardWord)
		if text = after; len(text) < macLen {
			continue
		}
		card, rest := text[:macLen], text[macLen:]
		if name := ownerOf(card, hosts); name != "" && !strings.HasPrefix(rest, " of ") {
			b.WriteString(card + " of " + name)
			text = rest
		}
	}
}

// ownerOf is the host with a card, "" if there is none.
func ownerOf(card string, hosts []site.Host) string {
	mac, err := net.ParseMAC(card)
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(hosts, func(h site.Host) bool {
		return slices.ContainsFunc(h.MACs, func(m site.MAC) bool { return m.String() == mac.String() })
	})
	if i < 0 {
		return ""
	}
	return hosts[i].Name
}
