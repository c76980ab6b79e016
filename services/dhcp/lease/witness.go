package lease

import (
	"slices"
	"time"
)

// A witness is a card by whose word addresses are in quarantine: it declined them, or answered where nobody
// was to be. A router that does proxy ARP, or a card that wants everybody's addresses, says so of each. So
// what one card can put there is bounded, by Config.MaxByOne and a quarter of the pool, but one address it
// can. The zero MAC is a witness that nobody saw; a quarter of the pool is its only bound.
//
//	believed ─ as many as it may ──► not believed ─ the oldest is free again ──► believed
type witness struct {
	n       int  // addresses
	doubted bool // it has said more since
}

// Believe reports whether mac may put one more address into quarantine. That it wanted to is remembered until
// it may.
func (t *Table) Believe(now time.Time, mac MAC) bool {
	t.expire(now.UnixNano())
	w := t.witnesses[mac]
	if t.maxByOne == 0 || w == nil {
		return true
	}
	most := max(1, t.pool.size/4)
	if mac != (MAC{}) {
		most = min(most, t.maxByOne)
	}
	if w.n < most {
		w.doubted = false
		return true
	}
	w.doubted = true
	return false
}

// A Suspect is a card that was not believed any more.
type Suspect struct {
	MAC   MAC // zero: of those that were not seen
	Addrs int // in quarantine by its word
}

// Suspects returns the cards that were not believed and would still not be.
func (t *Table) Suspects(now time.Time) (all []Suspect) {
	t.expire(now.UnixNano())
	for mac, w := range t.witnesses {
		if w.doubted {
			all = append(all, Suspect{mac, w.n})
		}
	}
	slices.SortFunc(all, func(a, b Suspect) int { return slices.Compare(a.MAC[:], b.MAC[:]) })
	return all
}

// testify counts e, which is in quarantine, for the card that said so.
func (t *Table) testify(e *entry, by MAC) {
	e.by = by
	w := t.witnesses[by]
	if w == nil {
		w = new(witness)
		t.witnesses[by] = w
	}
	w.n++
}

// retract takes that back.
func (t *Table) retract(e *entry) {
	w := t.witnesses[e.by]
	if w.n--; w.n == 0 {
		delete(t.witnesses, e.by)
	}
	w.doubted = false
	e.by = MAC{}
}
