package netcfg

import (
	"net/netip"
	"path/filepath"
	"strings"
)

// A Config is the network of the box as it should be. Its JSON form round-trips.
type Config struct {
	Links     []Link    `json:"links"`
	Addresses []Address `json:"addresses,omitempty"`
	Routes    []Route   `json:"routes,omitempty"`
	Rules     []Rule    `json:"rules,omitempty"`
	Sysctls   []Sysctl  `json:"sysctls,omitempty"`
}

// A Link is an interface that is up.
type Link struct {
	Name   string `json:"name"`
	Parent string `json:"parent,omitempty"` // of a VLAN, which is made; other interfaces must exist
	VLAN   uint16 `json:"vlan,omitempty"`   // 802.1Q tag, 1 to 4094; 0 if it is no VLAN
	// Remote is the other end of a tunnel that carries IPv6 in IPv4 (6in4, RFC 4213), which is made; Local is
	// our end, and may change while the tunnel is in use; zero: any address of the box. Both are zero for
	// what is no tunnel.
	Remote netip.Addr `json:"remote,omitzero"`
	Local  netip.Addr `json:"local,omitzero"`
	// Priority is that of all frames that leave by the VLAN, 802.1p; 0: what the kernel gives them, which is
	// 0 too.
	Priority uint8 `json:"priority,omitempty"`
	// MAC is the hardware address, six pairs of lower-case digits with colons, and MTU in bytes. "" and 0:
	// what the link had before a plan gave it another.
	MAC string `json:"mac,omitempty"`
	MTU uint16 `json:"mtu,omitempty"`
	// Network is what people call the network on it; "" if it has none of its own.
	Network string `json:"network,omitempty"`
}

// is reports whether l and m are one link, which may have another address and MTU, and as a tunnel other
// ends.
func (l Link) is(m Link) bool {
	return l.Name == m.Name && l.Parent == m.Parent && l.VLAN == m.VLAN && l.Priority == m.Priority &&
		l.isTunnel() == m.isTunnel()
}

func (l Link) isTunnel() bool { return l.Remote.IsValid() }

// isMade reports whether the link is made for the plan. Others must exist.
func (l Link) isMade() bool { return l.Parent != "" || l.isTunnel() }

// label is the link as people know it: "eth1 (lan)".
func (l Link) label() string {
	if l.Network == "" {
		return l.Name
	}
	return l.Name + " (" + l.Network + ")"
}

// An Address is an own address of the box with the length of the network it is in.
type Address struct {
	Link   string       `json:"link"`
	Prefix netip.Prefix `json:"prefix"`
	// Beside: no connection to other networks begins of it, and no other host's is translated to it, for the
	// link has another IPv4 address for that. The kernel calls it an address with the scope of a link; all of
	// one network have the same.
	Beside bool `json:"beside,omitempty"`
	// Detect: an IPv6 address is used only if nobody else on the link has it (RFC 4862 5.4); for those that
	// others give. Ours by the site's word are used at once.
	Detect bool `json:"detect,omitempty"`
}

// A Route leads to a network through a neighbour. A table has one route to each network.
type Route struct {
	To   netip.Prefix `json:"to"`           // 0.0.0.0/0 and ::/0 are the default routes
	Via  netip.Addr   `json:"via,omitzero"` // zero: the network is on the link itself
	Link string       `json:"link"`
	// Unreachable: whoever sends there is told that nobody is, unless there is a longer route, or one of the
	// kernel's own to the same network. Link is "" then.
	Unreachable bool `json:"unreachable,omitempty"`
	// Table is where it stands: only packets that a Rule sends there take it. 0: the main table, which is
	// for all.
	Table uint8 `json:"table,omitempty"`
}

// same reports whether r and q are routes to one network in one table.
func (r Route) same(q Route) bool { return r.To == q.To && r.Table == q.Table }

// A Rule says which IPv6 packets look for their route in which table before the main one (ip-rule(8)). Rules
// of a lower Priority are asked first; each has a number of its own, from 1 to 32765.
type Rule struct {
	Priority uint16       `json:"priority"`
	From     netip.Prefix `json:"from,omitzero"` // their source; zero: any
	Table    uint8        `json:"table"`         // 0: the main one, but for its default route
}

// A Sysctl is one setting of the kernel. In Key, '.' separates as in sysctl(8), and '/' stands for a '.' in
// the name of an interface: net.ipv4.conf.eth1/20.rp_filter. A Key may also be written the other way round,
// with '/' separating: net/ipv4/conf/eth1.20/rp_filter.
type Sysctl struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Path is the file of the setting. Outside of /proc/sys there are no settings.
func (s Sysctl) Path() string {
	key := s.Key
	if dot, slash := strings.IndexByte(key, '.'), strings.IndexByte(key, '/'); dot >= 0 &&
		(slash < 0 || dot < slash) {
		key = strings.Map(func(r rune) rune { // sysctl(8)
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, key)
	}
	return filepath.Join("/proc/sys", filepath.Join("/", key))
}
