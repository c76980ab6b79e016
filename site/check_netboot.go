package site

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
)

// checkNetboot derives what each host that boots from the network is told.
func (l *loader) checkNetboot() {
	raw := l.raw.Netboot
	if !raw.At.ok() {
		l.checkNoNetboot()
		return
	}
	l.site.Netboot = &Netboot{}
	l.findServers()
	clients := l.netbootClients(raw.Hosts)
	uses, told := l.templateUses(clients)
	for _, use := range uses {
		if t := readTemplate(use.field.key, use.raw, &l.reporter); t != nil {
			l.derive(use, t)
		}
	}
	l.checkDistinct(uses)
	if !told && l.parsed {
		l.at(raw.At, "[netboot] tells its hosts nothing; expected at least one of root-path, script, bios, uefi and uefi-arm64")
	}
	l.checkProfiles(clients)
}

// checkNoNetboot refuses to change what is not there.
func (l *loader) checkNoNetboot() {
	for _, g := range l.groups {
		if at := g.raw.Netboot.At; at.ok() && l.parsed {
			l.at(at, "netboot says how hosts boot otherwise than [netboot] does, and there is no [netboot]; expected that table too")
		}
	}
}

// netbootServer finds the host that has the files and targets; nil if it cannot
// be used.
func (l *loader) netbootServer(v str) *hostEntry {
	if !v.ok() {
		return nil
	}
	known, ok := l.hosts.names[canonical(v.s, l.site.Domain)]
	switch {
	case isAddr(v.s):
		l.at(v.at, "server %q is an address; expected the name that hosts gives it", v.s)
	case !ok:
		l.at(v.at, "server %q is not in hosts; expected a host with an IPv4 address%s", v.s, l.hosts.suggest(v.s))
	case !known.host.hasIPv4():
		if !known.host.refused {
			l.against(v.at, known.at, "server %q has no IPv4 address; expected one in hosts", v.s)
		}
	default:
		if n := l.site.Netboot; !slices.Contains(n.Servers, known.host.Name) {
			n.Servers = append(n.Servers, known.host.Name)
		}
		return known.host
	}
	return nil
}

// findServers finds the server of [netboot] and those of the groups.
func (l *loader) findServers() {
	l.bootServers = map[span]*hostEntry{}
	all := []str{l.raw.Netboot.Server}
	for _, g := range l.groups {
		all = append(all, g.raw.Netboot.Server)
	}
	for _, v := range all {
		l.bootServers[v.at] = l.netbootServer(v)
	}
}

// serverOf returns the server that a host boots from; nil if it cannot be used.
func (l *loader) serverOf(h *hostEntry) *hostEntry {
	return l.bootServers[cmp.Or(h.profile[profileServer], l.raw.Netboot.Server).at]
}

// suggest returns a question that ends a message about an unknown name, "" if no
// known name is near.
func (d *directory) suggest(name string) string {
	names := make([]string, 0, len(d.names))
	for known := range d.names {
		names = append(names, known)
	}
	slices.Sort(names)
	if near := nearest(name, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}

// netbootClients returns the hosts that the patterns match, by name, and reports
// the ones that cannot boot from the network.
func (l *loader) netbootClients(patterns list) []*hostEntry {
	var clients []*hostEntry
	for _, pattern := range patterns.items {
		for _, h := range l.matching(pattern) {
			if h.Netboot == nil {
				h.Netboot = &HostNetboot{}
				clients = append(clients, h)
				l.checkClient(h, pattern)
				h.Netboot.Server = l.serverFor(h, l.serverOf(h))
			}
		}
	}
	if patterns.ok() && len(patterns.items) == 0 {
		l.at(patterns.at, `hosts is empty; expected who boots from the network, such as ["web*", "db1"]`)
	}
	slices.SortFunc(clients, func(a, b *hostEntry) int { return cmp.Compare(a.Name, b.Name) })
	return clients
}

// match returns the hosts that have a name which the pattern matches.
func (d *directory) match(pattern string) ([]*hostEntry, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	var matched []*hostEntry
	for _, h := range d.list {
		names := append([]string{h.Name}, h.Aliases...)
		if slices.ContainsFunc(names, func(name string) bool { ok, _ := path.Match(pattern, name); return ok }) {
			matched = append(matched, h)
		}
	}
	return matched, nil
}

// checkClient wants of a host that boots from the network a card and an address
// that stay the same, and that it is not one of those it would boot from. That its
// address is on a LAN follows from its card (checkReservations).
func (l *loader) checkClient(h *hostEntry, pattern str) {
	switch {
	case h == l.self():
		l.against(pattern.at, h.at, "%q matches %q, the appliance itself; expected other hosts", pattern.s, h.Name)
	case h == l.serverOf(h):
		l.against(pattern.at, h.at, "%q matches %q, the server that they boot from; expected other hosts", pattern.s, h.Name)
	case h.refused:
	case !h.AsksDHCP():
		l.against(pattern.at, h.at, "host %q is to boot from the network but has no MAC; expected a line for it in ethers", h.Name)
	case !h.hasIPv4():
		l.against(pattern.at, h.at, "host %q is to boot from the network but has no address of its own; expected a line for it in hosts", h.Name)
	}
}

func (h *hostEntry) hasIPv4() bool {
	return slices.ContainsFunc(h.Addrs, netip.Addr.Is4)
}
