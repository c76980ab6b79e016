package admin

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site"
)

const (
	cardWord = "card "
	macLen   = len("02:00:00:00:00:01")
)

// owners are the hosts of the site, if units speak of cards: to read it takes a while where there are many.
func (e Env) owners(ctx context.Context, units []unitAnswer) []site.Host {
	speaks := func(problem string) bool { return strings.Contains(problem, cardWord) }
	if !slices.ContainsFunc(units, func(u unitAnswer) bool {
		return slices.ContainsFunc(u.problems, speaks)
	}) {
		return nil
	}
	of := await(ctx, beside(e.Site))
	if of.err != nil {
		return nil // that is said elsewhere
	}
	return of.value.Hosts
}

// withNames puts behind each card that a sentence of a service speaks of whose it is, by the site: not every
// service knows names. One that has said so itself has said it right behind.
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
