package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// banSets are the sets of bans with the lengths of what they hold.
func banSets() map[string]int {
	return map[string]int{firewall.Banned4: 32, firewall.Banned6: 128, firewall.BannedNet6: 64}
}

func banSet(table, name string) *nftables.Set {
	keyType := nftables.TypeIP6Addr
	if name == firewall.Banned4 {
		keyType = nftables.TypeIPAddr
	}
	return &nftables.Set{Name: name, KeyType: keyType, HasTimeout: true,
		Table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet}}
}

// Ban keeps all packets from p away for d from now on, however long it was banned before.
func Ban(table string, p netip.Prefix, d time.Duration) error {
	name, keys, err := firewall.BanKeys(p)
	if err != nil {
		return err
	}
	elements := make([]nftables.SetElement, len(keys))
	for i, a := range keys {
		elements[i] = nftables.SetElement{Key: a.AsSlice(), Timeout: d}
	}
	set := banSet(table, name)
	return changeBans(func(conn *nftables.Conn) error {
		banned, err := elementsWithin(conn, set, p)
		if err == nil {
			err = conn.SetDeleteElements(set, banned)
		}
		if err == nil {
			err = conn.SetAddElements(set, elements)
		}
		return err
	})
}

// Unban ends the bans of p and of all parts of it, and says how many elements that were. The ban of a network
// that p is a part of stays.
func Unban(table string, p netip.Prefix) (n int, err error) {
	err = changeBans(func(conn *nftables.Conn) error {
		n = 0
		for name, bits := range banSets() {
			set := banSet(table, name)
			if (name == firewall.Banned4) != p.Addr().Is4() || bits < p.Bits() {
				continue
			}
			banned, err := elementsWithin(conn, set, p)
			if err == nil {
				err = conn.SetDeleteElements(set, banned)
			}
			if err != nil {
				return err
			}
			n += len(banned)
		}
		return nil
	})
	return n, err
}

// changeBans makes a transaction of what stage queues. It looks again when an element expired meanwhile, or
// somebody else unbanned it.
func changeBans(stage func(*nftables.Conn) error) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: netlink: %w", err)
	}
	for range attempts {
		if err = stage(conn); err == nil {
			err = conn.Flush()
		}
		if !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("firewall: bans: %w", err)
	}
	return nil
}

// elementsWithin are the keys of a set that are in p.
func elementsWithin(conn *nftables.Conn, set *nftables.Set, p netip.Prefix) ([]nftables.SetElement, error) {
	elements, err := conn.GetSetElements(set)
	if err != nil {
		return nil, err
	}
	elements = slices.DeleteFunc(elements, func(e nftables.SetElement) bool {
		a, ok := netip.AddrFromSlice(e.Key)
		return !ok || !p.Contains(a)
	})
	for i, e := range elements {
		elements[i] = nftables.SetElement{Key: e.Key}
	}
	return elements, nil
}

// Bans lists who is banned, sorted by address.
func Bans(table string) ([]firewall.Ban, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("firewall: netlink: %w", err)
	}
	var all []firewall.Ban
	for name, bits := range banSets() {
		elements, err := conn.GetSetElements(banSet(table, name))
		if err != nil {
			return nil, fmt.Errorf("firewall: elements of set %s: %w", name, err)
		}
		for _, e := range elements {
			if a, ok := netip.AddrFromSlice(e.Key); ok {
				all = append(all, firewall.Ban{Prefix: netip.PrefixFrom(a, bits), For: e.Timeout,
					Left: e.Expires})
			}
		}
	}
	return firewall.JoinBans(all), nil
}
