package nft

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Replace gives sets of a loaded table other elements, all in one transaction. Rules, counters and all else
// stay as they are. The sets must be there, and be declared in the same way. before are the same sets as they
// were loaded: only what differs is then sent, and a list that changes a little costs the kernel little. Nil,
// or what is not in the kernel any more, has all of it sent.
func Replace(table string, before, sets []firewall.Set) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: netlink: %w", err)
	}
	if len(before) == len(sets) {
		if exchange(conn, table, before, sets) == nil {
			return nil
		}
	}
	b := newBatch(conn, &nftables.Table{Name: table, Family: nftables.TableFamilyINet})
	described, err := b.describeSets(firewall.Table{Sets: sets})
	if err != nil {
		return err
	}
	for _, s := range described {
		conn.FlushSet(&s.Set)
		if err := s.elementsTo(conn.SetAddElements); err != nil {
			return fmt.Errorf("firewall: set %s: %w", s.Name, err)
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: sets of table %s refused by the kernel, they stay as they were: %w",
			table, err)
	}
	return nil
}

// exchange takes out of sets what they have no longer and adds what is new, in one transaction.
func exchange(conn *nftables.Conn, table string, before, sets []firewall.Set) error {
	b := newBatch(conn, &nftables.Table{Name: table, Family: nftables.TableFamilyINet})
	gone, added := make([]firewall.Set, len(sets)), make([]firewall.Set, len(sets))
	for i := range sets {
		gone[i], added[i] = sets[i], sets[i]
		gone[i].Elements, added[i].Elements = firewall.Exchanged(before[i].Elements, sets[i].Elements)
	}
	for _, step := range []struct {
		sets []firewall.Set
		to   func(*nftables.Set, []nftables.SetElement) error
	}{{gone, conn.SetDeleteElements}, {added, conn.SetAddElements}} {
		described, err := b.describeSets(firewall.Table{Sets: step.sets})
		if err != nil {
			return err
		}
		for _, s := range described {
			if err := s.elementsTo(step.to); err != nil {
				return err
			}
		}
	}
	return conn.Flush()
}

// Kept returns t with the elements that its kept sets of single addresses have in the kernel: the bans.
func Kept(t firewall.Table) (firewall.Table, error) {
	conn, err := nftables.New()
	if err != nil {
		return t, fmt.Errorf("firewall: netlink: %w", err)
	}
	t.Sets = slices.Clone(t.Sets)
	for i, s := range t.Sets {
		if !s.Kept || s.Dynamic {
			continue
		}
		elements, err := conn.GetSetElements(&nftables.Set{Name: s.Name,
			Table: &nftables.Table{Name: t.Name, Family: familyOf(t.Family)}})
		if err != nil {
			return t, fmt.Errorf("firewall: elements of set %s: %w", s.Name, err)
		}
		for _, e := range elements {
			if a, ok := netip.AddrFromSlice(e.Key); ok {
				t.Sets[i].Elements = append(t.Sets[i].Elements,
					firewall.Element{Key: []firewall.Value{{Prefix: netip.PrefixFrom(a, a.BitLen())}}})
			}
		}
	}
	return t, nil
}

// Offload returns those of some devices between which the kernel can make a short cut: the ones that exist,
// or none when it has no flowtables. It asks the kernel by a transaction that leaves nothing behind.
func Offload(devices []string) []string {
	existing := existing(devices)
	if can, err := offloads(existing); err != nil || !can {
		return nil
	}
	return namesOf(existing)
}

// A device is one that exists. One that is taken out and put in again has another index.
type device struct {
	name  string
	index int
}

func existing(names []string) (all []device) {
	links, _ := net.Interfaces() // without any there is no short cut
	for _, name := range names {
		if i := slices.IndexFunc(links, func(l net.Interface) bool { return l.Name == name }); i >= 0 {
			all = append(all, device{name, links[i].Index})
		}
	}
	return all
}

// Links are the indexes of those of some interfaces that exist.
func Links(names []string) map[string]uint32 {
	links := map[string]uint32{}
	for _, d := range existing(names) {
		links[d.name] = uint32(d.index)
	}
	return links
}

func namesOf(devices []device) (names []string) {
	for _, d := range devices {
		names = append(names, d.name)
	}
	return names
}

// offloads asks the kernel. An error says nothing for another time.
func offloads(devices []device) (bool, error) {
	if len(devices) < 2 {
		return false, nil
	}
	conn, err := nftables.New()
	if err != nil {
		return false, err
	}
	table := conn.AddTable(&nftables.Table{Name: scratch, Family: nftables.TableFamilyINet})
	conn.AddFlowtable(&nftables.Flowtable{Table: table, Name: "f", Devices: namesOf(devices),
		Flags: nftables.FlowtableFlagsCounter})
	chain := conn.AddChain(&nftables.Chain{Table: table, Name: "c"})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.FlowOffload{Name: "f"}}})
	conn.DelTable(table)
	err = conn.Flush()
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) { // it has none, or not of such devices
		return false, nil
	}
	return err == nil, err
}
