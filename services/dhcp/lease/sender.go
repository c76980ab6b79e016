package lease

import (
	"net/netip"
	"time"
)

// A Sender is who sent a message for another: the card whose frame it was, or the relay agent with the
// circuit that it names (RFC 3046 2.0). The zero Sender is nobody: the card asked for itself.
type Sender struct {
	MAC     MAC        // zero: it came through Agent
	Agent   netip.Addr // giaddr; zero: it came without a relay agent
	Circuit string     // Agent Circuit ID, up to 255 bytes as they came; empty: none was named
}

// A sender is a Sender that leases of the pool were asked for by. It is kept for as long as one of those
// runs, and so there are never more than leases:
//
//	Sent ─► counted ─ expired, released, declined, given to another, sent by another ─► counted no more
type sender struct {
	Sender
	leases int
}

// Sent notes that the lease of the pool that mac has was asked for by a Sender with these fields; all zero:
// by mac itself. It is called after Commit, and allocates only for a Sender that has no other lease.
func (t *Table) Sent(mac, by MAC, agent netip.Addr, circuit []byte) {
	e := t.byMAC[mac]
	if e == nil || !e.pool || e.state != Bound {
		return
	}
	e.heard = true
	if e.sender == nil && by == (MAC{}) && !agent.IsValid() {
		return
	}
	s := t.senders[Sender{by, agent, string(circuit)}]
	if s != nil && s == e.sender {
		return
	}
	t.unsent(e)
	if by == (MAC{}) && !agent.IsValid() {
		return
	}
	if s == nil {
		s = &sender{Sender: Sender{by, agent, string(circuit)}}
		t.senders[s.Sender] = s
	}
	s.leases++
	e.sender = s
}

// SentBy returns who asked for the lease of the pool that mac has; known is false if that is not known, as it
// is not of leases that were restored, or of which Sent was not called.
func (t *Table) SentBy(mac MAC) (by Sender, known bool) {
	e := t.byMAC[mac]
	if e == nil || e.state != Bound || !e.heard {
		return Sender{}, false
	}
	if e.sender != nil {
		by = e.sender.Sender
	}
	return by, true
}

// unsent takes the sender off e.
func (t *Table) unsent(e *entry) {
	if s := e.sender; s != nil {
		if s.leases--; s.leases == 0 {
			delete(t.senders, s.Sender)
		}
		e.sender = nil
	}
}

// Of a pool, one part in KeptFor is not for a card that has more than one in Much of it in the names of
// others.
const (
	KeptFor = 8
	Much    = 4
)

// Spares reports whether mac may have an address of the pool that it does not have yet, when the card by
// asks for it. A card that asks in the names of others may be a repeater with many hosts, and one that makes
// them up may be anybody. So it may have nearly all of a pool, but of the last eighth nothing while it has
// more than a quarter.
func (t *Table) Spares(now time.Time, mac, by MAC) bool {
	s := t.senders[Sender{MAC: by}]
	if s == nil || Much*s.leases <= t.pool.size || t.reserved[mac] != nil {
		return true
	}
	t.expire(now.UnixNano())
	if e := t.byMAC[mac]; e != nil && e.state == Bound {
		return true
	}
	return t.pool.size-t.inPool[Bound]-t.inPool[Declined] > t.pool.size/KeptFor
}

// Origins says who the running leases of a pool were asked for by.
type Origins struct {
	Leases  int    // of the pool, running
	Most    Sender // who asked for most of those that somebody asked for in the name of another
	ByMost  int    // how many; 0: nobody did
	Unknown int    // of Leases, restored or not seen: who asked is not known
	New     int    // of Leases, that began since a moment; of those restored none is known to have
}

// Origins counts the leases that run at now, and those that began after since.
func (t *Table) Origins(now, since time.Time) (o Origins) {
	t.expire(now.UnixNano())
	for _, e := range t.timed {
		if e.state != Bound || !e.pool {
			continue
		}
		if !e.heard {
			o.Unknown++
		}
		if e.began > since.UnixNano() {
			o.New++
		}
		o.Leases++
	}
	for _, s := range t.senders {
		if s.leases > o.ByMost || s.leases == o.ByMost && s.before(&o.Most) {
			o.Most, o.ByMost = s.Sender, s.leases
		}
	}
	return o
}

// before is an order of senders that is always the same.
func (s *Sender) before(o *Sender) bool {
	if c := s.Agent.Compare(o.Agent); c != 0 {
		return c < 0
	}
	if s.MAC != o.MAC {
		return string(s.MAC[:]) < string(o.MAC[:])
	}
	return s.Circuit < o.Circuit
}

// KeepSent takes over what another table knows of the leases that t has as well: who asked for them, and when
// they began.
func (t *Table) KeepSent(from *Table) {
	for _, had := range from.timed {
		e := t.held(had.mac, toAddr(had.addr))
		if had.state != Bound || e == nil || !e.pool || t.byMAC[had.mac] != e {
			continue
		}
		e.began = had.began
		if by, known := from.SentBy(had.mac); known && from.byMAC[had.mac] == had {
			t.Sent(had.mac, by.MAC, by.Agent, []byte(by.Circuit))
		}
	}
}
