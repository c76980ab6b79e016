package check

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	byProvider = "auto" // an address, or a prefix, that others give or make
	ulaBits    = 48     // RFC 4193 3.1
	exampleULA = "fd4a:1c2e:93b7::/48"

	minDelegation = 48
	maxSubnet     = 65535
)

// checkIPv6 reads what LANs have in common, before the LANs.
func (l *loader) checkIPv6() {
	raw, out := l.raw.IPv6, &l.site.IPv6
	switch v := raw.ULA; {
	case !v.OK():
	case v.Text == byProvider:
		out.MakeULA = true
	default:
		out.ULA = l.ula(v)
	}
	if l.word("default", raw.Default, model.ZoneWAN, model.ZoneWAN,
		string(model.FromTunnel)) != model.ZoneWAN {
		out.Default = model.FromTunnel
	}
	if both := l.site.WAN.Auto6 && l.site.Tunnel != nil; raw.Default.OK() && !both && l.parsed {
		l.At(raw.Default.At, `default: the site has no two ways out over IPv6; expected [tunnel] and ipv6 = "auto" in [wan], or no such line`)
	}
	out.Names = model.Names6(l.word("names", raw.Names, string(model.NamesStable),
		string(model.NamesStable), string(model.NamesAll), string(model.NamesOff)))
}

// ula reads a prefix of unique local addresses.
func (l *loader) ula(v toml.Str) netip.Prefix {
	p, err := netip.ParsePrefix(v.Text)
	switch {
	case err != nil || !p.Addr().Is6() || p.Addr().As16()[0] != 0xfd:
		l.At(v.At, `ula %q is no prefix of unique local addresses; expected one such as %q, or "auto"`,
			v.Text, exampleULA)
	case p.Bits() != ulaBits || p != p.Masked():
		l.At(v.At, "ula %q: expected a network with the length %d, such as %q (RFC 4193 3.1)", v.Text,
			ulaBits, exampleULA)
	default:
		return p
	}
	return netip.Prefix{}
}

// word reads one of some words; absent means the default.
func (l *loader) word(key string, v toml.Str, absent string, known ...string) string {
	switch {
	case !v.OK():
		return absent
	case !slices.Contains(known, v.Text):
		l.At(v.At, "%s %q is unknown; expected %s", key, v.Text, toml.OneOf(quoted(known)))
		return absent
	}
	return v.Text
}

func quoted(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, strconv.Quote(w))
	}
	return all
}

// wanIPv6 reads what the appliance has upstream over IPv6.
func (l *loader) wanIPv6(raw toml.WAN) {
	wan := &l.site.WAN
	if raw.IPv6.Text == byProvider && raw.IPv6.OK() {
		wan.Auto6 = true
		if raw.Gateway6.OK() {
			l.Against(raw.Gateway6.At, raw.IPv6.At, `gateway6: with ipv6 = "auto" the provider names the router; `+
				"expected no such line, or a fixed ipv6")
		}
	} else {
		wan.IPv6 = l.ownAddress("ipv6", raw.IPv6, netip.Addr.Is6, exampleWAN6)
	}
	switch v := raw.Delegation; {
	case !v.OK():
	case v.Value < minDelegation || v.Value > model.Network6:
		l.At(v.At, "delegation %d is out of range; expected the length of a prefix, %d to %d", v.Value,
			minDelegation, model.Network6)
	case !wan.Auto6 && l.parsed:
		l.At(v.At, `delegation: a provider delegates a prefix to a router that it knows; expected ipv6 = "auto" too`)
	default:
		wan.Delegation = uint8(v.Value)
	}
}

// lanIPv6 reads the IPv6 networks of a LAN: fixed ones, and sources that give it others. Absent, the LAN has
// all sources that there are.
func (l *loader) lanIPv6(raw toml.LAN, lan *model.LAN) {
	const what = "ipv6"
	have := l.site.Sources6()
	if !raw.IPv6.OK() {
		lan.From6 = have
	}
	for _, item := range raw.IPv6.Items {
		from := model.Source6(item.Text)
		switch {
		case item.Text == toml.Off:
			if len(raw.IPv6.Items) > 1 {
				l.At(item.At, `ipv6 "off" stands beside others; expected it alone`)
			}
		case slices.Contains(lan.From6, from):
			l.At(item.At, "ipv6 %q is here a second time; expected it once", from)
		case slices.Contains(have, from):
			lan.From6 = append(lan.From6, from)
		case slices.Contains(model.Sources6(), from):
			if l.parsed {
				l.At(item.At, "ipv6 %q: the site has no such prefix; expected %s too", from, sourceKey(from))
			}
		default:
			l.fixed6(what, item, raw, lan)
		}
	}
	if raw.IPv6.OK() && len(raw.IPv6.Items) == 0 {
		l.At(raw.IPv6.At, `ipv6 is empty; expected an address such as %q, or "off"`, exampleLAN6)
	}
}

// sourceKey is what a site has a source by.
func sourceKey(from model.Source6) string {
	return map[model.Source6]string{
		model.FromTunnel: "[tunnel]", model.FromWAN: "delegation in [wan]", model.FromULA: "ula in [ipv6]",
	}[from]
}

