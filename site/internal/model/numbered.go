package model

import (
	"net/netip"
	"slices"
)

// Numbered returns the site with true addresses in place of those in stand-ins. networks are, for each LAN,
// the appliance's addresses in the IPv6 networks that it has today, each of 64 bits; these become its Today.
//
// What spoke of hosts and has no address left is gone: a rule, a forward or a source without any would be
// about everybody.
func (s *Site) Numbered(networks [][]netip.Prefix) *Site {
	n := numbering(networks)
	out := *s
	out.LANs = slices.Clone(s.LANs)
	for i := range out.LANs {
		out.LANs[i].Today = append([]netip.Prefix{}, networks[i]...)
	}
	out.Hosts = slices.Clone(s.Hosts)
	for i := range out.Hosts {
		h := &out.Hosts[i]
		h.Addrs = n.addrs(h.Addrs)
		h.Records = n.records(h.Records)
	}
	f := &out.Firewall
	f.Groups = n.sets(f.Groups)
	f.Rules, f.Forwards = n.rules(f.Rules), n.forwards(f.Forwards)
	return &out
}

// numbering are the networks of each LAN.
type numbering [][]netip.Prefix

// addrs puts true addresses in place.
func (n numbering) addrs(all []netip.Addr) []netip.Addr {
	if !slices.ContainsFunc(all, func(a netip.Addr) bool { return standsIn(a) >= 0 }) {
		return all
	}
	var out []netip.Addr
	for _, a := range all {
		out = append(out, n.addr(a)...)
	}
	return out
}

func (n numbering) addr(a netip.Addr) []netip.Addr {
	lan := standsIn(a)
	if lan < 0 {
		return []netip.Addr{a}
	}
	if lan >= len(n) {
		return nil
	}
	var out []netip.Addr
	for _, p := range n[lan] {
		out = append(out, Within(p, a))
	}
	return out
}

func (n numbering) records(all []Record) []Record {
	var out []Record
	for _, r := range all {
		for _, a := range n.addr(r.Addr) {
			out = append(out, Record{Addr: a, Names: r.Names})
		}
	}
	return out
}

func (n numbering) networks(all []netip.Prefix) []netip.Prefix {
	if !slices.ContainsFunc(all, func(p netip.Prefix) bool { return standsIn(p.Addr()) >= 0 }) {
		return all
	}
	var out []netip.Prefix
	for _, p := range all {
		for _, a := range n.addr(p.Addr()) {
			out = append(out, netip.PrefixFrom(a, p.Bits()))
		}
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return slices.Compact(out)
}

func (n numbering) sets(all []AddressSet) []AddressSet {
	all = slices.Clone(all)
	for i := range all {
		all[i].Networks = n.networks(all[i].Networks)
	}
	return all
}

// ends are those that speak of somebody.
func (n numbering) ends(all []FirewallEnd) []FirewallEnd {
	var out []FirewallEnd
	for _, e := range all {
		if end, ok := n.end(e); ok {
			out = append(out, end)
		}
	}
	return out
}

func (n numbering) end(e FirewallEnd) (FirewallEnd, bool) {
	said := len(e.Networks) > 0
	e.Networks = n.networks(e.Networks)
	return e, !said || len(e.Networks)+len(e.Sets) > 0
}

func (n numbering) rules(all []FirewallRule) []FirewallRule {
	var out []FirewallRule
	for _, r := range all {
		r.From, r.To = n.ends(r.From), n.ends(r.To)
		if len(r.From) > 0 && len(r.To) > 0 {
			out = append(out, r)
		}
	}
	return out
}

func (n numbering) forwards(all []PortForward) []PortForward {
	var out []PortForward
	for _, f := range all {
		var ok bool
		f.To = n.addrs(f.To)
		if f.Sources, ok = n.end(f.Sources); ok && len(f.To) > 0 {
			out = append(out, f)
		}
	}
	return out
}
