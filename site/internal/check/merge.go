package check

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// directory merges the lines of hosts and ethers into hosts. A name stands for one
// host. A host may have several lines of hosts, all of which start with a name of
// it, and several lines of ethers; an address or a MAC belongs to one host.
type directory struct {
	problem *source.Reporter
	list    []*hostEntry // in the order of the files
	names   map[string]claim
	addrs   map[netip.Addr]claim
	macs    map[model.MAC]claim

	sorted    []string // names, for suggestions
	suggested int
	compared  int // of a host with a pattern
}

// claim says which host has a name, an address or a MAC, and where that is said.
type claim struct {
	host *hostEntry
	at   source.Span
}

// hostEntry is a host with the places that its checks need.
type hostEntry struct {
	model.Host
	at       source.Span   // of its first name
	addrAt   []source.Span // of Addrs
	macAt    []source.Span // of MACs
	portAt   []source.Span // of Ports
	suffixes []suffix
	refused  bool // a line about it was refused, so what it lacks may have stood there

	settings map[string]assigned // what the groups that it is in say, by key
	profile  map[string]toml.Str // of these, what takes the place of keys of [netboot]
}

func newDirectory(problem *source.Reporter) *directory {
	return &directory{
		problem: problem,
		names:   map[string]claim{},
		addrs:   map[netip.Addr]claim{},
		macs:    map[model.MAC]claim{},
	}
}

// mergeHosts reads hosts and ethers and puts their hosts into the site.
func (l *loader) mergeHosts(hosts, ethers *source.File) {
	d := newDirectory(&l.Reporter)
	for _, line := range readHosts(hosts, l.site.Name, l.site.Domain, &l.Reporter) {
		d.addLine(line)
	}
	for _, line := range readEthers(ethers, l.site.Domain, &l.Reporter) {
		if line.addr.IsValid() {
			line.name = l.nameOf(d, line)
		}
		if line.name != "" {
			d.addCard(line)
		}
	}
	l.hosts = d
	if l.unread {
		return
	}
	for _, h := range d.list {
		l.placeSuffixes(h)
	}
	l.checkPorts()
	for _, h := range d.list {
		l.checkHost(h)
	}
	l.refuseStrays()
}

// nameOf returns the name of the host whose address a line of ethers has in place of the name; "" after
// reporting that there is none.
func (l *loader) nameOf(d *directory, line ethersLine) string {
	owner, known := d.addrs[line.addr]
	switch {
	case known && model.IsLabel(owner.host.Name):
		return owner.host.Name
	case known:
		l.Against(line.nameAt, owner.at,
			"%s is the address of %q, which is in another domain; expected a host of the site's domain",
			line.addr, owner.host.Name)
	case !l.unread:
		l.At(line.nameAt, "%s is an address that hosts gives to nobody; expected the name of the host, or a line for it in hosts too", line.addr)
	}
	return ""
}

// sortedHosts returns the hosts by name.
func (d *directory) sortedHosts() []model.Host {
	hosts := make([]model.Host, len(d.list))
	for i, h := range d.list {
		hosts[i] = h.Host
	}
	slices.SortFunc(hosts, func(a, b model.Host) int { return cmp.Compare(a.Name, b.Name) })
	return hosts
}

// addLine adds a line of hosts.
func (d *directory) addLine(line hostsLine) {
	h := d.hostOf(line)
	if line.addr.IsValid() && model.IsSuffix(line.addr) {
		h.suffixes = append(h.suffixes, suffix{line.addr, line.at, d.claimNames(h, line.names)})
		h.addPlace(line.at)
		return
	}
	record := model.Record{Addr: line.addr, Names: d.claimNames(h, line.names)}
	owner, taken := d.addrs[line.addr]
	switch {
	case !line.addr.IsValid():
		h.refused = true
		return
	case taken && owner.host != h:
		d.problem.Against(line.at, owner.at,
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
func (d *directory) claimNames(h *hostEntry, names []source.Word) []string {
	var own []string
	for _, name := range names {
		owner, taken := d.names[name.Text]
		if taken && owner.host != h {
			d.problem.Against(name.At, owner.at,
				"name %q belongs to host %q already; expected another name or, for that host, a line that starts with %q", name.Text, owner.host.Name, owner.host.Name)
			h.refused = true
			continue
		}
		if !taken {
			d.names[name.Text] = claim{h, name.At}
			if name.Text != h.Name {
				h.Aliases = append(h.Aliases, name.Text)
			}
		}
		own = append(own, name.Text)
	}
	return own
}

// hostOf returns the host that a line speaks of, a new one if its first name in
// the site's domain is new.
func (d *directory) hostOf(line hostsLine) *hostEntry {
	first := line.names[0]
	if i := slices.IndexFunc(line.names, func(w source.Word) bool { return model.IsLabel(w.Text) }); i >= 0 {
		first = line.names[i]
	}
	if known, ok := d.names[first.Text]; ok {
		return known.host
	}
	return d.add(first.Text, first.At)
}

func (d *directory) add(name string, at source.Span) *hostEntry {
	h := &hostEntry{Host: model.Host{Name: name}, at: at}
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
	if line.mac == (model.MAC{}) {
		h.refused = true
		return
	}
	if owner, taken := d.macs[line.mac]; taken {
		if owner.host != h {
			d.problem.Against(line.macAt, owner.at,
				"MAC %s of %q belongs to host %q already; expected one name for it", line.mac, h.Name,
				owner.host.Name)
			h.refused = true
		}
		return
	}
	d.macs[line.mac] = claim{h, line.macAt}
	h.MACs = append(h.MACs, line.mac)
	h.macAt = append(h.macAt, line.macAt)
	h.addPlace(line.macAt)
}

func (h *hostEntry) addPlace(at source.Span) { h.Places = append(h.Places, at.Place()) }
