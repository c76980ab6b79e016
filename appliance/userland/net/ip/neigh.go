package ip

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

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
	state, err := r.neighState()
	if err != nil {
		return err
	}
	for _, n := range neighs {
		if state != 0 && n.State&state == 0 {
			continue
		}
		if state == 0 && n.State&^unix.NUD_NOARP == 0 && n.Flags&unix.NTF_EXT_LEARNED == 0 {
			continue
		}
		r.showNeigh(n, names)
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
	return 0, expected(keyNUD+" "+name, "reachable, stale, delay, probe, failed, incomplete, permanent, noarp or all")
}

// neighRecord is a neighbour in JSON, with the keys of iproute2.
type neighRecord struct {
	Dst string `json:"dst"`
	Dev string `json:"dev,omitempty"`
	MAC string `json:"lladdr,omitempty"`
	neighFlags
	*neighUse
	State []string `json:"state,omitempty"`
}

// neighUse is what -s adds, in seconds.
type neighUse struct {
	Used      uint32 `json:"used"`
	Confirmed uint32 `json:"confirmed"`
	Updated   uint32 `json:"updated"`
}

// showNeigh prints a neighbour.
func (r *request) showNeigh(n netlink.Neigh, names linkNames) {
	mac := n.HardwareAddr.String()
	if mac == "" && n.LLIPAddr != nil {
		mac = n.LLIPAddr.String()
	}
	record := neighRecord{Dst: n.IP.String(), Dev: names.of(n.LinkIndex), MAC: mac}
	if r.brief {
		fmt.Fprintf(&r.out, "%-39v %-16s %s\n", n.IP, names.of(n.LinkIndex), mac)
		r.out.end(record)
		return
	}
	line := n.IP.String()
	if r.has(keyDev) {
		record.Dev = ""
	} else {
		line += " dev " + names.of(n.LinkIndex)
	}
	if mac != "" {
		line += " lladdr " + mac
	}
	flags, _ := namesOf(uint32(n.Flags), neighMarks())
	record.State, _ = namesOf(uint32(n.State), neighStates())
	for _, name := range flags {
		line += " " + name
	}
	record.neighFlags = newNeighFlags(flags)
	if r.stats > 0 {
		use := &neighUse{n.Used / ticks, n.Confirmed / ticks, n.Updated / ticks}
		record.neighUse = use
		line += fmt.Sprintf("  used %d/%d/%d", use.Used, use.Confirmed, use.Updated)
	}
	fmt.Fprintln(&r.out, line, strings.Join(record.State, " "))
	r.out.end(record)
}

// ticks are those of a second in what the kernel tells a process (sysconf(3), _SC_CLK_TCK).
const ticks = 100

// neighMarks are what a neighbour is beside its state.
func neighMarks() []bit {
	return []bit{{unix.NTF_ROUTER, "router"}, {unix.NTF_PROXY, "proxy"}, {unix.NTF_EXT_LEARNED, "extern_learn"}}
}

// neighFlags are the marks of a neighbour in JSON: null, or left out.
type neighFlags struct {
	Router  *json.RawMessage `json:"router,omitempty"`
	Proxy   *json.RawMessage `json:"proxy,omitempty"`
	Learned *json.RawMessage `json:"extern_learn,omitempty"`
}

// newNeighFlags are the marks with the names.
func newNeighFlags(names []string) (f neighFlags) {
	null := json.RawMessage("null")
	for _, name := range names {
		switch name {
		case "router":
			f.Router = &null
		case "proxy":
			f.Proxy = &null
		case "extern_learn":
			f.Learned = &null
		}
	}
	return f
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
