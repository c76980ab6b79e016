package ip

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// group is a multicast address that a link listens to.
type group struct {
	link   string
	family string // "link", "inet" or "inet6"
	addr   string
	users  int
}

// maddrRecord is a link with its groups in JSON, with the keys of iproute2.
type maddrRecord struct {
	Index  int           `json:"ifindex"`
	Name   string        `json:"ifname"`
	Groups []groupRecord `json:"maddr"`
}

type groupRecord struct {
	Link   string `json:"link,omitempty"`
	Family string `json:"family,omitempty"`
	Addr   string `json:"address,omitempty"`
	Users  int    `json:"users,omitempty"` // if more than one
}

// showGroups prints the multicast addresses that links listen to.
func showGroups(r *request) error {
	device, err := r.device(keyDev)
	if err != nil {
		return err
	}
	links, err := readLinks()
	if err != nil {
		return err
	}
	groups, err := readGroups()
	if err != nil {
		return err
	}
	for _, l := range links {
		if device != nil && l.Index != device.Attrs().Index {
			continue
		}
		record := maddrRecord{Index: l.Index, Name: l.Name, Groups: []groupRecord{}}
		fmt.Fprintf(&r.out, "%d:\t%s\n", l.Index, l.Name)
		for _, g := range groups {
			if g.link != l.Name || !r.showsFamily(g.family) {
				continue
			}
			shown := groupRecord{Family: g.family, Addr: g.addr}
			if g.family == "link" {
				shown = groupRecord{Link: g.addr}
			}
			fmt.Fprintf(&r.out, "\t%-5s %s", g.family, g.addr)
			if g.users != 1 {
				shown.Users = g.users
				fmt.Fprintf(&r.out, " users %d", g.users)
			}
			fmt.Fprintln(&r.out)
			record.Groups = append(record.Groups, shown)
		}
		if len(record.Groups) == 0 {
			r.out.Reset()
			continue
		}
		r.out.end(record)
	}
	return nil
}

// showsFamily reports whether -4 and -6 leave a family.
func (r *request) showsFamily(family string) bool {
	return r.family == 0 || family == map[int]string{2: "inet", 10: "inet6"}[r.family]
}

// readGroups reads the groups of all links, in the kernel's order.
func readGroups() (all []group, err error) {
	for _, file := range []struct {
		name string
		read func(string, *string) (group, bool)
	}{{"dev_mcast", linkGroup}, {"igmp", inetGroup}, {"igmp6", inet6Group}} {
		f, err := os.Open("/proc/thread-self/net/" + file.name)
		if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		link := ""
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if g, ok := file.read(lines.Text(), &link); ok {
				all = append(all, g)
			}
		}
		if err := errors.Join(lines.Err(), f.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// linkGroup reads a line of dev_mcast: index, link, users, users by hand, address.
func linkGroup(line string, _ *string) (g group, ok bool) {
	f := strings.Fields(line)
	if len(f) != 5 {
		return g, false
	}
	b, err := hex.DecodeString(f[4])
	users, _ := strconv.Atoi(f[2])
	return group{f[1], "link", net.HardwareAddr(b).String(), users}, err == nil
}

// inetGroup reads a line of igmp: that of a link, or of one of its groups below it, which is in the order of the machine.
func inetGroup(line string, link *string) (g group, ok bool) {
	f := strings.Fields(line)
	if !strings.HasPrefix(line, "\t") {
		if len(f) > 1 {
			*link = f[1]
		}
		return g, false
	}
	if len(f) < 2 {
		return g, false
	}
	b, err := hex.DecodeString(f[0])
	users, _ := strconv.Atoi(f[1])
	slices.Reverse(b)
	addr, _ := netip.AddrFromSlice(b)
	return group{*link, "inet", addr.String(), users}, err == nil && len(b) == 4
}

// inet6Group reads a line of igmp6: index, link, address, users.
func inet6Group(line string, _ *string) (g group, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return g, false
	}
	b, err := hex.DecodeString(f[2])
	users, _ := strconv.Atoi(f[3])
	addr, _ := netip.AddrFromSlice(b)
	return group{f[1], "inet6", addr.String(), users}, err == nil && len(b) == 16
}
