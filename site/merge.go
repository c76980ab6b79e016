package site

import (
	"cmp"
	"net/netip"
	"slices"
)

// directory merges the lines of hosts and ethers into hosts. A name stands for one
// host. A host may have several lines of hosts, all of which start with a name of
// it, and several lines of ethers; an address or a MAC belongs to one host.
type directory struct {
	problem *reporter
	list    []*hostEntry // in the order of the files
	names   map[string]claim
	addrs   map[netip.Addr]claim
	macs    map[MAC]claim
}

// claim says which host has a name, an address or a MAC, and where that is said.
type claim struct {
	host *hostEntry
	at   span
}

// hostEntry is a host with the places that its checks need.
type hostEntry struct {
	Host
	at      span   // of its first name
	addrAt  []span // of Addrs
	macAt   []span // of MACs
	portAt  []span // of Ports
	refused bool   // a line about it was refused, so what it lacks may have stood there

	settings map[string]assigned // what the groups that it is in say, by key
	profile  map[string]str      // of these, what takes the place of keys of [netboot]
}

func newDirectory(problem *reporter) *directory {
	return &directory{
		problem: problem,
		names:   map[string]claim{},
		addrs:   map[netip.Addr]claim{},
		macs:    map[MAC]claim{},
	}
}

// mergeHosts reads hosts and ethers and puts their hosts into the site.
func (l *loader) mergeHosts(hosts, ethers *source) {
	d := newDirectory(&l.reporter)
	for _, line := range readHosts(hosts, l.site.Domain, &l.reporter) {
		d.addLine(line)
	}
	for _, line := range readEthers(ethers, l.site.Domain, &l.reporter) {
		d.addCard(line)
	}
	l.hosts = d
	l.checkPorts()
	for _, h := range d.list {
		l.checkHost(h)
	}
}

// sortedHosts returns the hosts by name.
func (d *directory) sortedHosts() []Host {
	hosts := make([]Host, len(d.list))
	for i, h := range d.list {
		hosts[i] = h.Host
	}
	slices.SortFunc(hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	return hosts
}

// addLine adds a line of hosts.
func (d *directory) addLine(line hostsLine) {
	h := d.hostOf(line)
	record := Record{Addr: line.addr, Names: d.claimNames(h, line.names)}
	owner, taken := d.addrs[line.addr]
	switch {
	case !line.addr.IsValid():
		h.refused = true
		return
	case taken && owner.host != h:
		d.problem.against(line.at, owner.at,
			"address %s of %q belongs to host %q already; expected another address, or both names on one line", line.addr, h.Name, owner.host.Name)
		h.refused = true
		return
	case !taken:
		d.addrs[line.addr] = claim{h, line.at}
		h.Addrs = append(h.Addrs, line.addr)
		h.addrAt = append(h.addrAt, line.at)
	}
	h.Records = append(h.Records, record)
	h.addPlace(line.at)
}

// claimNames gives the names of a line to a host and returns those that are its own.
func (d *directory) claimNames(h *hostEntry, names []word) []string {
	var own []string
	for _, name := range names {
		owner, taken := d.names[name.s]
		if taken && owner.host != h {
			d.problem.against(name.at, owner.at,
				"name %q belongs to host %q already; expected another name or, for that host, a line that starts with %q", name.s, owner.host.Name, owner.host.Name)
			h.refused = true
			continue
		}
		if !taken {
			d.names[name.s] = claim{h, name.at}
			if name.s != h.Name {
				h.Aliases = append(h.Aliases, name.s)
			}
		}
		own = append(own, name.s)
	}
	return own
}

// hostOf returns the host that a line speaks of, a new one if its first name in
// the site's domain is new.
func (d *directory) hostOf(line hostsLine) *hostEntry {
	first := line.names[0]
	if i := slices.IndexFunc(line.names, func(w word) bool { return isLabel(w.s) }); i >= 0 {
		first = line.names[i]
	}
	if known, ok := d.names[first.s]; ok {
		return known.host
	}
	return d.add(first.s, first.at)
}

func (d *directory) add(name string, at span) *hostEntry {
	h := &hostEntry{Host: Host{Name: name}, at: at}
	d.list = append(d.list, h)
	return h
}

// addCard adds a line of ethers. A name that hosts does not have is a new host
// without an address of its own.
func (d *directory) addCard(line ethersLine) {
	known, ok := d.names[line.name]
	if !ok {
		known = claim{d.add(line.name, line.nameAt), line.nameAt}
		d.names[line.name] = known
	}
	h := known.host
	if line.mac == (MAC{}) {
		h.refused = true
		return
	}
	if owner, taken := d.macs[line.mac]; taken {
		if owner.host != h {
			d.problem.against(line.macAt, owner.at, "MAC %s of %q belongs to host %q already; expected one name for it", line.mac, h.Name, owner.host.Name)
			h.refused = true
		}
		return
	}
	d.macs[line.mac] = claim{h, line.macAt}
	h.MACs = append(h.MACs, line.mac)
	h.macAt = append(h.macAt, line.macAt)
	h.addPlace(line.macAt)
}

func (h *hostEntry) addPlace(at span) { h.Places = append(h.Places, at.place()) }
