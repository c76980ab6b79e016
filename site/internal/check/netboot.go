package check

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// checkNetboot derives what each host that boots from the network is told.
func (l *loader) checkNetboot() {
	raw := l.raw.Netboot
	if !raw.At.OK() {
		l.checkNoNetboot()
		return
	}
	l.site.Netboot = &model.Netboot{}
	l.findServers()
	clients := l.netbootClients(raw.Hosts)
	uses := l.templateUses(clients)
	for _, use := range uses {
		if t := readTemplate(use.field.key, use.raw, &l.Reporter); t != nil {
			l.derive(use, t)
		}
	}
	l.checkDistinct(uses)
	l.checkProfiles(clients)
}

// checkNoNetboot refuses to change what is not there.
func (l *loader) checkNoNetboot() {
	for _, g := range l.groups {
		if at := g.raw.Netboot.At; at.OK() && l.parsed {
			l.At(at, "netboot says how hosts boot otherwise than [netboot] does, and there is no [netboot]; expected that table too")
		}
	}
}

// netbootServer finds the host that has the files and targets; nil if it cannot
// be used.
func (l *loader) netbootServer(v toml.Str) *hostEntry {
	if !v.OK() {
		return nil
	}
	known, ok := l.hosts.names[model.Canonical(v.Text, l.site.Domain)]
	switch {
	case isAddr(v.Text):
		l.At(v.At, "server %q is an address; expected the name that hosts gives it", v.Text)
	case !ok:
		l.lacks(source.Hosts, v.Text, v.At, source.Span{},
			"server %q is not in hosts; expected a host with an IPv4 address%s", v.Text,
			l.hosts.suggest(v.Text))
	case !known.host.hasIPv4():
		if !known.host.refused {
			l.lacks(source.Hosts, v.Text, v.At, known.at,
				"server %q has no IPv4 address; expected one in hosts", v.Text)
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
	l.bootServers = map[source.Span]*hostEntry{}
	all := []toml.Str{l.raw.Netboot.Server}
	for _, g := range l.groups {
		all = append(all, g.raw.Netboot.Server)
	}
	for _, v := range all {
		l.bootServers[v.At] = l.netbootServer(v)
	}
}

// serverOf returns the server that a host boots from; nil if it cannot be used.
func (l *loader) serverOf(h *hostEntry) *hostEntry {
	return l.bootServers[cmp.Or(h.profile[profileServer], l.raw.Netboot.Server).At]
}

// maxSuggested bounds searches for what was meant, each of which looks at all names.
const maxSuggested = 20

// suggest returns a question that ends a message about an unknown name, "" if no
// known name is near.
func (d *directory) suggest(name string) string {
	if d.suggested++; d.suggested > maxSuggested || !d.problem.Shown() {
		return ""
	}
	if len(d.sorted) != len(d.names) {
		d.sorted = slices.Sorted(maps.Keys(d.names))
	}
	if near := toml.Nearest(name, d.sorted); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}

// netbootClients returns the hosts that the patterns match, by name, and reports
// the ones that cannot boot from the network.
func (l *loader) netbootClients(patterns toml.List) []*hostEntry {
	var clients []*hostEntry
	for _, pattern := range patterns.Items {
		for _, h := range l.matching(pattern) {
			if h.Netboot == nil {
				h.Netboot = &model.HostNetboot{}
				clients = append(clients, h)
				l.checkClient(h, pattern)
				h.Netboot.Server = l.serverFor(h, l.serverOf(h))
			}
		}
	}
	if patterns.OK() && len(patterns.Items) == 0 {
		l.At(patterns.At, `hosts is empty; expected who boots from the network, such as ["web*", "db1"]`)
	}
	slices.SortFunc(clients, func(a, b *hostEntry) int { return cmp.Compare(a.Name, b.Name) })
	return clients
}

// maxCompared bounds how often a host is compared with a pattern: 200 patterns for 20,000 hosts.
const maxCompared = 4_000_000

var errPattern = errors.New("is no pattern; expected a name, or *, ? and [a-f] in place of characters")

// match returns the hosts that have a name which the pattern matches.
func (d *directory) match(pattern string) ([]*hostEntry, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, errPattern
	}
	if known, ok := d.names[pattern]; ok && !isPattern(pattern) {
		return []*hostEntry{known.host}, nil
	} else if !isPattern(pattern) {
		return nil, nil
	}
	if d.compared += len(d.list); d.compared > maxCompared {
		return nil, fmt.Errorf("is one pattern too many for %d hosts; expected at most %d in a site, or names in full",
			len(d.list), maxCompared/len(d.list))
	}
	var matched []*hostEntry
	isMatch := func(name string) bool { ok, _ := path.Match(pattern, name); return ok }
	for _, h := range d.list {
		if isMatch(h.Name) || slices.ContainsFunc(h.Aliases, isMatch) {
			matched = append(matched, h)
		}
	}
	return matched, nil
}

// checkClient wants of a host that boots from the network a card and an address
// that stay the same, and that it is not one of those it would boot from. That its
// address is on a LAN follows from its card (checkReservations).
func (l *loader) checkClient(h *hostEntry, pattern toml.Str) {
	switch {
	case h == l.self():
		l.Against(pattern.At, h.at, "%q matches %q, the appliance itself; expected other hosts", pattern.Text,
			h.Name)
	case h == l.serverOf(h):
		l.Against(pattern.At, h.at, "%q matches %q, the server that they boot from; expected other hosts",
			pattern.Text, h.Name)
	case h.refused:
	case !h.AsksDHCP():
		l.lacks(source.Ethers, h.Name, pattern.At, h.at,
			"host %q is to boot from the network but has no MAC; expected a line for it in ethers", h.Name)
	case !h.hasIPv4():
		l.lacks(source.Hosts, h.Name, pattern.At, h.at,
			"host %q is to boot from the network but has no address of its own; expected a line for it in hosts", h.Name)
	}
}

func (h *hostEntry) hasIPv4() bool {
	return slices.ContainsFunc(h.Addrs, netip.Addr.Is4)
}
