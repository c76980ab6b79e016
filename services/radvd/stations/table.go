package stations

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A Table is what is known. It is not safe for concurrent use.
type Table struct {
	conf     Config
	machines map[ethernet.MAC]*machine
	entries  map[netip.Addr]*entry
	locals   map[spot]ethernet.MAC // who had a link-local address first
	claims   map[spot]*claim
	news     []Claim
	revision uint64
	refused  uint64
}

// A machine is a hardware address with what it has.
type machine struct {
	mac     ethernet.MAC
	seen    time.Duration
	network string   // the LAN it was seen on last
	locals  []uint64 // interface identifiers of its link-local addresses, the newest last
	entries []*entry
}

// An entry is an address of a machine.
type entry struct {
	Station
	of    *machine
	moves int           // how often another machine took it, none an hour after the one before
	moved time.Duration // when that was last
	rival ethernet.MAC  // the one that had it before, or wants it
}

// New returns a Table with what was known before, of which Current does not matter. What is in excess of
// the bounds, or makes no sense, is left out.
func New(conf Config, known []Station) *Table {
	t := &Table{conf: conf, machines: map[ethernet.MAC]*machine{}, entries: map[netip.Addr]*entry{},
		locals: map[spot]ethernet.MAC{}, claims: map[spot]*claim{}}
	for _, s := range known {
		m := t.machine(s.Last, s.MAC)
		if m == nil || !usable(s.Addr) || t.entries[s.Addr] != nil || len(t.entries) == MaxAddresses ||
			len(m.entries) == MaxPerMachine {
			continue
		}
		if m.network == "" || s.Last > m.seen {
			m.network = s.Network
		}
		m.seen = max(m.seen, s.Last)
		t.add(m, s)
	}
	return t
}

// usable reports whether an address can be one that a host made.
func usable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast() && interfaceID(a) != 0
}

// Reconfigure has other LANs and prefixes hold.
func (t *Table) Reconfigure(conf Config) {
	t.conf = conf
	for _, e := range t.entries {
		before := e.Station
		t.place(&e.Station)
		if e.Station != before {
			t.revision++
		}
	}
}

// place says on which LAN an address is, if it is on any.
func (t *Table) place(s *Station) {
	s.Current = false
	for i := range t.conf.LANs {
		if t.conf.LANs[i].has(s.Addr) {
			s.Network, s.Current = t.conf.LANs[i].Network, true
			return
		}
	}
}

// has reports whether an address can be a host's on the LAN.
func (l *LAN) has(a netip.Addr) bool {
	return usable(a) && l.prefix(a).IsValid() && !slices.Contains(l.Own, a)
}

// prefix returns the one of the LAN that an address is in; the zero Prefix: none.
func (l *LAN) prefix(a netip.Addr) netip.Prefix {
	for _, p := range l.Prefixes {
		if p.Contains(a) {
			return p
		}
	}
	return netip.Prefix{}
}

// lan returns a LAN by its name, nil if there is none.
func (t *Table) lan(network string) *LAN {
	i := slices.IndexFunc(t.conf.LANs, func(l LAN) bool { return l.Network == network })
	if i < 0 {
		return nil
	}
	return &t.conf.LANs[i]
}

// Observe takes what was seen.
func (t *Table) Observe(now time.Duration, o Observation) {
	l := t.lan(o.Network)
	if l == nil || !o.MAC.IsUnicast() {
		return
	}
	if o.Addr.Is6() && o.Addr.IsLinkLocalUnicast() {
		t.judgeClaim(now, o)
		t.observeLocal(now, o)
		return
	}
	if !l.has(o.Addr) {
		return
	}
	t.judgeClaim(now, o)
	e := t.entries[o.Addr]
	switch {
	case e == nil:
		t.enter(now, o)
	case e.MAC != o.MAC:
		t.contest(now, e, o)
	case o.Confirmed:
		t.confirm(now, l, e)
	}
}

