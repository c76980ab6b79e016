package lease

import (
	"net/netip"
	"time"
)

// Commit leases addr to mac for life, rounded up to the next whole second of
// the clock, and appends what changed to changed: the lease that mac held
// elsewhere, now free, and the new one. These must be on disk before the client
// is told. If mac may not have addr nothing changes and refused says why. An
// offer to another card is no reason (RFC 2131 3.1.2: it is no promise): offers
// cost their taker nothing, and must not keep those out who mean it.
func (t *Table) Commit(now time.Time, mac MAC, addr netip.Addr, life time.Duration, name string,
	changed []Lease) (_ []Lease, refused Why) {
	ns := now.UnixNano()
	t.expire(ns)
	if refused := t.refuses(mac, addr); refused != 0 {
		return changed, refused
	}
	if old := t.byMAC[mac]; old != nil && old.state == Bound && old.addr != toUint(addr) {
		t.vacate(old, ns)
		changed = append(changed, vacated(old, mac, ns))
	}
	e := t.touch(toUint(addr))
	t.bind(e, mac, name, ns, ceil(ns+int64(life)))
	return append(changed, e.lease()), 0
}

// vacated is the record of e that mac has just given up. The entry itself may
// be gone already, if its address is no longer ours to give.
func vacated(e *entry, mac MAC, now int64) Lease {
	l := e.lease()
	l.MAC, l.State, l.Until = mac, Free, time.Unix(0, now).UTC()
	return l
}

// Check reports why mac may not have addr now; zero: it may.
func (t *Table) Check(now time.Time, mac MAC, addr netip.Addr) Why {
	t.expire(now.UnixNano())
	return t.refuses(mac, addr)
}

func (t *Table) refuses(mac MAC, addr netip.Addr) Why {
	if !addr.Is4() {
		return NotGiven
	}
	e, r := t.byAddr[toUint(addr)], t.reserved[mac]
	if r != nil && (e == nil || e.resv != r) {
		if other, _ := t.pick(r, mac); other != nil {
			return HasReservation
		}
	}
	if e == nil {
		if !t.pool.has(toUint(addr)) {
			return NotGiven
		}
		return 0
	}
	if e.resv != nil && e.resv != r {
		return ReservedForOther
	}
	if e.resv == nil && !e.pool {
		return NotGiven
	}
	switch {
	case e.state == Declined:
		return Quarantined
	case e.state == Bound && e.mac != mac && (r == nil || t.reserved[e.mac] != r):
		return LeasedToOther
	}
	return 0
}

// Release ends the lease of addr early, if mac holds it (RFC 2131 4.3.4), and
// returns the record of it. The address stays mac's for as long as nobody needs it.
func (t *Table) Release(now time.Time, mac MAC, addr netip.Addr) (l Lease, ok bool) {
	ns := now.UnixNano()
	t.expire(ns)
	e := t.held(mac, addr)
	if e == nil {
		return Lease{}, false
	}
	t.vacate(e, ns)
	return vacated(e, mac, ns), true
}

// Decline puts addr into quarantine, if mac has a lease of it (RFC 2131 4.3.3),
// and returns the record of it. Afterwards anybody may get it, but not mac as its
// previous address. What is only on offer cannot be declined: one message would
// take an address from everybody. Nor can mac decline more when it is not believed.
func (t *Table) Decline(now time.Time, mac MAC, addr netip.Addr) (l Lease, ok bool) {
	ns := now.UnixNano()
	t.expire(ns)
	e := t.held(mac, addr)
	if e == nil || !t.Believe(now, mac) {
		return Lease{}, false
	}
	t.isolate(e, mac, mac, ns, ns+t.quarantine)
	return e.lease(), true
}

// Probed tells that nobody answered at addr, so that its offer need not wait.
func (t *Table) Probed(now time.Time, addr netip.Addr) {
	t.expire(now.UnixNano())
	if e := t.offered(addr); e != nil {
		e.probed = true
	}
}

// Isolate puts addr into quarantine, if it is on offer, because a stranger
// answered there and is believed, and returns the record of it. The stranger's card
// is by; zero: not known, and the card it was offered to is recorded.
func (t *Table) Isolate(now time.Time, addr netip.Addr, by MAC) (l Lease, ok bool) {
	ns := now.UnixNano()
	t.expire(ns)
	e := t.offered(addr)
	if e == nil || !t.Believe(now, by) {
		return Lease{}, false
	}
	mac := by
	if mac == (MAC{}) {
		mac = e.offer
	}
	t.isolate(e, mac, by, ns, ns+t.quarantine)
	return e.lease(), true
}

// offered returns the entry of addr if it is on offer.
func (t *Table) offered(addr netip.Addr) *entry {
	if !addr.Is4() {
		return nil
	}
	if e := t.byAddr[toUint(addr)]; e != nil && e.state == Offered {
		return e
	}
	return nil
}

// held returns the entry of addr if it is bound to mac.
func (t *Table) held(mac MAC, addr netip.Addr) *entry {
	if !addr.Is4() {
		return nil
	}
	if e := t.byAddr[toUint(addr)]; e != nil && e.state == Bound && e.mac == mac {
		return e
	}
	return nil
}

// Withdraw ends the offer to mac, if there is one: it took another server's.
func (t *Table) Withdraw(now time.Time, mac MAC) {
	t.expire(now.UnixNano())
	if e := t.offers[mac]; e != nil {
		t.withdraw(e)
	}
}

// Restore puts a lease back that was read from the journal. Of several for one
// address the last restored counts; of several running leases of one card all
// run on, and the most recent is the card's. A lease whose address is no longer
// in the pool or reserved for its card runs to its end and is not renewed.
func (t *Table) Restore(l Lease) {
	if !l.Addr.Is4() || l.MAC == (MAC{}) || l.State == Offered {
		return
	}
	e := t.touch(toUint(l.Addr))
	e.leave()
	t.unsent(e)
	e.heard = false
	t.forget(e)
	t.set(e, l.State)
	t.own(e, l.MAC, l.Name)
	e.since = l.Since.UnixNano()
	if last := t.byMAC[l.MAC]; l.State != Declined && (last == nil || last.since <= e.since) {
		t.byMAC[l.MAC] = e
	}
	switch l.State {
	case Free:
		e.freed = l.Until.UnixNano()
		t.rest(e)
	case Bound:
		t.index(e)
		t.timed.add(e, l.Until.UnixNano())
	case Declined:
		t.testify(e, l.MAC)
		t.timed.add(e, l.Until.UnixNano())
	}
}