func (l *loader) fixed6(key string, item toml.Str, raw toml.LAN, lan *model.LAN) {
	p := l.ownAddress(key, item, netip.Addr.Is6, exampleLAN6)
	switch {
	case !p.IsValid():
	case p.Bits() != model.Network6:
		l.At(item.At, "ipv6 %s has the length %d; expected /64, without which hosts make no addresses (RFC 4862)", p, p.Bits())
	case lan.Has6(p.Addr()):
		l.At(item.At, "ipv6 %s is on a network that the lan has already; expected another", p)
	default:
		lan.IPv6 = append(lan.IPv6, p)
		l.connect("lan "+strconv.Quote(raw.Name.Text), p, item.At)
	}
}

// checkSubnets reads the numbers of LANs in prefixes that they share, each of which is a LAN's own.
func (l *loader) checkSubnets() {
	taken := map[uint16]source.Span{}
	for i, raw := range l.raw.LANs {
		lan, v := &l.site.LANs[i], raw.Subnet
		at := v.At
		switch {
		case !v.OK():
			at = raw.Name.At
		case v.Value < 0 || v.Value > maxSubnet:
			l.At(v.At, "subnet %d is out of range; expected 0 to %d", v.Value, maxSubnet)
			continue
		case len(lan.From6) == 0 && l.parsed:
			l.At(v.At, "subnet is a number in a prefix that several lans share, and this one has none; "+
				"expected no such line, or a source in ipv6")
			continue
		default:
			lan.Subnet = uint16(v.Value)
		}
		if len(lan.From6) == 0 {
			continue
		}
		if first, twice := taken[lan.Subnet]; twice {
			l.Against(at, first, "lan %q has the IPv6 subnet %d of another; expected a number of its own, such as subnet = %d",
				lan.Name, lan.Subnet, unusedSubnet(l.site.LANs))
			continue
		}
		taken[lan.Subnet] = at
		for _, from := range lan.From6 {
			l.checkSubnet(*lan, from, at)
		}
	}
}

// checkSubnet compares a LAN's network in a prefix that the site itself has with fixed ones.
func (l *loader) checkSubnet(lan model.LAN, from model.Source6, at source.Span) {
	p, known := l.site.Prefix6(from)
	if !known {
		return
	}
	n, ok := model.Subnet6(p, lan.Subnet)
	if !ok {
		l.At(at, "lan %q: %s (%s) has no subnet %d; expected 0 to %d, or another ipv6", lan.Name, p, from,
			lan.Subnet, min(maxSubnet, 1<<(model.Network6-p.Bits())-1))
		return
	}
	for _, other := range l.networks {
		if other.own.Overlaps(n) && other.what != "lan "+strconv.Quote(lan.Name) {
			l.Against(at, other.at, "lan %q: its subnet %d of %s (%s) overlaps %s of %s; expected another number",
				lan.Name, lan.Subnet, p, from, other.own.Masked(), other.what)
		}
	}
}

func unusedSubnet(lans []model.LAN) (n uint16) {
	for slices.ContainsFunc(lans, func(l model.LAN) bool { return l.Subnet == n }) {
		n++
	}
	return n
}

// standIns makes each LAN with IPv6 a place for hosts whose address has a suffix only.
func (l *loader) standIns() {
	for i, raw := range l.raw.LANs {
		if lan := l.site.LANs[i]; lan.HasIPv6() {
			l.connect("lan "+strconv.Quote(raw.Name.Text), model.StandIn(i), raw.Name.At)
		}
	}
}

// A suffix is a line of hosts with one, until it is known on which LANs its host is.
type suffix struct {
	addr  netip.Addr
	at    source.Span
	names []string
}

// placeSuffixes gives hosts the addresses of their suffixes: one on each LAN where they have an IPv4 address,
// or on the only one that has IPv6.
func (l *loader) placeSuffixes(h *hostEntry) {
	for _, s := range h.suffixes {
		lans := l.lansOf6(h)
		if len(lans) == 0 {
			h.refused = true
			if l.settled {
				l.At(s.at, "%s of %q: it is not known on which lan; expected an IPv4 address of the host on a lan with IPv6 too, "+
					"or a whole IPv6 address", s.addr, h.Name)
			}
			continue
		}
		for _, lan := range lans {
			a := model.Within(model.StandIn(lan), s.addr)
			if owner, taken := l.hosts.addrs[a]; taken && owner.host != h {
				l.Against(s.at, owner.at, "%s of %q is the suffix of host %q on lan %q already; expected another",
					s.addr, h.Name, owner.host.Name, l.site.LANs[lan].Name)
				continue
			} else if !taken {
				l.hosts.addrs[a] = claim{h, s.at}
				h.Addrs, h.addrAt = append(h.Addrs, a), append(h.addrAt, s.at)
			}
			h.Records = append(h.Records, model.Record{Addr: a, Names: s.names})
		}
	}
}

// lansOf6 returns the indexes of the LANs with IPv6 that a host is on.
func (l *loader) lansOf6(h *hostEntry) (all []int) {
	var with6 []int
	for i, lan := range l.site.LANs {
		if !lan.HasIPv6() {
			continue
		}
		with6 = append(with6, i)
		if slices.ContainsFunc(h.Addrs, lan.IPv4.Contains) {
			all = append(all, i)
		}
	}
	if len(all) == 0 && len(with6) == 1 && !slices.ContainsFunc(h.Addrs, netip.Addr.Is4) {
		return with6
	}
	return all
}
