package ip

import (
	"bufio"
	"encoding/hex"
	"errors"
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
		p := &record{}
		p.say("ifindex", "%d:", l.Index)
		p.say("ifname", "\t%s\n", l.Name)
		var list []members
		for _, g := range groups {
			if g.link != l.Name || !r.showsFamily(g.family) {
				continue
			}
			one := &record{}
			list = append(list, g.say(one))
			if r.out.oneline && !r.out.json { // a line for each, with the link before
				one.text.WriteTo(&p.text)
				r.out.write(p)
				p = &record{}
				p.printf("%d:\t%s\n", l.Index, l.Name)
			} else {
				p.printf("%s", &one.text)
			}
		}
		p.set("maddr", list)
		if list != nil && (!r.out.oneline || r.out.json) {
			r.out.write(p)
		}
	}
	return nil
}

// say prints a group, and returns what JSON has of it.
func (g group) say(p *record) members {
	one := &record{}
	one.printf("\t%-5s %s", g.family, g.addr)
	if g.family == "link" {
		one.set("link", g.addr)
	} else {
		one.set("family", g.family)
		one.set("address", g.addr)
	}
	if g.users != 1 {
		one.say("users", " users %d", g.users)
	}
	p.printf("%s\n", &one.text)
	return one.members
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

// inetGroup reads a line of igmp: that of a link, or of one of its groups below it, which is in the order of
// the machine.
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
