package nft

import (
	"errors"
	"fmt"
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
// sets hold makes no difference.
func Differences(t firewall.Table) ([]string, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("firewall: netlink: %w", err)
	}
	running, err := dumpTable(t)
	if errors.Is(err, unix.ENOENT) {
		return []string{"there are no rules in the kernel"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("firewall: table %s as it is: %w", t.Name, err)
	}
	wanted, err := dumpDormant(conn, t)
	if err != nil {
		return nil, err
	}
	for _, s := range t.Sets {
		if title := "set " + s.Name; s.Kept && len(running[title]) > 0 {
			running[title], wanted[title] = running[title][:1], wanted[title][:1]
		}
	}
	return differences(running, wanted), nil
}

// dumpDormant loads t under another name, reads it back, and removes it.
func dumpDormant(conn *nftables.Conn, t firewall.Table) (d dump, err error) {
	t.Name = scratch
	table := nftables.Table{Name: scratch, Family: familyOf(t.Family), Flags: unix.NFT_TABLE_F_DORMANT}
	conn.AddTable(&table)
	conn.DelTable(&table) // what a comparison left that was cut off
	if err := stage(conn, &table, t, newState()); err != nil {
		return nil, fmt.Errorf("firewall: table %s: %w", t.Name, err)
	}
	if err := conn.Flush(); err != nil {
		return nil, fmt.Errorf("firewall: a dormant copy of the rules is refused by the kernel: %w", err)
	}
	defer func() {
		conn.DelTable(&table)
		if gone := conn.Flush(); err == nil && gone != nil {
			err = fmt.Errorf("firewall: the dormant copy of the rules does not go: %w", gone)
		}
	}()
	return dumpTable(t)
}

func differences(running, wanted dump) []string {
	var all []string
	for _, title := range slices.Sorted(maps.Keys(running)) {
		if _, known := wanted[title]; !known {
			all = append(all, title+" should not be there")
		}
	}
	for _, title := range slices.Sorted(maps.Keys(wanted)) {
		has, isThere := running[title]
		want := wanted[title]
		switch {
		case !isThere:
			all = append(all, title+" is missing")
		case has[0] != want[0]:
			all = append(all, title+" is declared in another way")
		case len(has) != len(want):
			all = append(all, fmt.Sprintf("%s has %d rules or elements instead of %d", title, len(has)-1, len(want)-1))
		default:
			for i := range has {
				if has[i] != want[i] {
					all = append(all, fmt.Sprintf("%s differs from its rule or element %d on", title, i))
					break
				}
			}
		}
	}
	return all
}
