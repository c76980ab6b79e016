package ip

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
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
	for _, n := range neighs {
		if n.State&^unix.NUD_NOARP == 0 && n.Flags&unix.NTF_EXT_LEARNED == 0 {
			continue
		}
		fmt.Fprintln(r.out, r.neighLine(n, names))
	}
	return nil
}

// neighs asks the kernel for the neighbours on a link; nil is all links.
func (r *request) neighs(device netlink.Link) ([]netlink.Neigh, error) {
	index := 0
	if device != nil {
		index = device.Attrs().Index
	}
	families := []int{unix.AF_INET, unix.AF_INET6}
	if r.family != unix.AF_UNSPEC {
		families = []int{r.family}
	}
	var all []netlink.Neigh
	for _, family := range families {
		some, err := whole(func() ([]netlink.Neigh, error) { return netlink.NeighList(index, family) })
		if err != nil {
			return nil, fmt.Errorf("list of neighbours: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// neighLine words a neighbour.
func (r *request) neighLine(n netlink.Neigh, names linkNames) string {
	mac := n.HardwareAddr.String()
	if mac == "" && n.LLIPAddr != nil {
		mac = n.LLIPAddr.String()
	}
	if r.brief {
		return fmt.Sprintf("%-39v %-16s %s", n.IP, names.of(n.LinkIndex), mac)
	}
	line := n.IP.String()
	if !r.has(keyDev) {
		line += " dev " + names.of(n.LinkIndex)
	}
	if mac != "" {
		line += " lladdr " + mac
	}
	flags, _ := namesOf(uint32(n.Flags), []bit{{unix.NTF_ROUTER, "router"}, {unix.NTF_PROXY, "proxy"}, {unix.NTF_EXT_LEARNED, "extern_learn"}})
	states, _ := namesOf(uint32(n.State), neighStates())
	for _, name := range append(flags, states...) {
		line += " " + name
	}
	return line
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
