package lease

import (
	"net/netip"
	"time"
)

// model is the lease table as one would explain it to a colleague: a list of
// addresses, and every question answered by looking at all of them.
type model struct {
	hold, quarantine time.Duration
	maxOffers        int
	addrs            []*modelAddr
	last             map[MAC]netip.Addr // where a card was bound last
}

type modelAddr struct {
	addr      netip.Addr
	inPool    bool
	resv      *Reservation
	state     State
	mac       MAC // holder, or former holder
	offeredTo MAC
	name      string
	freed     time.Time // zero: never leased
	until     time.Time // end of Bound, Offered, Declined
}

func newModel(c Config) *model {
	m := &model{hold: c.OfferHold, quarantine: c.Quarantine, maxOffers: c.MaxOffers, last: map[MAC]netip.Addr{}}
	own := map[netip.Addr]bool{}
	for _, r := range c.Exclude {
		for a := r.First; a.Compare(r.Last) <= 0; a = a.Next() {
			own[a] = true
		}
	}
	for i := range c.Reservations {
		for _, a := range c.Reservations[i].Addrs {
			m.addrs = append(m.addrs, &modelAddr{addr: a, resv: &c.Reservations[i]})
			own[a] = true
		}
	}
	for _, r := range c.Pool {
		for a := r.First; a.Compare(r.Last) <= 0; a = a.Next() {
			if !own[a] {
				m.addrs = append(m.addrs, &modelAddr{addr: a, inPool: true})
			}
		}
	}
	return m
}

func (m *model) at(addr netip.Addr) *modelAddr {
	for _, a := range m.addrs {
		if a.addr == addr {
			return a
		}
	}
	return nil
}

func (m *model) reservation(mac MAC) *Reservation {
	for _, a := range m.addrs {
		if a.resv != nil {
			for _, x := range a.resv.MACs {
				if x == mac {
					return a.resv
				}
			}
		}
	}
	return nil
}

func (m *model) pass(now time.Time) {
	for _, a := range m.addrs {
		if a.state == Free || a.until.After(now) {
			continue
		}
		switch a.state {
		case Bound:
			a.freed = a.until
		case Declined:
			a.freed, a.mac, a.name = a.until, MAC{}, ""
		}
		a.state, a.offeredTo = Free, MAC{}
	}
}

// had returns the address where mac was bound last, if nobody else was since.
func (m *model) had(mac MAC) *modelAddr {
	a := m.at(m.last[mac])
	if a == nil || a.mac != mac {
		return nil
	}
	return a
}

func (m *model) mine(mac MAC) *modelAddr {
	r := m.reservation(mac)
	if r == nil {
		return nil
	}
	var held, had, free, sibling *modelAddr
	for _, addr := range r.Addrs {
		a := m.at(addr)
		switch {
		case a.state == Bound && a.mac == mac && held == nil:
			held = a
		case a.state == Free && a.mac == mac && had == nil:
			had = a
		case a.state == Free && free == nil:
			free = a
		case a.state == Bound && m.reservation(a.mac) == r && sibling == nil:
			sibling = a
		}
	}
	for _, a := range []*modelAddr{held, had, free, sibling} {
		if a != nil {
			return a
		}
	}
	return nil
}

func (m *model) offer(now time.Time, mac MAC, want netip.Addr) netip.Addr {
	m.pass(now)
	if a := m.mine(mac); a != nil {
		return a.addr
	}
	a := m.pick(mac, want)
	if a == nil && m.withdrawOldest() {
		a = m.pick(mac, want)
	}
	if a == nil {
		return netip.Addr{}
	}
	if a.state == Free && m.offers() == m.maxOffers {
		m.withdrawOldest()
	}
	if a.state != Bound {
		a.state, a.offeredTo, a.until = Offered, mac, now.Add(m.hold)
	}
	return a.addr
}

func (m *model) offers() (n int) {
	for _, a := range m.addrs {
		n += is(a.state == Offered)
	}
	return n
}

