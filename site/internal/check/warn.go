package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// maxCards is how many network cards a machine of the appliance has at most.
const maxCards = 16

// exampleKeys are those of the example sites. Nobody has their private halves.
func exampleKeys() []string {
	return []string{
		"AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w",
		"AAAAC3NzaC1lZDI1NTE5AAAAIIeXlA/+WhnXia7QlIrRc0DVGrNlYnsk9BKhdw65AHtA",
	}
}

// warnOfFiles looks for what a site may say and hardly means in single lines, which are what they are
// whatever is wrong with others.
func (l *loader) warnOfFiles() {
	for i, key := range l.site.AuthorizedKeys {
		if words := strings.Fields(key); len(words) > 1 && slices.Contains(exampleKeys(), words[1]) {
			l.Warn(l.keys[i], source.Span{},
				"this key is the example's, of which nobody has the private half; expected your own")
		}
	}
	if l.parsed {
		l.warnLinks()
	}
}

// warn looks for it in a site without errors.
func (l *loader) warn() {
	l.warnDomain()
	l.warnGateway()
	l.warnResolvers()
	l.warnTime()
	l.warnLikeNames()
	l.warnDisks()
	l.warnFirewall()
}

// warnLinks looks for cards that the machine will not have, and for such that it has for nothing.
func (l *loader) warnLinks() {
	used := map[int]bool{}
	last, lastAt := -1, source.Span{}
	links := []toml.Str{l.raw.WAN.Interface}
	for _, lan := range l.raw.LANs {
		links = append(links, lan.Interface)
	}
	for _, v := range links {
		if !v.OK() {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(v.Text, "eth"))
		if err != nil || n < 0 || n >= maxCards || v.Text != fmt.Sprintf("eth%d", n) {
			l.Warn(v.At, source.Span{}, "no card of the appliance is called %q: they are eth0, eth1, … in the order in which "+
				"the machine has them, up to eth%d", v.Text, maxCards-1)
			return // of the others nothing is known
		}
		used[n] = true
		if n > last {
			last, lastAt = n, v.At
		}
	}
	var idle []string
	for n := range last {
		if !used[n] {
			idle = append(idle, fmt.Sprintf("eth%d", n))
		}
	}
	if len(idle) > 0 {
		l.Warn(lastAt, source.Span{}, "the machine has to have %s before eth%d, which the site has no use for; "+
			"expected cards without a gap", strings.Join(idle, ", "), last)
	}
}

// warnDomain looks for a domain in which clients do not look for names here, or that is much more than the
// site's.
func (l *loader) warnDomain() {
	d := l.site.Domain
	public := strings.Fields("com net org edu gov mil int arpa info biz name pro app dev xyz online shop site cloud tech")
	switch {
	case within(d, "local"):
		l.Warn(l.raw.Domain.At, source.Span{},
			"names in \"local\" are of multicast DNS (RFC 6762), for which macOS, iOS, and Linux with Avahi ask "+
				"no server, so they do not find those of the site; expected another domain, such as \"home.arpa\" (RFC 8375)")
	case !strings.Contains(d, ".") && (len(d) == 2 || slices.Contains(public, d)):
		l.Warn(l.raw.Domain.At, source.Span{},
			"the site answers for all names in %q, so those of others there are not found any more; "+
				"expected a domain of your own in it, or \"home.arpa\" (RFC 8375)", d)
	}
}

// warnGateway looks for a way out that leads to the neighbours upstream alone.
func (l *loader) warnGateway() {
	wan := l.raw.WAN
	if wan.IPv4.OK() && l.site.WAN.DHCP == nil && !wan.Gateway.OK() && l.site.WAN.Interface != "" &&
		!slices.ContainsFunc(l.site.Routes, func(r model.Route) bool {
			return r.To.Bits() == 0 && r.To.Addr().Is4()
		}) {
		l.Warn(wan.IPv4.At, source.Span{},
			"there is no way from this network to the rest of the Internet; expected gateway, the router upstream")
	}
}

// warnTime looks for a time server that serves no time, and for such that cannot be found.
func (l *loader) warnTime() {
	for _, v := range l.toldTime() {
		if on := l.ownLink(v); on != "" && !l.site.NTP.On() {
			l.Warn(v.At, source.Span{}, "%s is the appliance itself, which serves no time without [ntp]; "+
				"expected that table too, or another server", v.Text)
		} else {
			l.warnUpstreamAddress(v, on)
		}
	}
	for _, v := range slices.Concat(l.raw.NTP.Servers.Items, l.raw.NTP.Pools.Items) {
		name := strings.ToLower(v.Text)
		owner := l.hosts.names[strings.TrimSuffix(name, "."+l.site.Domain)].host
		switch {
		case name == "wan" || isAddr(name):
		case strings.TrimSuffix(name, "."+l.site.Domain) == l.site.Name || owner != nil && owner == l.self():
			l.Warn(v.At, source.Span{}, "%s is the appliance itself, which cannot follow itself; expected another server", v.Text)
		case !strings.HasSuffix(name, "."+l.site.Domain) && strings.Contains(name, ".") && owner == nil &&
			!l.resolves(name):
			l.Warn(v.At, source.Span{}, "the appliance cannot find %s, for it asks nobody for names outside the site; "+
				"expected upstream in [dns], or an address", v.Text)
		}
	}
}

