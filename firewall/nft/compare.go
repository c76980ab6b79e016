package nft

import (
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// scratch is the name of the table that Differences makes and removes.
const scratch = "gatehouse_compare"

// Differences says, one sentence each, in what the kernel's table is not what a load of t makes; none means
// that it is. It lets the kernel itself say what t is: t is loaded once more, into a table that is asked
// nothing (it is dormant), both are read back, and compared byte by byte. What counters counted and what kept
// sets hold makes no difference. The elements of sets are not loaded once more, for the kernel would take as
// much memory for them as it has: what it has is compared with what it was sent.
func Differences(t firewall.Table) ([]string, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("firewall: netlink: %w", err)
	}
	running := newDump(maphash.MakeSeed())
	err = running.read(t)
	if errors.Is(err, unix.ENOENT) {
		return []string{"there are no rules in the kernel"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("firewall: table %s as it is: %w", t.Name, err)
	}
	wanted := newDump(running.seed)
	if err := wanted.dormant(conn, t); err != nil {
		return nil, err
	}
	for _, s := range t.Sets {
		if is := running.objects["set "+s.Name]; s.Kept && is != nil {
			is.elements = digest{}
		}
	}
	return differences(running.objects, wanted.objects), nil
}

// dormant loads t under another name but for the elements of its sets, reads it back, and removes it. The
// elements are put into d as they would be sent.
func (d dump) dormant(conn *nftables.Conn, t firewall.Table) (err error) {
	t.Name = scratch
	table := nftables.Table{Name: scratch, Family: familyOf(t.Family), Flags: unix.NFT_TABLE_F_DORMANT}
	conn.AddTable(&table)
	conn.DelTable(&table) // what a comparison left that was cut off
	if err := stage(conn, &table, withoutElements(t), newState()); err != nil {
		return fmt.Errorf("firewall: table %s: %w", t.Name, err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: a dormant copy of the rules is refused by the kernel: %w", err)
	}
	defer func() {
		conn.DelTable(&table)
		if gone := conn.Flush(); err == nil && gone != nil {
			err = fmt.Errorf("firewall: the dormant copy of the rules does not go: %w", gone)
		}
	}()
	if err := d.read(t); err != nil {
		return fmt.Errorf("firewall: the dormant copy of the rules: %w", err)
	}
	return d.sent(t)
}

// withoutElements is t with sets that have no elements.
func withoutElements(t firewall.Table) firewall.Table {
	t.Sets = slices.Clone(t.Sets)
	for i := range t.Sets {
		t.Sets[i].Elements = nil
	}
	return t
}

// sent puts the elements of the sets of t into d.
func (d dump) sent(t firewall.Table) error {
	sets, err := newBatch(nil, &nftables.Table{}).describeSets(firewall.Table{Sets: t.Sets})
	if err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	for _, s := range sets {
		set := d.at("set " + s.Name)
		err := s.elementsTo(func(_ *nftables.Set, elements []nftables.SetElement) error {
			for _, e := range elements {
				set.elements.add(d.seed, element{key: string(e.Key), end: e.IntervalEnd})
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("firewall: set %s: %w", s.Name, err)
		}
	}
	return nil
}

func differences(running, wanted map[string]*object) []string {
	var all []string
	for _, title := range slices.Sorted(maps.Keys(running)) {
		if wanted[title] == nil {
			all = append(all, title+" should not be there")
		}
	}
	for _, title := range slices.Sorted(maps.Keys(wanted)) {
		if running[title] == nil {
			all = append(all, title+" is missing")
		} else if how := running[title].differs(*wanted[title]); how != "" {
			all = append(all, title+" "+how)
		}
	}
	return all
}

// differs says in what an object is not what it should be, "" if in nothing.
func (o object) differs(want object) string {
	number := func(o object) int { return len(o.rules) + o.elements.number }
	switch {
	case o.head != want.head:
		return "is declared in another way"
	case number(o) != number(want):
		return fmt.Sprintf("has %d rules or elements instead of %d", number(o), number(want))
	case o.elements != want.elements:
		return fmt.Sprintf("has other elements, as many as it should: %d", o.elements.number)
	}
	for i := range o.rules {
		if o.rules[i] != want.rules[i] {
			return fmt.Sprintf("differs from its rule %d on", i+1)
		}
	}
	return ""
}
