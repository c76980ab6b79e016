package zone

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// A Station is an IPv6 address that a machine of the house has made itself (RFC 4862).
type Station struct {
	Addr   netip.Addr
	Client string // whose it is, as Lease.Client has it
}

// Stations gives stations the name of their machine: that of the host of the site whose client it is, else
// that of its lease of an IPv4 address, the newest if it has several. To a Table they are leases that end
// with the name, so all that is said of leases holds for them: a host with an IPv6 address by the site shows
// that one alone.
//
//	Set ──► machines ─┐
//	leases ───────────┴─► With ─► Table
//
// It remembers what it gave the last Table, and is for one goroutine.
type Stations struct {
	machines map[string]*machine     // by client
	leases   map[netip.Addr]*machine // whose an IPv4 address is, of machines
	given    map[netip.Addr]bool     // stations that have, or want, a name in the Table
	next     time.Time               // no name of a machine ends before
	fresh    bool                    // machines are new
}

// A machine is a client with stations.
type machine struct {
	client string
	host   string // its name by the site, "" if it has none
	addrs  []netip.Addr
	leases []Lease // of IPv4, the newest last
}

// always is when leases end that do not end.
func always() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// NewStations returns the stations of a Table without any.
func NewStations(t *Table, all []Station) *Stations {
	s := &Stations{given: map[netip.Addr]bool{}}
	s.Set(t, all)
	return s
}

// Set has these be all stations, in the order in which they were first seen; t is the Table that With has
// returned last.
func (s *Stations) Set(t *Table, all []Station) {
	s.machines, s.leases, s.fresh = map[string]*machine{}, map[netip.Addr]*machine{}, true
	for _, x := range all {
		m := s.machines[x.Client]
		if m == nil {
			m = &machine{client: x.Client}
			s.machines[x.Client] = m
		}
		m.addrs = append(m.addrs, x.Addr)
	}
	if len(s.machines) == 0 {
		return
	}
	for _, o := range t.owners {
		if m := s.machines[o.client]; m != nil {
			wire := t.nameOf(o.node)
			m.host = string(wire[1 : 1+wire[0]])
		}
	}
	for _, h := range s.held(t) {
		s.take(&h.Lease)
	}
}

// held returns the leases of machines, in the order in which they were taken.
func (s *Stations) held(t *Table) (all []*held) {
	for _, bucket := range t.leases.addrs {
		for i := range bucket {
			if h := &bucket[i]; h.Addr.Is4() && s.machines[h.Client] != nil {
				all = append(all, h)
			}
		}
	}
	slices.SortFunc(all, func(x, y *held) int { return cmp.Compare(x.last, y.last) })
	return all
}

// take notes a lease of IPv4, and returns the machines that it means something to.
func (s *Stations) take(l *Lease) (touched []*machine) {
	if !l.Addr.Is4() {
		return nil
	}
	if m := s.leases[l.Addr]; m != nil {
		m.leases = slices.DeleteFunc(m.leases, func(x Lease) bool { return x.Addr == l.Addr })
		delete(s.leases, l.Addr)
		touched = append(touched, m)
	}
	if m := s.machines[l.Client]; m != nil && !l.Until.IsZero() {
		m.leases = append(m.leases, *l)
		s.leases[l.Addr] = m
		touched = append(touched, m)
	}
	return touched
}

// With returns t.With of changes, and of what follows from them for stations.
func (s *Stations) With(now time.Time, t *Table, changes ...Lease) *Table {
	touched := map[*machine]bool{}
	for i := range changes {
		for _, m := range s.take(&changes[i]) {
			touched[m] = true
		}
	}
	all := s.fresh || !s.next.IsZero() && !now.Before(s.next)
	if !all && len(touched) == 0 {
		return t.With(now, changes...)
	}
	if all {
		changes = append(changes[:len(changes):len(changes)], s.gone()...)
		s.next, s.fresh = time.Time{}, false
	}
	for _, client := range s.clients() {
		if m := s.machines[client]; all || touched[m] {
			changes = append(changes[:len(changes):len(changes)], s.names(now, t, m)...)
		}
	}
	return t.With(now, changes...)
}

// clients are the machines in an order.
func (s *Stations) clients() []string {
	all := make([]string, 0, len(s.machines))
	for client := range s.machines {
		all = append(all, client)
	}
	slices.Sort(all)
	return all
}

// gone ends the stations that are there no more.
func (s *Stations) gone() (ended []Lease) {
	there := map[netip.Addr]bool{}
	for _, m := range s.machines {
		for _, a := range m.addrs {
			there[a] = true
		}
	}
	for a := range s.given {
		if !there[a] {
			delete(s.given, a)
			ended = append(ended, Lease{Addr: a, Station: true})
		}
	}
	return ended
}

// names are the leases of a machine's stations.
func (s *Stations) names(now time.Time, t *Table, m *machine) (all []Lease) {
	name, until := m.name(now, t)
	if name != "" && (s.next.IsZero() || until.Before(s.next)) {
		s.next = until
	}
	for _, a := range m.addrs {
		if name != "" || s.given[a] {
			all = append(all, Lease{Name: name, Addr: a, Client: m.client, Until: until, Station: true})
		}
		if name != "" {
			s.given[a] = true
		} else {
			delete(s.given, a)
		}
	}
	return all
}

// name is what a machine is called, and how long; "": nothing.
func (m *machine) name(now time.Time, t *Table) (string, time.Time) {
	if m.host != "" {
		return m.host, always()
	}
	for _, l := range slices.Backward(m.leases) {
		if now.Before(l.Until) && t.Refuse(l) == nil {
			return l.Name, l.Until
		}
	}
	return "", time.Time{}
}
