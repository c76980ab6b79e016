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
		return
	}
	l.site.Netboot = netbootOf(raw)
	server := l.netbootServer(raw.Server)
	clients := l.netbootClients(raw.Hosts, server)
	told := 0
	for _, f := range netbootFields(raw) {
		if !f.raw.ok() {
			continue
		}
		told++
		if t := readTemplate(f.key, f.raw, &l.reporter); t != nil {
			l.derive(f, t, clients, server)
		}
	}
	if told == 0 && l.parsed {
		l.at(raw.At, "[netboot] tells its hosts nothing; expected at least one of root-path, script, bios, uefi and uefi-arm64")
	}
}

func netbootOf(raw rawNetboot) *Netboot {
	n := &Netboot{
		Server:    raw.Server.s,
		Initiator: raw.Initiator.s,
		RootPath:  raw.RootPath.s,
		Script:    raw.Script.s,
		BIOS:      raw.BIOS.s,
		UEFI:      raw.UEFI.s,
		UEFIARM64: raw.UEFIARM64.s,
	}
	for _, pattern := range raw.Hosts.items {
		n.Hosts = append(n.Hosts, pattern.s)
	}
	return n
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
		l.site.Netboot.Server = known.host.Name
		return known.host
	}
	return nil
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
func (l *loader) netbootClients(patterns list, server *hostEntry) []*hostEntry {
	var clients []*hostEntry
	for _, pattern := range patterns.items {
		matched, err := l.hosts.match(canonical(pattern.s, l.site.Domain))
		if err != nil {
			l.at(pattern.at, `%q is no pattern; expected a name, or *, ? and [a-f] in place of characters`, pattern.s)
		} else if len(matched) == 0 {
			l.at(pattern.at, "%q matches no host of the files hosts and ethers%s", pattern.s, l.hosts.suggest(pattern.s))
		}
		for _, h := range matched {
			if !slices.Contains(clients, h) {
				clients = append(clients, h)
				l.checkClient(h, pattern, server)
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

// checkClient wants of a host that boots from the network a MAC and an address
// that stay the same, and that it is not one of those it would boot from. That its
// address is on a LAN follows from its MAC (checkReservations).
func (l *loader) checkClient(h *hostEntry, pattern str, server *hostEntry) {
	switch {
	case h == l.self():
		l.against(pattern.at, h.at, "%q matches %q, the appliance itself; expected other hosts", pattern.s, h.Name)
	case h == server:
		l.against(pattern.at, h.at, "%q matches %q, the server that they boot from; expected other hosts", pattern.s, h.Name)
	case h.refused:
	case len(h.MACs) == 0:
		l.against(pattern.at, h.at, "host %q is to boot from the network but has no MAC; expected a line for it in ethers", h.Name)
	case !h.hasIPv4():
		l.against(pattern.at, h.at, "host %q is to boot from the network but has no address of its own; expected a line for it in hosts", h.Name)
	}
}

func (h *hostEntry) hasIPv4() bool {
	return slices.ContainsFunc(h.Addrs, netip.Addr.Is4)
}
