package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const maxDomains = 256 // that are forwarded, and that may have private addresses

// placedDomain is a domain that others answer for.
type placedDomain struct {
	name string
	at   source.Span
}

// checkDNS reads what the appliance answers and whom it asks.
func (l *loader) checkDNS() {
	raw, out := l.raw.DNS, &l.site.DNS
	out.Upstream = l.resolvers("upstream", raw.Upstream.Items)
	forwards := l.forwards(raw.Forward.Entries)
	l.private(raw.Private.Items, forwards)
	l.mixedCase(raw.MixedCase)
	l.checkParts()
	if l.site.Domain == "" {
		return // what names are is not known
	}
	c := &dnsCheck{loader: l, forwards: forwards, names: map[string]dnsName{}, above: map[string]bool{},
		sizes: map[rrset]int{}}
	c.hostNames()
	c.records()
	c.services()
	c.targets()
}

// resolvers reads those that are asked for one domain, or for everything.
func (l *loader) resolvers(what string, items []toml.Str) []model.Resolver {
	var all []model.Resolver
	seen := map[model.Resolver]source.Span{}
	for i, v := range items {
		if i == maxServers {
			l.At(v.At, "%s has %d servers; expected at most %d", what, len(items), maxServers)
			break
		}
		r, reason := readResolver(v.Text)
		switch first, twice := seen[r]; {
		case reason != "":
			l.At(v.At, "%s %q %s", what, v.Text, reason)
		case twice:
			l.Against(v.At, first, "%s %s is here a second time; expected it once", what, r)
		case r.WAN && !l.hasProvider(what, v):
		case l.asksItself(what, v, r.Addr):
		default:
			seen[r] = v.At
			all = append(all, r)
		}
	}
	return all
}

// readResolver reads "192.0.2.53@853#dns.example". The reason is "", or why s is none, and continues a
// sentence that starts with it.
func readResolver(s string) (r model.Resolver, reason string) {
	const expected = `; expected an address such as "192.0.2.53" or, for DNS over TLS, "192.0.2.53#dns.example"`
	switch {
	case s == model.ZoneWAN:
		return model.Resolver{WAN: true}, ""
	case strings.Contains(s, "://"):
		return r, "is a URL, by which resolvers are not asked" + expected
	}
	rest, name, tls := strings.Cut(s, "#")
	address, port, hasPort := strings.Cut(rest, "@")
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil && asResolver(s) != "":
		return r, "has its port in another form; expected " + asResolver(s)
	case tls && isPort(name):
		return r, "has its port in another form; expected " + asResolver(s)
	case err != nil && model.NotName(address) == "":
		return r, "is a name, which would have to be resolved first" + expected
	case err != nil:
		return r, "is no address" + expected
	case a.Is4In6():
		return r, fmt.Sprintf("is an IPv4 address; expected it as %s", a.Unmap())
	case model.NotUnicast(a) != "":
		return r, model.NotUnicast(a) + "; expected the address of a resolver"
	case a.Is6() && a.IsLinkLocalUnicast() || a.Zone() != "":
		return r, "is link-local, and there is one on each link; expected another address of the resolver"
	case tls && name == "":
		return r, `has no name behind "#"; expected the one that its certificate is for, as in "192.0.2.53#dns.example"`
	case tls && !isAddr(name) && model.NotName(name) != "":
		return r, fmt.Sprintf("is asked by TLS, but its name %q %s", name, model.NotName(name))
	}
	r = model.Resolver{Addr: a, Name: strings.ToLower(name)}
	if hasPort {
		n, _, ok := model.ReadPorts(port)
		if !ok || strings.Contains(port, "-") {
			return r, fmt.Sprintf("has no port %q; expected one from 1 to 65535", port)
		}
		if usual := map[bool]uint16{false: 53, true: 853}[tls]; n != usual {
			r.Port = n
		}
	}
	return r, ""
}

// hasProvider reports whether there is a provider who may name servers; it reports if there is none.
func (l *loader) hasProvider(what string, v toml.Str) bool {
	const named = `%s "wan" is what a provider names by DHCP; expected `
	switch {
	case what == "forward":
		l.At(v.At, `forward "wan": the provider's resolvers are for all names; `+
			`expected the address of one for this domain`)
		return false
	case what == "upstream" && l.site.WAN.Auto6:
		return true
	case l.site.WAN.DHCP == nil && l.raw.WAN.IPv4.OK():
		l.Against(v.At, l.raw.WAN.IPv4.At, named+`ipv4 = "dhcp" there, or addresses`, what)
	case l.site.WAN.DHCP == nil && l.parsed:
		l.At(v.At, named+`[wan] with ipv4 = "dhcp", or addresses`, what)
	}
	return l.site.WAN.DHCP != nil
}

// asksItself refuses resolvers that are the appliance: it would ask itself.
func (l *loader) asksItself(what string, v toml.Str, a netip.Addr) bool {
	if n := l.ownNetwork(a); n != nil {
		l.Against(v.At, n.at, "%s %s is the appliance itself on %s; expected another resolver", what, a,
			n.what)
		return true
	}
	for _, o := range l.raw.Firewall.OneToOne {
		if outside, err := netip.ParseAddr(o.Address.Text); err == nil && outside == a {
			l.Against(v.At, o.Address.At,
				"%s %s is an address of the appliance's, which it has for a host; expected the host's own",
				what, a)
			return true
		}
	}
	return false
}

