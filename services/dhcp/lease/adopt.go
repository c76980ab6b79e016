package lease

import (
	"net/netip"
	"time"
)

// Adopt makes mac a further card of the host that addr is reserved for, in place
// of the card it adopted before, whose lease ends. It reports whether mac is a card
// of that host now: not if addr is not reserved, or mac is a card of another host.
//
// It is for hosts known by where they are plugged in instead of by their cards.
func (t *Table) Adopt(now time.Time, mac MAC, addr netip.Addr) bool {
	ns := now.UnixNano()
	t.expire(ns)
	if !addr.Is4() {
		return false
	}
	e := t.byAddr[toUint(addr)]
	if e == nil || e.resv == nil {
		return false
	}
	r, old := e.resv, t.reserved[mac]
	if old == r {
		return true
	}
	if old != nil {
		if old.adopted != mac {
			return false
		}
		old.adopted = MAC{} // it was plugged in elsewhere
	}
	if r.adopted != (MAC{}) {
		t.disown(r, ns)
	}
	r.adopted = mac
	t.reserved[mac] = r
	return true
}

// Leave ends that mac is a further card of a host, and the lease that it has as such:
// it is plugged in elsewhere, or another card is there now.
func (t *Table) Leave(now time.Time, mac MAC) {
	if r := t.reserved[mac]; r != nil && r.adopted == mac {
		t.expire(now.UnixNano())
		t.disown(r, now.UnixNano())
		r.adopted = MAC{}
	}
}

// disown ends what the adopted card of r has.
func (t *Table) disown(r *Reservation, now int64) {
	delete(t.reserved, r.adopted)
	if e := t.byMAC[r.adopted]; e != nil && e.resv == r && e.state == Bound {
		t.vacate(e, now)
	}
}
