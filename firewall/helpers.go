package firewall

import (
	"net/netip"
	"slices"
)

// A Helper is a part of the kernel that reads a conversation and lets those pass that it announces: conntrack
// expects them, and calls their first packet [CTRelated]. It also translates the addresses that are
// announced. It is assigned to a conversation by the rule that allows its beginning, and to no other; which
// port a conversation has says nothing.
type Helper struct {
	Name  string // the kernel's
	Proto Proto  // of the conversation that it reads
}

// Helpers are those that a [Service] may have, with the port that a [Forward] knows them by.
func Helpers() map[Helper]uint16 {
	return map[Helper]uint16{
		{"ftp", TCP}:  21,   // RFC 959: PORT and PASV; RFC 2428: EPRT and EPSV
		{"tftp", UDP}: 69,   // RFC 1350, 4: the answer comes from another port
		{"sip", UDP}:  5060, // RFC 3261, and the media of its SDP
		{"sip", TCP}:  5060,
		{"pptp", TCP}: 1723, // RFC 2637: GRE between both ends
	}
}

// HasHelper reports whether there is a helper of that name.
func HasHelper(name string) bool {
	for h := range Helpers() {
		if h.Name == name {
			return true
		}
	}
	return false
}

// Object is what the kernel's table calls h.
func (h Helper) Object() string { return h.Name + "_" + string(h.Proto) }

// OnlyIPv4 reports whether the kernel has h in IPv4 only.
func (h Helper) OnlyIPv4() bool { return h.Name == "pptp" }

// helper is that of one flow of s, zero if it has none.
func (s Service) helper(f Flow) Helper {
	h := Helper{s.Helper, f.Proto}
	if _, known := Helpers()[h]; !known {
		return Helper{}
	}
	return h
}

// helpers are those of the conversations that f forwards: of a single port they are known by that of the
// host.
func (f Forward) helpers() []Helper {
	var all []Helper
	for _, name := range []string{"ftp", "tftp", "sip", "pptp"} {
		for _, p := range f.Protos {
			if port, known := Helpers()[Helper{name, p}]; known && f.single() && port == f.port() {
				all = append(all, Helper{name, p})
			}
		}
	}
	return all
}

// helpersOf lists the helpers that rules assign, in the order in which they come first.
func helpersOf(t Table) []Helper {
	var all []Helper
	for _, chain := range t.Chains {
		for _, r := range chain.Rules {
			if r.Helper != (Helper{}) && !slices.Contains(all, r.Helper) {
				all = append(all, r.Helper)
			}
		}
	}
	return all
}

// assign is the rule that gives a conversation its helper and decides nothing. It stands before the
// destination is translated: then the kernel also makes ready for a length of text that changes
// (nf_nat_setup_info).
func assign(h Helper, origin Forward, ms ...Match) TreeRule {
	return TreeRule{Matches: ms, Helper: h, Name: origin.Name, Origin: origin.Origin}
}

// assignForwards are those rules for forwards at addresses that some matches are about.
func assignForwards(forwards []Forward, matches []Match) []TreeRule {
	var rules []TreeRule
	for _, f := range forwards {
		if _, ok := f.ipv4(); !ok {
			continue
		}
		for _, h := range f.helpers() {
			rules = append(rules, assign(h, f, append(slices.Clone(matches), ports(h.Proto, f.Ports))...))
		}
	}
	return rules
}

// assignOneToOne are those rules for what an address one to one gets from a zone by some rule of the policy.
func (c *compiler) assignOneToOne(zone string, o OneToOne) []TreeRule {
	var rules []TreeRule
	for _, r := range c.policy.Rules {
		speaks := r.Action == Allow && slices.ContainsFunc(r.From, func(e Endpoint) bool {
			return slices.Contains(e.Zones, zone)
		}) &&
			slices.ContainsFunc(r.To, func(e Endpoint) bool {
				return slices.Contains(e.Zones, o.Host) && c.includes(e, o.Inside)
			})
		if !speaks {
			continue
		}
		for _, s := range r.Services {
			for _, f := range s.Flows {
				if h := s.helper(f); h != (Helper{}) {
					rules = append(rules, assign(h, Forward{Name: r.Name, Origin: r.Origin},
						append(match(within(IPDaddr, addresses([]netip.Addr{o.Outside}))),
							f.matches()...)...))
				}
			}
		}
	}
	return rules
}

// includes reports whether e may be about an address of its zones.
func (c *compiler) includes(e Endpoint, a netip.Addr) bool {
	contains := func(ps []netip.Prefix) bool {
		return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return e.everybody() || contains(e.Addresses) ||
		slices.ContainsFunc(c.policy.Sets, func(s AddressSet) bool {
			return slices.Contains(e.Sets, s.Name) && (s.Live || contains(s.Networks))
		})
}
