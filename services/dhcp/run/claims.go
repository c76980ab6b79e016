package run

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

const (
	claimsEvery = 30 * time.Second
	maxClaims   = 1000 // that are remembered
	toldClaims  = 5    // in problems
)

// A Neighbour is a card that answers for an address.
type Neighbour struct {
	Addr      netip.Addr
	MAC       lease.MAC
	Confirmed bool // just now
}

// claims are the addresses for which another card answers than the one that has them by the site or by its
// lease. The kernel keeps a card that it heard until it asks again, and an address may have found a new
// holder meanwhile: a claim that is not confirmed counts when it is there the second time. A card with more
// than a few, which does proxy ARP or wants everybody's, is one line and one problem, not as many.
//
//	─ seen ──► doubtful ─ seen again, or confirmed ──► logged, a problem ─ not seen ──► forgotten
type claims struct {
	all  map[claim]claimed
	many map[lease.MAC]int // how many are certain, of cards with more than toldClaims
}

type claim struct {
	addr netip.Addr
	mac  lease.MAC
}

type claimed struct {
	certain bool
	holder  dhcp.Holder
}

// look takes what the kernel has now, and returns the claims that have become certain. Those of one card with
// many are one, without an address.
func (c *claims) look(neighbours []Neighbour, holders map[netip.Addr]dhcp.Holder) (news []claim) {
	now := map[claim]claimed{}
	for _, n := range neighbours {
		h, held := holders[n.Addr]
		if !held || slices.Contains(h.MACs, n.MAC) || len(now) >= maxClaims {
			continue
		}
		key := claim{n.Addr, n.MAC}
		before, known := c.all[key]
		now[key] = claimed{certain: known || n.Confirmed, holder: h}
		if now[key].certain && !before.certain {
			news = append(news, key)
		}
	}
	many := manyOf(now)
	news = slices.DeleteFunc(news, func(key claim) bool { return many[key.mac] > 0 })
	for mac := range many {
		if c.many[mac] == 0 {
			news = append(news, claim{mac: mac})
		}
	}
	c.all, c.many = now, many
	slices.SortFunc(news, compareClaims)
	return news
}

// manyOf returns how many claims are certain, of cards with more than toldClaims.
func manyOf(all map[claim]claimed) map[lease.MAC]int {
	many := map[lease.MAC]int{}
	for key, found := range all {
		if found.certain {
			many[key.mac]++
		}
	}
	maps.DeleteFunc(many, func(_ lease.MAC, n int) bool { return n <= toldClaims })
	return many
}

func compareClaims(a, b claim) int {
	return cmp.Or(a.addr.Compare(b.addr), slices.Compare(a.mac[:], b.mac[:]))
}

// problems are those that are certain, some sentences at most. name says what the host with a card is called.
func (c *claims) problems(name func(lease.MAC) string) []string {
	var all []string
	for _, mac := range slices.SortedFunc(maps.Keys(c.many), func(a, b lease.MAC) int {
		return slices.Compare(a[:], b[:])
	}) {
		if len(all) == toldClaims {
			all = append(all, fmt.Sprintf("So do %d more cards.", len(c.many)-toldClaims))
			break
		}
		all = append(all, fmt.Sprintf("For %d addresses of others %s answers: does it do proxy ARP?",
			c.many[mac], called(name(mac), mac)))
	}
	n := 0
	for _, key := range slices.SortedFunc(maps.Keys(c.all), compareClaims) {
		found := c.all[key]
		if !found.certain || c.many[key.mac] > 0 {
			continue
		}
		if n++; n <= toldClaims {
			all = append(all, fmt.Sprintf("%v belongs to %s, and %s answers for it.", key.addr,
				called(found.holder.Name, found.holder.MACs...), called(name(key.mac), key.mac)))
		}
	}
	if n > toldClaims {
		all = append(all, fmt.Sprintf("For %d more addresses other cards answer than those that have them.",
			n-toldClaims))
	}
	return all
}

// called writes a host with a card of it.
func called(name string, macs ...lease.MAC) string {
	text := "the card " + macs[0].String()
	if name != "" {
		text += " of " + name
	}
	return text
}

// watch looks at the neighbours of this machine until ctx ends.
func (s *Service) watch(ctx context.Context) {
	if s.o.Neighbours == nil {
		return
	}
	ticker := time.NewTicker(cmp.Or(s.o.NeighboursEvery, claimsEvery))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		all, err := s.o.Neighbours()
		if err != nil {
			s.events.Warn("who answers for which address is not known", "error", err)
			continue
		}
		_ = s.when(always, func(now time.Time) { s.compare(now, all) })
	}
}

// compare holds what the kernel has against leases and reservations.
func (s *Service) compare(now time.Time, all []Neighbour) {
	for _, c := range s.claims.look(all, s.engine.Holders(now)) {
		if !c.addr.IsValid() {
			s.events.Warn("one card answers for addresses of many others", slog.String("mac", c.mac.String()),
				slog.String("name", s.engine.NameOf(c.mac)), slog.Int("addresses", s.claims.many[c.mac]))
			continue
		}
		h := s.claims.all[c].holder
		s.events.Warn("another card answers for an address", slog.Any("addr", c.addr),
			slog.String("mac", c.mac.String()), slog.String("name", s.engine.NameOf(c.mac)),
			slog.String("holder", h.MACs[0].String()), slog.String("holder_name", h.Name))
	}
}
