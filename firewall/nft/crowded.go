package nft

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/google/nftables"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Crowded are the elements of the sets of sources that have their share: IPv4 addresses, IPv6 addresses, and
// IPv6 networks of 64 bits by their first addresses.
type Crowded struct {
	IPv4, IPv6, Net6 []netip.Addr
}

// SetCrowded makes the sets of a loaded table hold these and no others, for some time, in one transaction.
func SetCrowded(table string, c Crowded, d time.Duration) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: netlink: %w", err)
	}
	for _, s := range []struct {
		name  string
		addrs []netip.Addr
	}{{firewall.Crowded4, c.IPv4}, {firewall.Crowded6, c.IPv6}, {firewall.CrowdedNet6, c.Net6}} {
		set := &nftables.Set{Name: s.name, KeyType: nftables.TypeIP6Addr, HasTimeout: true,
			Table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet}}
		if s.name == firewall.Crowded4 {
			set.KeyType = nftables.TypeIPAddr
		}
		conn.FlushSet(set)
		elements := make([]nftables.SetElement, len(s.addrs))
		for i, a := range s.addrs {
			elements[i] = nftables.SetElement{Key: a.AsSlice(), Timeout: d}
		}
		for len(elements) > 0 {
			n := min(chunk, len(elements))
			if err := conn.SetAddElements(set, elements[:n]); err != nil {
				return fmt.Errorf("firewall: set %s: %w", s.name, err)
			}
			elements = elements[n:]
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: sources that have their share: %w", err)
	}
	return nil
}
