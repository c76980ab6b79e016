package dhcp

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Leases returns everything known of the addresses of all subnets at now, by
// subnet and address.
func (s *Server) Leases(now time.Time) []LeaseInfo {
	var all []LeaseInfo
	for _, sub := range s.subnets {
		start := len(all)
		for l := range sub.table.All(now) {
			all = append(all, s.info(sub, l))
		}
		slices.SortFunc(all[start:], func(a, b LeaseInfo) int { return a.Addr.Compare(b.Addr) })
	}
	return all
}

// A LeaseInfo is one lease, present or former, for people and their programs.
type LeaseInfo struct {
	Subnet   string     `json:"subnet"`
	Addr     netip.Addr `json:"addr"`
	MAC      lease.MAC  `json:"mac"`
	Name     string     `json:"name,omitempty"`
	Kind     string     `json:"kind"`      // "reserved" or "pool"
	State    string     `json:"state"`     // "bound", "free" (expired or released) or "declined"
	LastSeen time.Time  `json:"last_seen"` // last acknowledged
	// bound: the end of the lease; free: when it became free; declined: end of the quarantine
	Expires time.Time `json:"expires"`
}

func (s *Server) info(sub *subnet, l lease.Lease) LeaseInfo {
	kind := "pool"
	if s.isReserved(l.MAC, l.Addr) {
		kind = "reserved"
	}
	return LeaseInfo{
		Subnet: sub.Name, Addr: l.Addr, MAC: l.MAC, Name: l.Name, Kind: kind,
		State: l.State.String(), LastSeen: l.Since, Expires: l.Until,
	}
}

func (s *Server) isReserved(mac lease.MAC, addr netip.Addr) bool {
	h := s.hostOf(mac)
	return h != nil && slices.Contains(h.Addrs, addr)
}

// All yields every lease worth storing, in no order.
func (s *Server) All(now time.Time) iter.Seq[lease.Lease] {
	return func(yield func(lease.Lease) bool) {
		for _, sub := range s.subnets {
			for l := range sub.table.All(now) {
				if !yield(l) {
					return
				}
			}
		}
	}
}

// Keeps returns a function that tells whether a stored lease is worth keeping: it
// runs at now, or its address may be given out again. It is safe for concurrent use.
func (c *Config) Keeps(now time.Time) func(lease.Lease) bool {
	own := make(map[netip.Addr]struct{})
	for _, h := range c.Hosts {
		for _, a := range h.Addrs {
			own[a] = struct{}{}
		}
	}
	return func(l lease.Lease) bool {
		if l.Running(now) || l.State == lease.Declined && now.Before(l.Until) {
			return true
		}
		if _, ok := own[l.Addr]; ok {
			return true
		}
		return slices.ContainsFunc(c.Subnets, func(sub Subnet) bool {
			return contain(sub.Pool, l.Addr) && !contain(sub.Exclude, l.Addr)
		})
	}
}

func contain(ranges []lease.Range, a netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(r lease.Range) bool {
		return r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
	})
}

// Len returns the number of leases that All yields.
func (s *Server) Len() int {
	n := 0
	for _, sub := range s.subnets {
		n += sub.table.Len()
	}
	return n
}

// Stats returns the counts of the pool of a subnet, an index of Config.Subnets.
func (s *Server) Stats(now time.Time, subnet int) lease.Stats {
	return s.subnets[subnet].table.Stats(now)
}
