package lease

import (
	"net/netip"
	"time"
)

// A Choice is the answer to Offer.
type Choice struct {
	Addr netip.Addr // the zero Addr: none, Why tells
	Why  Why
	// Blocked says why a card with a reservation does not get it now: LeasedToOther
	// or Quarantined. Zero otherwise.
	Blocked Why
	// Unproven: the address is not one that mac itself had, and nobody has looked
	// whether a stranger uses it. Probed or Isolate tells the answer.
	Unproven bool
}

// Offer chooses an address for mac, which may ask for one (the zero Addr: does
// not), in the order of RFC 2131 4.3.1 with the reservation before everything.
// An address of the pool is then kept for mac for a short while; no lease exists.
func (t *Table) Offer(now time.Time, mac MAC, want netip.Addr) Choice {
	ns := now.UnixNano()
	t.expire(ns)
	c := Choice{Why: Exhausted}
	if t.pool.size == 0 {
		c.Why = NoPool
	}
	if r := t.reserved[mac]; r != nil && len(r.Addrs) > 0 {
		e, blocked := t.pick(r, mac)
		if e != nil {
			return Choice{Addr: toAddr(e.addr), Why: Reserved}
		}
		c.Blocked = blocked
	}
	e, why := t.choose(mac, want)
	if e == nil && len(t.offers) > 0 {
		// The oldest offer is given up rather than a client who may mean it turned
		// away; a flood of them so keeps nobody out.
		t.withdraw(t.offering.first())
		e, why = t.choose(mac, want)
	}
	if e == nil {
		return c
	}
	c.Addr, c.Why = toAddr(e.addr), why
	if e.state != Bound {
		t.hold(e, mac, ns+t.offerHold)
		e.probed = e.probed || why == Previous
		c.Unproven = !e.probed
	}
	return c
}

// choose finds an address of the pool for mac.
func (t *Table) choose(mac MAC, want netip.Addr) (*entry, Why) {
	last := t.byMAC[mac]
	if last != nil && !last.pool {
		last = nil
	}
	if last != nil && last.state == Bound {
		return last, Current
	}
	if e := t.offers[mac]; e != nil {
		return e, StillHeld
	}
	if last != nil && last.state == Offered { // the claim is older than the offer
		t.withdraw(last)
		last = t.touch(last.addr)
	}
	if last != nil && last.state == Free {
		return last, Previous
	}
	if want.Is4() && t.pool.has(toUint(want)) {
		if e := t.touch(toUint(want)); e.state == Free {
			return e, Requested
		}
	}
	return t.oldest()
}

// oldest returns the address that was free for the longest time: those never
// leased first, the lower one first.
func (t *Table) oldest() (*entry, Why) {
	e := t.free.first()
	if e != nil && e.freed == 0 {
		a, ok := t.pool.untouched(t.touched)
		if !ok || e.addr < a {
			return e, NeverUsed
		}
		return t.touch(a), NeverUsed
	}
	if a, ok := t.pool.untouched(t.touched); ok {
		return t.touch(a), NeverUsed
	}
	if e == nil {
		return nil, Exhausted
	}
	return e, LongestFree
}

func (t *Table) touched(a uint32) bool { return t.byAddr[a] != nil }

// touch returns the entry of addr. A new one is in no queue and must be used at once.
func (t *Table) touch(addr uint32) *entry {
	e := t.byAddr[addr]
	if e == nil {
		e = &entry{addr: addr, pool: t.pool.has(addr)}
		t.byAddr[addr] = e
	}
	return e
}

// pick chooses among the addresses reserved for mac: the one it has, one it had,
// a free one, one that another card of the same host has. If there is none it
// says what became of the first.
func (t *Table) pick(r *Reservation, mac MAC) (*entry, Why) {
	var free, sibling *entry
	var blocked Why
	for _, a := range r.Addrs {
		switch e := t.byAddr[toUint(a)]; {
		case e.state == Bound && e.mac == mac:
			return e, Reserved
		case e.state == Free && (free == nil || e.mac == mac && free.mac != mac):
			free = e
		case e.state == Bound && t.reserved[e.mac] == r && sibling == nil:
			sibling = e
		case blocked != 0:
		case e.state == Bound:
			blocked = LeasedToOther
		case e.state == Declined:
			blocked = Quarantined
		}
	}
	if free == nil {
		free = sibling
	}
	return free, blocked
}
