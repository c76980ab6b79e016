package stations

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// machine returns a machine, a new one if there is room; else nil. One without addresses makes room.
func (t *Table) machine(now time.Duration, mac ethernet.MAC) *machine {
	if m := t.machines[mac]; m != nil {
		return m
	}
	if len(t.machines) >= maxMachines {
		var oldest *machine
		for _, m := range t.machines {
			if len(m.entries) == 0 && (oldest == nil || before(m, oldest)) {
				oldest = m
			}
		}
		if oldest == nil {
			return nil
		}
		delete(t.machines, oldest.mac)
	}
	m := &machine{mac: mac, seen: now}
	t.machines[mac] = m
	return m
}

// before reports whether m was seen before x was. The hardware address decides between equals, so that the
// table does not depend on the order of a map.
func before(m, x *machine) bool {
	return cmp.Or(cmp.Compare(m.seen, x.seen), slices.Compare(m.mac[:], x.mac[:])) < 0
}

// room makes room for another address of a machine, and reports whether there is.
func (t *Table) room(now time.Duration, m *machine, o Observation) bool {
	if len(m.entries) >= MaxPerMachine {
		e := least(m)
		better := e.Kind == Other && interfaceID(o.Addr) == eui64(o.MAC)
		if !o.Confirmed || e.Current && !better && now-e.Last < patience(e) {
			return false
		}
		t.remove(e)
	}
	if len(t.entries) < MaxAddresses {
		return true
	}
	most := t.largest()
	e := least(most)
	fair := len(most.entries) > len(m.entries)+1
	if !o.Confirmed || !fair && now-e.Last < patience(e) {
		return false
	}
	t.remove(e)
	return true
}

// patience is how long an address must not have been seen before it gives way to another.
func patience(e *entry) time.Duration {
	if e.Kind == Other {
		return fight
	}
	return 24 * time.Hour
}

// least returns the address of a machine that it can best do without.
func least(m *machine) *entry {
	return slices.MinFunc(m.entries, func(x, y *entry) int {
		return cmp.Or(order(x.Current, y.Current), order(x.Kind != Other, y.Kind != Other),
			cmp.Compare(x.Last, y.Last), x.Addr.Compare(y.Addr))
	})
}

// order has false before true.
func order(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// largest returns the machine with the most addresses; of several, the one that was seen least recently.
func (t *Table) largest() (most *machine) {
	for _, m := range t.machines {
		if most == nil || len(m.entries) > len(most.entries) || len(m.entries) == len(most.entries) &&
			before(m, most) {
			most = m
		}
	}
	return most
}
