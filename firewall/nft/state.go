package nft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// state is what a table has, by name. As the result of [batch.clear] it is what of that stays.
type state struct {
	exists     bool
	chains     map[string]bool // of what stays, only hooked ones
	hooked     map[string]*nftables.Chain
	sets       map[string]*nftables.Set
	counters   map[string]bool
	helpers    map[string]bool
	flowtables map[string]*nftables.Flowtable
}

func newState() state {
	return state{chains: map[string]bool{}, hooked: map[string]*nftables.Chain{},
		sets: map[string]*nftables.Set{}, counters: map[string]bool{}, helpers: map[string]bool{},
		flowtables: map[string]*nftables.Flowtable{}}
}

// readState asks the kernel what is in the table of t's name and family.
func readState(conn *nftables.Conn, t firewall.Table) (state, error) {
	s, name, family := newState(), t.Name, familyOf(t.Family)
	table, err := conn.ListTableOfFamily(name, family)
	if errors.Is(err, unix.ENOENT) || err == nil && table == nil {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.exists = true
	chains, err := conn.ListChainsOfTableFamily(family)
	if err != nil {
		return s, fmt.Errorf("chains: %w", err)
	}
	for _, c := range chains {
		if c.Table.Name == name {
			s.chains[c.Name] = true
			if c.Hooknum != nil {
				s.hooked[c.Name] = c
			}
		}
	}
	sets, err := conn.GetSets(table)
	if err != nil {
		return s, fmt.Errorf("sets: %w", err)
	}
	for _, set := range sets {
		if !set.Anonymous {
			s.sets[set.Name] = set
		}
	}
	return s, s.readObjects(conn, table)
}

func (s state) readObjects(conn *nftables.Conn, table *nftables.Table) error {
	objects, err := conn.GetNamedObjects(table)
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	for _, o := range objects {
		if named, ok := o.(*nftables.NamedObj); ok && named.Type == nftables.ObjTypeCounter {
			s.counters[named.Name] = true
		} else if ok && named.Type == nftables.ObjTypeCtHelper {
			s.helpers[named.Name] = true
		}
	}
	flowtables, err := conn.ListFlowtables(table)
	if err != nil {
		return fmt.Errorf("flowtables: %w", err)
	}
	for _, f := range flowtables {
		s.flowtables[f.Name] = f
	}
	return nil
}

// clear queues the removal of all rules and of what t has no more or has otherwise, and returns what stays.
// Rules go first, then what may lead to chains, then chains. A hooked chain that stays is never without rules
// for a packet: the kernel gives it the new ones at the same instant.
func (b *batch) clear(t firewall.Table, sets []wantedSet, old state) state {
	kept := newState()
	if !old.exists {
		return kept
	}
	b.conn.FlushTable(b.table)
	for name, set := range old.sets {
		i := slices.IndexFunc(sets, func(w wantedSet) bool { return w.Name == name })
		if i >= 0 && sets[i].kept && sameSet(set, &sets[i].Set) {
			kept.sets[name] = set
		} else {
			b.conn.DelSet(&nftables.Set{Table: b.table, Name: name})
		}
	}
	for name := range old.chains {
		i := slices.IndexFunc(t.Chains, func(c firewall.Chain) bool { return c.Name == name })
		if i >= 0 && old.hooked[name] != nil && sameHook(old.hooked[name], chainOf(b.table, t.Chains[i])) {
			kept.chains[name] = true
		} else {
			b.conn.DelChain(&nftables.Chain{Table: b.table, Name: name})
		}
	}
	for name := range old.counters {
		if kept.counters[name] = slices.Contains(t.Counters, name); !kept.counters[name] {
			b.conn.DeleteObject(&nftables.NamedObj{Table: b.table, Name: name, Type: nftables.ObjTypeCounter,
				Obj: &expr.Counter{}})
		}
	}
	for name := range old.helpers {
		i := slices.IndexFunc(t.Helpers, func(h firewall.Helper) bool { return h.Object() == name })
		if kept.helpers[name] = i >= 0; i < 0 {
			b.conn.DeleteObject(&nftables.NamedObj{Table: b.table, Name: name, Type: nftables.ObjTypeCtHelper,
				Obj: &expr.CtHelper{}})
		}
	}
	for name, f := range old.flowtables {
		i := slices.IndexFunc(t.Flowtables, func(w firewall.Flowtable) bool { return w.Name == name })
		if i >= 0 && sameNames(t.Flowtables[i].Devices, f.Devices) {
			kept.flowtables[name] = f
		} else {
			b.conn.DelFlowtable(&nftables.Flowtable{Table: b.table, Name: name})
		}
	}
	return kept
}

func sameHook(a, b *nftables.Chain) bool {
	return b.Hooknum != nil && a.Type == b.Type && *a.Hooknum == *b.Hooknum && *a.Priority == *b.Priority &&
		a.Policy != nil && *a.Policy == *b.Policy
}

func sameSet(a, b *nftables.Set) bool {
	return a.KeyType.GetNFTMagic() == b.KeyType.GetNFTMagic() && a.KeyType.Bytes == b.KeyType.Bytes &&
		a.IsMap == b.IsMap &&
		a.Interval == b.Interval && a.HasTimeout == b.HasTimeout && a.Dynamic == b.Dynamic &&
		a.Timeout == b.Timeout && a.Size == b.Size
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// Counters reads what the named counters of a table of the inet family have counted.
func Counters(table string) (map[string]firewall.Count, error) {
	return CountersOf(firewall.Table{Name: table})
}

// CountersOf is Counters for the table of t's name and family.
func CountersOf(t firewall.Table) (map[string]firewall.Count, error) {
	table := t.Name
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("firewall: netlink: %w", err)
	}
	objects, err := conn.GetNamedObjects(&nftables.Table{Name: table, Family: familyOf(t.Family)})
	if err != nil {
		return nil, fmt.Errorf("firewall: counters of table %s: %w", table, err)
	}
	counts := map[string]firewall.Count{}
	for _, o := range objects {
		named, ok := o.(*nftables.NamedObj)
		if !ok {
			continue
		}
		if c, ok := named.Obj.(*expr.Counter); ok {
			counts[named.Name] = firewall.Count{Packets: c.Packets, Bytes: c.Bytes}
		}
	}
	return counts, nil
}