// observeLocal notes a link-local address: others that end like it are kept.
func (t *Table) observeLocal(now time.Duration, o Observation) {
	m := t.machine(now, o.MAC)
	id := interfaceID(o.Addr)
	if m == nil {
		return
	}
	m.seen, m.network = now, o.Network
	t.takeLocal(o)
	if slices.Contains(m.locals, id) {
		return
	}
	if len(m.locals) == maxLocals {
		m.locals = slices.Delete(m.locals, 0, 1)
	}
	m.locals = append(m.locals, id)
	for _, e := range m.entries {
		t.judge(e)
	}
}

// judge gives an entry the kind that its address shows.
func (t *Table) judge(e *entry) {
	kind, id := e.Kind, interfaceID(e.Addr)
	switch {
	case id == eui64(e.MAC):
		kind = EUI64
	case slices.Contains(e.of.locals, id):
		kind = Stable
	}
	if kind > e.Kind {
		e.Kind = kind
		t.revision++
	}
}

// enter takes an address that nobody had.
func (t *Table) enter(now time.Duration, o Observation) *entry {
	m := t.machine(now, o.MAC)
	if m == nil || !t.room(now, m, o) {
		t.refused++
		return nil
	}
	m.seen, m.network = now, o.Network
	e := t.add(m, Station{Addr: o.Addr, MAC: o.MAC, Network: o.Network, First: now, Last: now})
	t.revision++
	return e
}

// add puts an address into the table.
func (t *Table) add(m *machine, s Station) *entry {
	t.place(&s)
	e := &entry{Station: s, of: m}
	m.entries = append(m.entries, e)
	t.entries[s.Addr] = e
	t.judge(e)
	return e
}

// remove takes one out of it.
func (t *Table) remove(e *entry) {
	delete(t.entries, e.Addr)
	e.of.entries = slices.DeleteFunc(e.of.entries, func(x *entry) bool { return x == e })
	t.revision++
}

// confirm notes that a machine has its address now.
func (t *Table) confirm(now time.Duration, l *LAN, e *entry) {
	if pause := now - e.Last; pause > 0 && pause <= maxPause {
		e.Used += pause
	}
	e.Last, e.of.seen, e.of.network = max(e.Last, now), now, l.Network
	if e.Kind == Other && t.kept(l, e) {
		e.Kind = Stable
		t.revision++
	}
}

// kept reports whether an address has been used for longer than a temporary one. After a day a host makes the
// next of these; the one before is used on by conversations that have begun with it.
func (t *Table) kept(l *LAN, e *entry) bool {
	if e.Used < rotation {
		return false
	}
	p, beside, younger := l.prefix(e.Addr), 0, false
	for _, x := range e.of.entries {
		if x.Current && p.Contains(x.Addr) {
			beside++
			younger = younger || x.Kind == Other && x.First > e.First
		}
	}
	return beside <= crowd && (!younger || e.Used >= longest)
}

// contest is about an address that another machine has too: who was confirmed last has it, but each only for
// a while.
func (t *Table) contest(now time.Duration, e *entry, o Observation) {
	if !o.Confirmed {
		return
	}
	if now-e.moved >= fight {
		e.moves = 0
	}
	if e.moves > 0 && now-e.moved < hold {
		return
	}
	moves, before := e.moves+1, e.MAC
	t.remove(e)
	if e = t.enter(now, o); e != nil {
		e.moves, e.moved, e.rival = moves, now, before
	}
}

// Tick forgets what has not been seen for long.
func (t *Table) Tick(now time.Duration) {
	t.tickClaims(now)
	for _, e := range t.entries {
		limit := Keep
		if e.Kind == Other || !e.Current {
			limit = KeepOther
		}
		if now-e.Last >= limit {
			t.remove(e)
		}
	}
	for mac, m := range t.machines {
		if len(m.entries) == 0 && now-m.seen >= KeepOther {
			delete(t.machines, mac)
		}
	}
}
