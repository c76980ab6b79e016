package lease

import "time"

// The transitions between states. Each leaves the entry in the queue, the maps
// and the counts that belong to its new state, and nowhere else.

// expire ends every state whose end is not after now, in the order of the ends.
func (t *Table) expire(now int64) {
	for e := t.offering.first(); e != nil && e.when <= now; e = t.offering.first() {
		t.withdraw(e)
	}
	for e := t.timed.first(); e != nil && e.when <= now; e = t.timed.first() {
		switch end := e.when; e.state {
		case Bound:
			t.vacate(e, end)
		case Declined: // the card that declined it does not want it back
			t.forget(e)
			t.vacate(e, end)
		}
	}
}

// hold puts e on offer to mac until end. An offer to the same card is prolonged; a
// new one takes the place of the oldest when there are as many as there may be.
func (t *Table) hold(e *entry, mac MAC, end int64) {
	e.leave()
	if e.state != Offered && t.maxOffers > 0 && len(t.offers) >= t.maxOffers {
		t.withdraw(t.offering.first())
	}
	t.set(e, Offered)
	e.offer = mac
	t.offers[mac] = e
	t.offering.add(e, end)
}

// withdraw ends the offer of e, which becomes what it was before: an offer is no use.
func (t *Table) withdraw(e *entry) {
	e.leave()
	t.unoffer(e)
	t.set(e, Free)
	t.rest(e)
}

func (t *Table) unoffer(e *entry) {
	delete(t.offers, e.offer)
	e.offer, e.probed = MAC{}, false
}

// bind leases e to mac. What mac had on offer is withdrawn; what else it held is
// for the caller to end first.
func (t *Table) bind(e *entry, mac MAC, name string, now, end int64) {
	if o := t.offers[mac]; o != nil && o != e {
		t.withdraw(o)
	}
	e.leave()
	if e.state == Offered {
		t.unoffer(e)
	}
	if e.state != Bound || e.mac != mac {
		t.unsent(e)
		e.began, e.heard = now, false
	}
	t.forget(e)
	t.own(e, mac, name)
	t.byMAC[mac] = e
	t.index(e)
	t.set(e, Bound)
	e.since = now
	t.timed.add(e, end)
}

// vacate makes e free as of when. Its holder is remembered.
func (t *Table) vacate(e *entry, when int64) {
	e.leave()
	if t.byName[e.name] == e {
		delete(t.byName, e.name)
	}
	t.set(e, Free)
	e.freed = when
	t.rest(e)
}

// isolate takes e away from everybody until end, by the word of a card; mac is remembered with it.
func (t *Table) isolate(e *entry, mac, by MAC, now, end int64) {
	if e.state == Offered {
		t.unoffer(e)
	}
	e.leave()
	t.forget(e)
	t.own(e, mac, "")
	t.set(e, Declined)
	t.testify(e, by)
	e.since = now
	t.timed.add(e, end)
}

// rest puts a free entry where it will be found again, or drops it if the pool
// will come to it by itself, or if it is no longer ours to give.
func (t *Table) rest(e *entry) {
	switch {
	case e.resv != nil:
	case e.pool && (e.freed != 0 || !t.pool.ahead(e.addr)):
		t.free.add(e, e.freed)
	default:
		t.forget(e)
		delete(t.byAddr, e.addr)
	}
}

// own records mac as the holder of e.
func (t *Table) own(e *entry, mac MAC, name string) {
	t.known++
	e.mac, e.name = mac, name
}

// index makes e known by its name, unless another bound entry has it already.
func (t *Table) index(e *entry) {
	if e.name != "" && t.byName[e.name] == nil {
		t.byName[e.name] = e
	}
}

// forget takes the holder off e.
func (t *Table) forget(e *entry) {
	if e.mac == (MAC{}) {
		return
	}
	t.known--
	if t.byMAC[e.mac] == e {
		delete(t.byMAC, e.mac)
	}
	if t.byName[e.name] == e {
		delete(t.byName, e.name)
	}
	e.mac, e.name = MAC{}, ""
}

// set changes the state of e and the counts with it.
func (t *Table) set(e *entry, s State) {
	if e.pool {
		t.inPool[e.state]--
		t.inPool[s]++
	}
	switch e.state {
	case Bound:
		t.bound--
		if s != Bound {
			t.unsent(e)
			e.heard = false
		}
	case Declined:
		t.retract(e)
	}
	if s == Bound {
		t.bound++
	}
	e.state = s
}

// ceil rounds t up to a whole second, so that a lease never ends before the
// client, which counts whole seconds, believes it does.
func ceil(t int64) int64 {
	const s = int64(time.Second)
	return (t + s - 1) / s * s
}
