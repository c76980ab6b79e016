package ip

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// showNeighs prints neighbours, but those of links that need none (NOARP).
func showNeighs(r *request) error {
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	neighs, err := r.neighs(device)
	if err != nil {
		return err
	}
	state, err := r.neighState()
	if err != nil {
		return err
	}
	within := netip.Prefix{}
	if r.has(keyTo) {
		if within, err = r.prefix(); err != nil {
			return err
		}
	}
	for _, n := range neighs {
		if within.IsValid() && !within.Contains(addrOf(n.IP).Unmap()) {
			continue
		}
		if state != 0 && n.State&state == 0 {
			continue
		}
		if state == 0 && n.State&^unix.NUD_NOARP == 0 && n.Flags&unix.NTF_EXT_LEARNED == 0 {
			continue
		}
		r.showNeigh(&record{}, n, names)
	}
	return nil
}

// neigh is what the library knows of a neighbour, and what it leaves out.
type neigh struct {
	netlink.Neigh
	probes uint32
	users  uint32 // how many conversations and routes go by it now
}

// neighs asks the kernel for the neighbours on a link; nil is all links.
func (r *request) neighs(device netlink.Link) ([]neigh, error) {
	families := []int{unix.AF_INET, unix.AF_INET6}
	if r.family != unix.AF_UNSPEC {
		families = []int{r.family}
	}
	var all []neigh
	for _, family := range families {
		messages, err := whole(func() ([][]byte, error) {
			req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, unix.NLM_F_DUMP)
			req.AddData(&netlink.Ndmsg{Family: uint8(family)})
			return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
		})
		if err != nil {
			return nil, fmt.Errorf("list of neighbours: %w", err)
		}
		for _, m := range messages {
			n, err := parseNeigh(m)
			if err != nil {
				return nil, fmt.Errorf("list of neighbours: %w", err)
			}
			if device == nil || n.LinkIndex == device.Attrs().Index {
				all = append(all, n)
			}
		}
	}
	return all, nil
}

// parseNeigh reads an ndmsg with its attributes (rtnetlink(7)).
func parseNeigh(m []byte) (neigh, error) {
	if len(m) < unix.SizeofNdMsg {
		return neigh{}, errors.New("a neighbour of the kernel's is cut off")
	}
	known, err := netlink.NeighDeserialize(m)
	if err != nil {
		return neigh{}, err
	}
	n := neigh{Neigh: *known}
	all := inner(m[unix.SizeofNdMsg:])
	if b := all[netlink.NDA_PROBES]; len(b) == 4 {
		n.probes = nl.NativeEndian().Uint32(b)
	}
	if b := all[netlink.NDA_CACHEINFO]; len(b) >= 16 {
		n.users = nl.NativeEndian().Uint32(b[12:])
	}
	return n, nil
}

// neighState is the state that is asked for; 0: all but what nobody asks for.
func (r *request) neighState() (int, error) {
	name, ok := r.given[keyNUD]
	if !ok {
		return 0, nil
	}
	if name == "all" {
		return 1<<16 - 1, nil
	}
	for _, s := range neighStates() {
		if strings.EqualFold(name, s.name) {
			return int(s.mask), nil
		}
	}
	return 0, expected(keyNUD+" "+name,
		"reachable, stale, delay, probe, failed, incomplete, permanent, noarp or all")
}

// showNeigh prints a neighbour behind what p has.
func (r *request) showNeigh(p *record, n neigh, names linkNames) {
	mac := n.HardwareAddr.String()
	if mac == "" && n.LLIPAddr != nil {
		mac = n.LLIPAddr.String()
	}
	if r.brief {
		p.say("dst", "%-39s ", n.IP.String())
		p.say("dev", "%-16s ", names.of(n.LinkIndex))
		if mac != "" {
			p.say("lladdr", "%s", mac)
		}
		p.printf("\n")
		r.out.write(p)
		return
	}
	p.say("dst", "%s ", n.IP.String())
	if !r.has(keyDev) {
		p.say("dev", "dev %s ", names.of(n.LinkIndex))
	}
	if mac != "" {
		p.say("lladdr", "lladdr %s ", mac)
	}
	flags, _ := namesOf(uint32(n.Flags), neighMarks())
	for _, name := range flags {
		p.set(name, nil)
		p.printf("%s ", name)
	}
	if r.stats > 0 {
		if n.users > 0 {
			p.say("refcnt", " ref %d", n.users)
		}
		p.say("used", " used %d", n.Used/ticks)
		p.say("confirmed", "/%d", n.Confirmed/ticks)
		p.say("updated", "/%d", n.Updated/ticks)
		p.say("probes", "probes %d ", n.probes)
	}
	states, _ := namesOf(uint32(n.State), neighStates())
	p.set("state", states)
	p.printf("%s \n", strings.Join(states, " "))
	r.out.write(p)
}

// ticks are those of a second in what the kernel tells a process (sysconf(3), _SC_CLK_TCK).
const ticks = 100

// neighMarks are what a neighbour is beside its state.
func neighMarks() []bit {
	return []bit{{unix.NTF_ROUTER, "router"}, {unix.NTF_PROXY, "proxy"}, {unix.NTF_EXT_LEARNED, "extern_learn"}}
}

// addNeigh makes the box know a neighbour that it does not know yet.
func addNeigh(r *request) error { return r.setNeigh(netlink.NeighAdd) }

// replaceNeigh makes the box know a neighbour.
func replaceNeigh(r *request) error { return r.setNeigh(netlink.NeighSet) }

// setNeigh hands the neighbour of r to change; it is permanent unless a state is given.
func (r *request) setNeigh(change func(*netlink.Neigh) error) error {
	addr, err := r.address(keyTo)
	if err != nil {
		return err
	}
	mac, err := r.mac()
	if err != nil {
		return err
	}
	state, err := r.neighState()
	if err != nil {
		return err
	}
	if state == 0 {
		state = unix.NUD_PERMANENT
	}
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	n := &netlink.Neigh{LinkIndex: device.Attrs().Index, Family: family(addr), IP: addr.AsSlice(),
		HardwareAddr: mac, State: state}
	return explain(addr.String(), change(n))
}

// delNeigh makes the box forget one neighbour.
func delNeigh(r *request) error {
	addr, err := r.address(keyTo)
	if err != nil {
		return err
	}
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	n := &netlink.Neigh{LinkIndex: device.Attrs().Index, Family: family(addr), IP: addr.AsSlice()}
	return explain(addr.String(), netlink.NeighDel(n))
}

// flushNeighs makes the box forget the neighbours on a link that it has learned.
func flushNeighs(r *request) error {
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	neighs, err := r.neighs(device)
	if err != nil {
		return err
	}
	for _, n := range neighs {
		if n.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0 || n.State == unix.NUD_NONE {
			continue
		}
		n := &netlink.Neigh{LinkIndex: n.LinkIndex, Family: n.Family, IP: n.IP}
		if err := netlink.NeighDel(n); err != nil && !errors.Is(err, unix.ENOENT) {
			return explain(n.IP.String(), err)
		}
	}
	return nil
}
