package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// How large the kernel's tables are for a network. A conversation takes 360 bytes (struct nf_conn with its
// extensions), a neighbour 400 to 500.
const (
	leastConversations = 16384
	mostConversations  = 262144   // what Linux gives a machine of 4 GiB
	conversationShare  = 16 << 10 // one for so many bytes of memory
	// the kernel rounds buckets up to whole pages of 4096 bytes (nf_ct_alloc_hashtable)
	conversationStep = 512

	leastNeighbours = 8192 // of each family
	mostNeighbours  = 65536
	neighbourShare  = 8 << 10 // one for so many bytes of memory
	// for each address of the LANs: a quarter of them is never forgotten, see tables
	hostNeighbours = 16
	// neighbourQueue is how many bytes of packets wait for one whose address is asked for, a packet counting
	// as 768 at least. Linux has 212,992: who names a network's absent addresses could fill the memory with
	// them, and before that what a service's socket may have under way, so that nobody was answered.
	neighbourQueue = 16 << 10
)

// tables sizes them for a machine with so many bytes of memory, and LANs with so many IPv4 addresses. Linux
// goes by the memory alone, and leaves a small machine with 1,024 conversations and neighbours, which one
// host uses up.
func tables(memory, hosts uint64) []netcfg.Sysctl {
	most := strconv.Itoa(conversations(memory))
	all := []netcfg.Sysctl{
		{Key: "net.netfilter.nf_conntrack_buckets", Value: most},
		{Key: "net.netfilter.nf_conntrack_max", Value: most},
	}
	n := neighbours(memory, hosts)
	for _, family := range []string{"ipv4", "ipv6"} {
		// Below the first nobody is forgotten; above the second who was not heard for five seconds may be;
		// the third is the end (arp(7), neigh_forced_gc).
		for i, n := range []int{n / 4, n / 2, n} {
			key := fmt.Sprintf("net.%s.neigh.default.gc_thresh%d", family, i+1)
			all = append(all, netcfg.Sysctl{Key: key, Value: strconv.Itoa(n)})
		}
		key := fmt.Sprintf("net.%s.neigh.default.unres_qlen_bytes", family)
		all = append(all, netcfg.Sysctl{Key: key, Value: strconv.Itoa(neighbourQueue)})
	}
	return all
}

// neighbours is how many of each family the kernel's tables hold.
func neighbours(memory, hosts uint64) int {
	room := min(max(leastNeighbours, memory/neighbourShare), mostNeighbours)
	return int(min(max(leastNeighbours, hosts*hostNeighbours), room))
}

// hosts4 is how many IPv4 addresses the LANs have.
func hosts4(s *site.Site) (n uint64) {
	for _, l := range s.LANs {
		for _, p := range onLink(l.Own()) {
			n += 1 << (32 - p.Bits())
		}
	}
	return n
}

// onLink are the IPv4 networks of a link of which the box has these addresses.
func onLink(own []netip.Prefix) (all []netip.Prefix) {
	for _, p := range valid(own...) {
		if p.Addr().Is4() && !p.IsSingleIP() {
			all = append(all, p.Masked())
		}
	}
	return all
}

// onLink6 are the same of IPv6.
func onLink6(own []netip.Prefix) (all []netip.Prefix) {
	for _, p := range valid(own...) {
		if p.Addr().Is6() && !p.IsSingleIP() {
			all = append(all, p.Masked())
		}
	}
	return all
}

// direct are those of a LAN's networks of which no part is behind a router.
func direct(s *site.Site, facts wan.Facts, networks []netip.Prefix) (all []netip.Prefix) {
	for _, p := range networks {
		routed := slices.ContainsFunc(s.Routes, func(r site.Route) bool {
			return r.To.Overlaps(p) && r.To.Bits() > p.Bits()
		}) ||
			slices.ContainsFunc(facts.Routes, func(r wan.Route) bool {
				return r.To.Overlaps(p) && r.To.Bits() > p.Bits()
			})
		if !routed {
			all = append(all, p)
		}
	}
	return all
}

// onLinkWAN are those upstream, and the routers that are in none of them.
func onLinkWAN(s *site.Site, facts wan.Facts) []netip.Prefix {
	upstream, _ := own4(s, facts)
	all := onLink(upstream)
	if facts.OffLink {
		all = append(all, netip.PrefixFrom(facts.Gateway, facts.Gateway.BitLen()))
	}
	for _, r := range facts.Routes {
		switch {
		case r.OffLink:
			all = append(all, netip.PrefixFrom(r.Via, r.Via.BitLen()))
		case !r.Via.IsValid():
			all = append(all, r.To)
		}
	}
	return all
}

// neighbourLimits are how many neighbours may come at once. Within five seconds, while the kernel can forget
// none of them, all links together bring no more than half a table: two bursts, and the rate twice, for who
// comes again has one of his own.
func neighbourLimits(s *site.Site, memory uint64) firewall.Neighbours {
	n := neighbours(memory, hosts4(s))
	links := len(s.LANs)
	if s.WAN.Interface != "" {
		links++
	}
	limits := firewall.Neighbours{Size: uint32(n), Link: firewall.Rate{
		Count: uint32(max(1, n/64/links)), Per: firewall.Second, Burst: uint32(max(1, n/8/links))}}
	for _, r := range s.Routes {
		if r.To.Addr().Is6() {
			limits.Routed = append(limits.Routed, r.To)
		}
	}
	return limits
}

// conversations is how many a machine with so many bytes of memory has room for.
func conversations(memory uint64) int {
	n := int(min(max(leastConversations, memory/conversationShare), mostConversations))
	return n - n%conversationStep
}