// warnResolvers looks for the appliance as a resolver where it is none.
func (l *loader) warnResolvers() {
	for _, v := range l.toldServers(func(c toml.Clients) toml.List { return c.DNS }, "dns-server") {
		l.warnUpstreamAddress(v, l.ownLink(v))
	}
	toldIt := slices.ContainsFunc(l.site.LANs, func(lan model.LAN) bool {
		return slices.Contains(lan.DNS, lan.IPv4.Addr())
	})
	if l.site.WAN.Interface != "" && toldIt && len(l.site.DNS.Upstream) == 0 {
		l.Warn(l.raw.WAN.At, l.raw.DNS.At,
			"there is a way out, and hosts are told the appliance as their resolver, which asks nobody "+
				"for names outside the site; expected upstream in [dns], or dns in [[lan]]")
	}
}

// warnUpstreamAddress is about a server that is the appliance on a link.
func (l *loader) warnUpstreamAddress(v toml.Str, on string) {
	if on == whatWAN {
		l.Warn(v.At, source.Span{}, "%s is the appliance's address upstream, where it serves nobody; expected the one that it has on a lan", v.Text)
	}
}

// ownLink returns where an address is the appliance's own, "" if it is not.
func (l *loader) ownLink(v toml.Str) string {
	if a, err := netip.ParseAddr(v.Text); err == nil {
		if n := l.ownNetwork(a); n != nil {
			return n.what
		}
	}
	return ""
}

// resolves reports whether anybody is asked for a name outside the site.
func (l *loader) resolves(name string) bool {
	return len(l.site.DNS.Upstream) > 0 ||
		slices.ContainsFunc(l.raw.DNS.Forward.Entries, func(d toml.Definition) bool {
			domain := strings.ToLower(d.Name.Text)
			return name == domain || strings.HasSuffix(name, "."+domain)
		})
}

func (l *loader) toldTime() []toml.Str {
	return l.toldServers(func(c toml.Clients) toml.List { return c.NTP }, "ntp-server")
}

// toldServers are the servers of a kind that clients are told by the site itself: by a key, or by an option
// of hosts.
func (l *loader) toldServers(key func(toml.Clients) toml.List, name string) (all []toml.Str) {
	for _, lan := range l.raw.LANs {
		all = append(all, key(lan.Clients).Items...)
	}
	for _, r := range l.raw.Relayed {
		all = append(all, key(r.Clients).Items...)
	}
	for _, g := range l.raw.Groups {
		for _, o := range slices.Concat(g.Options.Entries, g.Always.Entries) {
			if d, _ := option.Define(o.Name.Text); d.Name == name {
				all = append(all, o.Values...)
			}
		}
	}
	return all
}

// warnDisks looks for machines that lose the disk they run from when a second card asks for their address.
func (l *loader) warnDisks() {
	for _, h := range l.hosts.list {
		if h.Netboot != nil && h.Netboot.RootPath != "" && len(h.MACs) > 1 {
			l.Warn(h.macAt[1], h.macAt[0],
				"%q has its disk by iSCSI and %d cards for one address, which goes to the card that "+
					"asked last, so the disk may be lost; expected one card, or another name for each further one", h.Name, len(h.MACs))
		}
	}
}

// maxLike bounds the comparison of names. Who has more hosts in one file alone has not typed them.
const maxLike = 1000

// warnLikeNames looks for a host in ethers alone and one in hosts alone whose names differ by a slip of the
// hand. Names that differ in a digit are a series.
func (l *loader) warnLikeNames() {
	var carded, addressed []*hostEntry
	for _, h := range l.hosts.list {
		switch {
		case len(h.Addrs) == 0 && len(h.macAt) > 0:
			carded = append(carded, h)
		case len(h.Addrs) > 0 && !h.AsksDHCP() && h != l.self():
			addressed = append(addressed, h)
		}
	}
	if len(carded) > maxLike || len(addressed) > maxLike {
		return
	}
	for _, a := range carded {
		for _, b := range addressed {
			if l.steps++; oneSlip(a.Name, b.Name) {
				l.Warn(a.at, b.at, "%q is not in hosts, and %q there is not in ethers; did you mean one host?", a.Name, b.Name)
				break
			}
		}
	}
}

// oneSlip reports whether one name becomes the other by one letter that is another, missing, added, or in the
// place of its neighbour.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < 3 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	if len(a) < len(b) {
		return a[i:] == b[i+1:] && !isDigit(b[i])
	}
	switch {
	case i == len(a):
		return false
	case a[i+1:] == b[i+1:]:
		return !isDigit(a[i]) && !isDigit(b[i])
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] &&
		!(isDigit(a[i]) || isDigit(a[i+1]))
}
