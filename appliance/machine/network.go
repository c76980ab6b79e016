package machine

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Family is IPv4 or IPv6.
type Family string

// The families.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// families are both, with what the kernel calls them.
func families() []kernelFamily {
	return []kernelFamily{{IPv4, unix.AF_INET, "ipv4"}, {IPv6, unix.AF_INET6, "ipv6"}}
}

type kernelFamily struct {
	Family
	number   int
	settings string // below /proc/sys/net
}

// NeighbourState is what the kernel knows of a neighbour, in the words of ip-neighbour(8).
type NeighbourState string

// The states of a neighbour.
const (
	// nobody has wanted anything of it, or nobody asks: a link without addresses
	Unasked    NeighbourState = "none"
	Incomplete NeighbourState = "incomplete"
	Reachable  NeighbourState = "reachable"
	Stale      NeighbourState = "stale"
	Delay      NeighbourState = "delay"
	Probe      NeighbourState = "probe"
	Failed     NeighbourState = "failed"
	NoARP      NeighbourState = "noarp"
	Permanent  NeighbourState = "permanent"
)

// Silent reports whether the neighbour was asked for its hardware address and does not answer.
func (s NeighbourState) Silent() bool { return s == Incomplete || s == Failed }

// Route is one next hop of a default route in the kernel's main table.
type Route struct {
	Family Family         `json:"family"`
	Via    netip.Addr     `json:"via,omitzero"` // zero: the link leads there
	Link   string         `json:"link"`
	Metric int            `json:"metric"`
	State  NeighbourState `json:"state"` // of the gateway
	// Heard is when the gateway last showed that it is there, by an answer or by its replies in TCP: so long
	// ago. It is known in the states Reachable, Stale, Delay and Probe.
	Heard time.Duration `json:"heard_ns,omitempty"`
}

// Neighbours are the hosts of all networks that the kernel knows, or has asked for, by one family.
type Neighbours struct {
	Family Family `json:"family"`
	Table
	Silent int `json:"silent"` // of them: asked, and do not answer
}

// netlinkTime bounds each read of the kernel's tables, which never takes more than milliseconds.
const netlinkTime = time.Second

// readNetwork reads the default routes, best first, and counts the neighbours.
func readNetwork() ([]Route, []Neighbours, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("netlink: %w", err)
	}
	defer h.Close()
	if err := h.SetSocketTimeout(netlinkTime); err != nil {
		return nil, nil, fmt.Errorf("netlink: %w", err)
	}
	routes, counts, errs := []Route{}, []Neighbours{}, []error(nil)
	for _, f := range families() {
		known, err := dump(func() ([]netlink.Neigh, error) { return h.NeighList(0, f.number) })
		if err != nil {
			errs = append(errs, fmt.Errorf("list of %s neighbours: %w", f.Family, err))
		}
		n, err := countNeighbours(f, known)
		errs = append(errs, err)
		counts = append(counts, n)
		some, err := defaultRoutes(h, f, known)
		if err != nil {
			errs = append(errs, fmt.Errorf("list of %s routes: %w", f.Family, err))
		}
		routes = append(routes, some...)
	}
	return routes, counts, errors.Join(errs...)
}

// countNeighbours counts those that need a place below the limit, which others do not (neigh_alloc in the
// kernel's net/core/neighbour.c).
func countNeighbours(f kernelFamily, known []netlink.Neigh) (Neighbours, error) {
	n := Neighbours{Family: f.Family}
	for _, neigh := range known {
		if neigh.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0 || neigh.Flags&unix.NTF_EXT_LEARNED != 0 {
			continue
		}
		n.Used++
		if stateOf(neigh.State).Silent() {
			n.Silent++
		}
	}
	var err error
	n.Limit, err = setting(f.settings + "/neigh/default/gc_thresh3")
	return n, err
}

// defaultRoutes lists each next hop of them.
func defaultRoutes(h *netlink.Handle, f kernelFamily, known []netlink.Neigh) ([]Route, error) {
	filter := netlink.Route{Table: unix.RT_TABLE_MAIN, Type: unix.RTN_UNICAST}
	all, err := dump(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(f.number, &filter, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
	})
	var routes []Route
	for _, r := range all {
		if !isDefault(r.Dst) {
			continue
		}
		hops := r.MultiPath
		if len(hops) == 0 {
			hops = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Via: r.Via}}
		}
		for _, hop := range hops {
			routes = append(routes, routeBy(h, f, known, hop, r.Priority))
		}
	}
	slices.SortStableFunc(routes, func(a, b Route) int { return cmp.Compare(a.Metric, b.Metric) })
	return routes, err
}

func isDefault(to *net.IPNet) bool {
	if to == nil {
		return true
	}
	bits, _ := to.Mask.Size()
	return bits == 0
}

// userHZ is the number of clock ticks of a second in what the kernel tells programs, on every machine that
// Linux runs on but Alpha and IA-64.
const userHZ = 100

func routeBy(h *netlink.Handle, f kernelFamily, known []netlink.Neigh, hop *netlink.NexthopInfo,
	metric int) Route {
	r := Route{Family: f.Family, Metric: metric, State: Unasked, Link: fmt.Sprintf("link %d", hop.LinkIndex)}
	if l, err := h.LinkByIndex(hop.LinkIndex); err == nil {
		r.Link = l.Attrs().Name
	}
	gateway := hop.Gw
	// a gateway of the other family (RFC 5549)
	if via, ok := hop.Via.(*netlink.Via); ok && len(gateway) == 0 {
		gateway = via.Addr
	}
	via, _ := netip.AddrFromSlice(gateway)
	r.Via = via.Unmap()
	for _, n := range known {
		if n.LinkIndex != hop.LinkIndex || !n.IP.Equal(gateway) {
			continue
		}
		r.State = stateOf(n.State)
		if slices.Contains([]NeighbourState{Reachable, Stale, Delay, Probe}, r.State) {
			r.Heard = heard(r.State, ticks(n.Confirmed), ticks(n.Updated))
		}
	}
	return r
}

func ticks(n uint32) time.Duration { return time.Duration(n) * time.Second / userHZ }

// neverConfirmed is what the kernel adds to the age of an entry that it makes, in place of a confirmation:
// twice base_reachable_time (arp(7)), as ___neigh_create of net/core/neighbour.c has it. One that was
// confirmed is stale after three quarters of that at most.
const neverConfirmed = 60 * time.Second

// heard is how long ago a neighbour was heard of that was confirmed and changed so long ago. What made an
// entry that is stale from its beginning was a packet of the neighbour.
func heard(state NeighbourState, confirmed, changed time.Duration) time.Duration {
	if state == Stale && confirmed-changed >= neverConfirmed-time.Second { // but for what is rounded
		return changed
	}
	var up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return confirmed
	}
	return min(confirmed, time.Duration(up.Nano())) // an entry begins with the machine, at the earliest
}

func stateOf(nud int) NeighbourState {
	switch nud {
	case unix.NUD_INCOMPLETE:
		return Incomplete
	case unix.NUD_REACHABLE:
		return Reachable
	case unix.NUD_STALE:
		return Stale
	case unix.NUD_DELAY:
		return Delay
	case unix.NUD_PROBE:
		return Probe
	case unix.NUD_FAILED:
		return Failed
	case unix.NUD_NOARP:
		return NoARP
	case unix.NUD_PERMANENT:
		return Permanent
	}
	return Unasked
}

// dump lists again when the list changed while the kernel wrote it.
func dump[T any](list func() ([]T, error)) (all []T, err error) {
	for range 10 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
