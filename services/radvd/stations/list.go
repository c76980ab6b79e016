package stations

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// List returns all addresses in their order, those of prefixes that are not there too.
func (t *Table) List() []Station {
	all := make([]Station, 0, len(t.entries))
	for _, e := range t.entries {
		all = append(all, e.Station)
	}
	slices.SortFunc(all, func(x, y Station) int { return x.Addr.Compare(y.Addr) })
	return all
}

// Hosts returns an address of each of the machines of a LAN that were seen last, at most so many, the last
// first: the link-local one, if it is known.
func (t *Table) Hosts(network string, most int) (all []netip.Addr) {
	var found []*machine
	for _, m := range t.machines {
		if m.network == network {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(m, x *machine) int {
		return cmp.Or(cmp.Compare(x.seen, m.seen), slices.Compare(m.mac[:], x.mac[:]))
	})
	for _, m := range found {
		if a := m.reached(); a.IsValid() && len(all) < most {
			all = append(all, a)
		}
	}
	return all
}

// reached returns an address by which a machine is reached on its LAN; the zero Addr: none is known.
func (m *machine) reached() netip.Addr {
	if n := len(m.locals); n > 0 {
		a := [16]byte{0: 0xfe, 1: 0x80}
		binary.BigEndian.PutUint64(a[8:], m.locals[n-1])
		return netip.AddrFrom16(a)
	}
	var last *entry
	for _, e := range m.entries {
		if e.Current && e.Network == m.network && (last == nil || e.Last > last.Last) {
			last = e
		}
	}
	if last == nil {
		return netip.Addr{}
	}
	return last.Addr
}

// Revision is another number when List has other addresses, or says something else of one than when it was
// confirmed and for how long it is in use.
func (t *Table) Revision() uint64 { return t.revision }

// Refused counts addresses for which there was no room.
func (t *Table) Refused() uint64 { return t.refused }

// maxProblems bounds the addresses that Problems tells of one by one.
const maxProblems = 5

// Problems returns what a person should look at, one sentence each.
func (t *Table) Problems(now time.Duration) (all []string) {
	var fought []netip.Addr
	for a, e := range t.entries {
		if e.moves >= contested && now-e.moved < fight {
			fought = append(fought, a)
		}
	}
	slices.SortFunc(fought, netip.Addr.Compare)
	for i, a := range fought {
		if i == maxProblems {
			all = append(all, fmt.Sprintf("%d further addresses are used by several machines.",
				len(fought)-i))
			break
		}
		e := t.entries[a]
		all = append(all, fmt.Sprintf("The address %s on %s is used by two machines in turn: %s and %s.", a,
			e.Network, e.MAC, e.rival))
	}
	return append(all, t.claimProblems(now, fought)...)
}