func (m *model) withdrawOldest() bool {
	var oldest *modelAddr
	for _, a := range m.addrs {
		if a.state == Offered && (oldest == nil || a.until.Before(oldest.until) || a.until.Equal(oldest.until) && a.addr.Less(oldest.addr)) {
			oldest = a
		}
	}
	if oldest == nil {
		return false
	}
	oldest.state, oldest.offeredTo = Free, MAC{}
	return true
}

// isolate is what a probe that was answered leads to.
func (m *model) isolate(now time.Time, addr netip.Addr, by MAC) bool {
	m.pass(now)
	a := m.at(addr)
	if a == nil || a.state != Offered || !m.believes(by) {
		return false
	}
	if m.last[a.mac] == addr {
		delete(m.last, a.mac)
	}
	a.state, a.mac, a.offeredTo, a.name, a.until = Declined, by, MAC{}, "", now.Add(m.quarantine)
	return true
}

// believes reports whether a card has put less than a quarter of the pool into quarantine.
func (m *model) believes(by MAC) bool {
	pool, n := 0, 0
	for _, a := range m.addrs {
		pool += is(a.inPool)
		n += is(a.state == Declined && a.mac == by)
	}
	return n < pool/4
}

func (m *model) pick(mac MAC, want netip.Addr) *modelAddr {
	had := m.had(mac)
	if had != nil && had.inPool && had.state == Bound {
		return had
	}
	for _, a := range m.addrs {
		if a.state == Offered && a.offeredTo == mac {
			return a
		}
	}
	if had != nil && had.inPool && (had.state == Free || had.state == Offered) {
		had.state, had.offeredTo = Free, MAC{}
		return had
	}
	if a := m.at(want); a != nil && a.inPool && a.state == Free {
		return a
	}
	var best *modelAddr
	for _, a := range m.addrs {
		if a.inPool && a.state == Free && (best == nil || a.freed.Before(best.freed) ||
			a.freed.Equal(best.freed) && a.addr.Less(best.addr)) {
			best = a
		}
	}
	return best
}

func (m *model) commit(now time.Time, mac MAC, addr netip.Addr, life time.Duration, name string) bool {
	m.pass(now)
	a, r := m.at(addr), m.reservation(mac)
	if a == nil || !a.inPool && a.resv != r {
		return false
	}
	if r != nil && a.resv != r && m.mine(mac) != nil {
		return false
	}
	switch a.state {
	case Declined:
		return false
	case Bound:
		if a.mac != mac && (r == nil || m.reservation(a.mac) != r) {
			return false
		}
	}
	for _, o := range m.addrs {
		if o != a && o.state == Bound && o.mac == mac {
			o.state, o.freed = Free, now
		}
		if o != a && o.state == Offered && o.offeredTo == mac {
			o.state, o.offeredTo = Free, MAC{}
		}
	}
	end := now.Add(life)
	if end.Nanosecond() != 0 {
		end = end.Truncate(time.Second).Add(time.Second)
	}
	*a = modelAddr{addr: a.addr, inPool: a.inPool, resv: a.resv, state: Bound, mac: mac, name: name, until: end, freed: a.freed}
	m.last[mac] = addr
	return true
}

func (m *model) release(now time.Time, mac MAC, addr netip.Addr) bool {
	m.pass(now)
	a := m.at(addr)
	if a == nil || a.state != Bound || a.mac != mac {
		return false
	}
	a.state, a.freed = Free, now
	return true
}

func (m *model) decline(now time.Time, mac MAC, addr netip.Addr) bool {
	m.pass(now)
	a := m.at(addr)
	if a == nil || a.state != Bound || a.mac != mac || !m.believes(mac) {
		return false
	}
	a.state, a.mac, a.offeredTo, a.name, a.until = Declined, mac, MAC{}, "", now.Add(m.quarantine)
	if m.last[mac] == addr {
		delete(m.last, mac)
	}
	return true
}

func (m *model) withdraw(now time.Time, mac MAC) {
	m.pass(now)
	for _, a := range m.addrs {
		if a.state == Offered && a.offeredTo == mac {
			a.state, a.offeredTo = Free, MAC{}
		}
	}
}