// forwards reads the domains that others are asked for.
func (l *loader) forwards(entries []toml.Definition) []placedDomain {
	var all []placedDomain
	for i, e := range entries {
		name := strings.ToLower(e.Name.Text)
		servers := l.resolvers("forward", e.Value.Items)
		first := slices.IndexFunc(all, func(d placedDomain) bool { return d.name == name })
		switch reason := l.notForwarded(name); {
		case i == maxDomains:
			l.At(e.Name.At, "%d domains are forwarded; expected at most %d", len(entries), maxDomains)
			return all
		case reason != "":
			l.At(e.Name.At, "domain %q %s", e.Name.Text, reason)
			continue
		case first >= 0:
			l.Against(e.Name.At, all[first].at, "domain %q is forwarded a second time; expected it once",
				e.Name.Text)
			continue
		case name == l.site.Domain:
			l.Against(e.Name.At, l.raw.Domain.At,
				"domain %q is the site's own, for which the appliance answers; expected another, or one below it", name)
			continue
		case l.ownReverse(e.Name):
			continue
		case e.Value.OK() && len(e.Value.Items) == 0:
			l.At(e.Name.At, "domain %q is forwarded to nobody; expected at least one server", name)
			continue
		}
		all = append(all, placedDomain{name, e.Name.At})
		l.site.DNS.Forwards = append(l.site.DNS.Forwards, model.DNSForward{Domain: name, Servers: servers})
	}
	return all
}

// notForwarded says why nobody can be asked for a domain, "" if somebody can.
func (l *loader) notForwarded(name string) string {
	switch reason := notDomain(name); {
	case name == ".":
		return "is everything; expected the key upstream for that"
	case reason != "":
		return reason
	case within(name, "localhost"):
		return "is every host's own (RFC 6761 6.3); expected another"
	case name == "arpa":
		return "has domains that are the appliance's to answer for; expected one below it"
	}
	return ""
}

// ownReverse refuses to ask others for names of addresses on networks of the site.
func (l *loader) ownReverse(v toml.Str) bool {
	p, ok := readReverse(strings.ToLower(v.Text))
	if !ok {
		return false
	}
	for _, n := range slices.Concat(l.networks, l.relayed) {
		own := n.own.Masked()
		if own.Addr().IsPrivate() && own.Bits() > 24 && own.Addr().Is4() {
			own = netip.PrefixFrom(own.Addr(), 24).Masked() // up to the next dot they are nobody else's
		}
		if n.what != whatWAN && own.Overlaps(p) && p.Bits() >= own.Bits() {
			l.Against(v.At, n.at, "domain %q has the names of addresses on %s, for which the appliance answers; expected another", v.Text, n.what)
			return true
		}
	}
	return false
}

// readReverse reads the name of a network: "168.192.in-addr.arpa".
func readReverse(name string) (netip.Prefix, bool) {
	size, each, base := 4, 8, 10
	rest, ok := strings.CutSuffix(name, ".in-addr.arpa")
	if !ok {
		size, each, base = 32, 4, 16
		rest, ok = strings.CutSuffix(name, ".ip6.arpa")
	}
	labels := strings.Split(rest, ".")
	if !ok || len(labels) > size {
		return netip.Prefix{}, false
	}
	slices.Reverse(labels)
	bytes := make([]byte, size*each/8)
	for i, label := range labels {
		n, err := strconv.ParseUint(label, base, each)
		if err != nil {
			return netip.Prefix{}, false
		}
		bytes[i*each/8] |= byte(n) << ((8 - each) * (1 - i%2))
	}
	a, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(a, len(labels)*each), true
}

// private reads the domains whose names may have private addresses.
func (l *loader) private(items []toml.Str, forwards []placedDomain) {
	seen := map[string]source.Span{}
	for i, v := range items {
		name := strings.ToLower(v.Text)
		reason := notDomain(name)
		first, twice := seen[name]
		forwarded := slices.IndexFunc(forwards, func(d placedDomain) bool { return within(name, d.name) })
		switch {
		case i == maxDomains:
			l.At(v.At, "private has %d domains; expected at most %d", len(items), maxDomains)
			return
		case reason != "":
			l.At(v.At, "private domain %q %s", v.Text, reason)
		case twice:
			l.Against(v.At, first, "private domain %q is here a second time; expected it once", v.Text)
		case forwarded >= 0:
			l.Against(v.At, forwards[forwarded].at,
				"private domain %q is forwarded, so its names may have private addresses anyway; expected no such word", v.Text)
		default:
			seen[name] = v.At
			l.site.DNS.Private = append(l.site.DNS.Private, name)
		}
	}
}

// mixedCase wants a resolver that is asked in the clear: what is encrypted cannot be forged.
func (l *loader) mixedCase(v toml.Bool) {
	l.site.DNS.MixedCase = v.Value
	clear := func(r model.Resolver) bool { return r.Name == "" }
	if !v.Value || !l.parsed || slices.ContainsFunc(l.site.DNS.Upstream, clear) ||
		slices.ContainsFunc(l.site.DNS.Forwards, func(f model.DNSForward) bool {
			return slices.ContainsFunc(f.Servers, clear)
		}) {
		return
	}
	if l.Count() == 0 { // else one may be among what was refused
		l.At(v.At, "mixed-case is about resolvers without TLS, and there is none; expected no such line")
	}
}

// The names of addresses are zones, which end where labels do: a network has at most 128, all networks what
// one table has room for.
const (
	maxNetworks = 500
	maxParts    = 60_000
)

// checkParts bounds the networks of which the appliance knows the names.
func (l *loader) checkParts() {
	parts := 0
	own := slices.DeleteFunc(slices.Concat(l.networks, l.relayed), func(n network) bool {
		return n.what == whatWAN
	})
	for i, n := range own {
		if n.own.Addr().Is4() {
			parts += 1 << (7 - (n.own.Bits()+7)%8)
		}
		if i == maxNetworks || parts > maxParts {
			l.At(n.at, "the site has more networks than the appliance can know the names of; expected at most %d", maxNetworks)
			return
		}
	}
}
