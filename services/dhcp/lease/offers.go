package lease

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// A Held is an address that is kept for the card that it was offered to.
type Held struct {
	Addr   netip.Addr
	MAC    MAC
	Until  time.Time
	Probed bool // nobody else uses it, as far as one can hear
}

// Offers returns what is on offer at now, the oldest offer first.
func (t *Table) Offers(now time.Time) []Held {
	t.expire(now.UnixNano())
	entries := slices.Clone(t.offering)
	slices.SortFunc(entries, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.addr, b.addr))
	})
	var all []Held
	for _, e := range entries {
		all = append(all, Held{toAddr(e.addr), e.offer, time.Unix(0, e.when).UTC(), e.probed})
	}
	return all
}

// Keep takes over an offer that another table made, if the card may have the address
// here and nobody has it. A card that has a lease of the pool, or another offer, needs
// none.
func (t *Table) Keep(now time.Time, o Held) {
	t.expire(now.UnixNano())
	last := t.byMAC[o.MAC]
	switch {
	case !now.Before(o.Until) || !o.Addr.Is4():
	case !t.pool.has(toUint(o.Addr)) || t.refuses(o.MAC, o.Addr) != 0:
	case t.offers[o.MAC] != nil || last != nil && last.pool && last.state == Bound:
	default:
		if e := t.touch(toUint(o.Addr)); e.state == Free {
			t.hold(e, o.MAC, o.Until.UnixNano())
			e.probed = o.Probed
		}
	}
}
