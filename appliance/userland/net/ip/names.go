package ip

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// bit is the name of one bit of a set.
type bit struct {
	mask uint32
	name string
}

// linkFlags are the flags of a link (netdevice(7)) in the order of iproute2.
func linkFlags() []bit {
	return []bit{
		{unix.IFF_LOOPBACK, "LOOPBACK"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_POINTOPOINT, "POINTOPOINT"},
		{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"}, {unix.IFF_ALLMULTI, "ALLMULTI"},
		{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_MASTER, "MASTER"}, {unix.IFF_SLAVE, "SLAVE"},
		{unix.IFF_DEBUG,
			"DEBUG"},
		{unix.IFF_DYNAMIC, "DYNAMIC"}, {unix.IFF_AUTOMEDIA, "AUTOMEDIA"}, {unix.IFF_PORTSEL, "PORTSEL"},
		{unix.IFF_NOTRAILERS, "NOTRAILERS"}, {unix.IFF_UP, "UP"}, {unix.IFF_LOWER_UP, "LOWER_UP"},
		{unix.IFF_DORMANT, "DORMANT"}, {unix.IFF_ECHO, "ECHO"},
	}
}

// addrFlags are the flags of an address but secondary and permanent (rtnetlink(7)).
func addrFlags() []bit {
	return []bit{
		{unix.IFA_F_NODAD, "nodad"}, {unix.IFA_F_OPTIMISTIC, "optimistic"}, {unix.IFA_F_DADFAILED, "dadfailed"},
		{unix.IFA_F_HOMEADDRESS, "home"}, {unix.IFA_F_DEPRECATED, "deprecated"}, {unix.IFA_F_TENTATIVE,
			"tentative"},
	}
}

// lateAddrFlags are those that come after "dynamic".
func lateAddrFlags() []bit {
	return []bit{
		{unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {unix.IFA_F_NOPREFIXROUTE, "noprefixroute"},
		{unix.IFA_F_MCAUTOJOIN, "autojoin"}, {unix.IFA_F_STABLE_PRIVACY, "stable-privacy"},
	}
}

// hopFlags are the flags of a route or of one of its next hops (linux/rtnetlink.h).
func hopFlags() []bit {
	return []bit{
		{unix.RTNH_F_DEAD, "dead"}, {unix.RTNH_F_ONLINK, "onlink"}, {unix.RTNH_F_PERVASIVE, "pervasive"},
		{unix.RTNH_F_LINKDOWN, "linkdown"}, {unix.RTNH_F_UNRESOLVED, "unresolved"},
	}
}

// namesOf returns the names of the bits that are set, and the bits without a name.
func namesOf(set uint32, bits []bit) (names []string, rest uint32) {
	for _, b := range bits {
		if set&b.mask != 0 {
			names = append(names, b.name)
			set &^= b.mask
		}
	}
	return names, set
}

// numbered is a number with its name.
type numbered struct {
	n    int
	name string
}

// nameOf returns the name of n, or n.
func nameOf(n int, names []numbered) string {
	for _, known := range names {
		if known.n == n {
			return known.name
		}
	}
	return strconv.Itoa(n)
}

// operState names a state of RFC 2863.
func operState(n int) string {
	return nameOf(n, []numbered{{0, "UNKNOWN"}, {1, "NOTPRESENT"}, {2, "DOWN"}, {3, "LOWERLAYERDOWN"}, {4,
		"TESTING"}, {5, "DORMANT"}, {6, "UP"}})
}

// groupName names a group of links.
func groupName(n uint32) string { return nameOf(int(n), []numbered{{0, "default"}}) }

// scopeName names a scope of an address or route.
func scopeName(n int) string {
	return nameOf(n, []numbered{{unix.RT_SCOPE_UNIVERSE, "global"}, {unix.RT_SCOPE_SITE, "site"},
		{unix.RT_SCOPE_LINK, "link"},
		{unix.RT_SCOPE_HOST, "host"}, {unix.RT_SCOPE_NOWHERE, "nowhere"}})
}

// tableName names a routing table.
func tableName(id int) string {
	return nameOf(id, []numbered{{unix.RT_TABLE_DEFAULT, "default"}, {unix.RT_TABLE_MAIN, "main"},
		{unix.RT_TABLE_LOCAL, "local"}})
}

// protocolName names who made a route. 71 is the appliance itself, and has no name
// in iproute2 either.
func protocolName(n int) string {
	return nameOf(n, []numbered{{unix.RTPROT_UNSPEC, "unspec"}, {unix.RTPROT_REDIRECT, "redirect"},
		{unix.RTPROT_KERNEL, "kernel"},
		{unix.RTPROT_BOOT, "boot"},
		{unix.RTPROT_STATIC, "static"}, {unix.RTPROT_RA, "ra"}, {unix.RTPROT_BIRD, "bird"}, {unix.RTPROT_DHCP,
			"dhcp"}})
}

// routeType names what becomes of the packets of a route.
func routeType(n int) string {
	return nameOf(n, []numbered{{unix.RTN_UNICAST, "unicast"}, {unix.RTN_LOCAL, "local"}, {unix.RTN_BROADCAST,
		"broadcast"},
		{unix.RTN_ANYCAST, "anycast"}, {unix.RTN_MULTICAST, "multicast"}, {unix.RTN_BLACKHOLE, "blackhole"},
		{unix.RTN_UNREACHABLE, "unreachable"}, {unix.RTN_PROHIBIT, "prohibit"}, {unix.RTN_THROW, "throw"}})
}

// neighStates are the states of a neighbour (RFC 4861 section 7.3.2, and Linux's own).
func neighStates() []bit {
	return []bit{
		{unix.NUD_INCOMPLETE, "INCOMPLETE"}, {unix.NUD_REACHABLE, "REACHABLE"}, {unix.NUD_STALE, "STALE"},
		{unix.NUD_DELAY, "DELAY"},
		{unix.NUD_PROBE, "PROBE"}, {unix.NUD_FAILED, "FAILED"}, {unix.NUD_NOARP, "NOARP"},
		{unix.NUD_PERMANENT,
			"PERMANENT"},
	}
}

// transportName names a protocol above IP.
func transportName(n int) string {
	for _, known := range []numbered{{unix.IPPROTO_ICMP, "icmp"}, {unix.IPPROTO_TCP, "tcp"},
		{unix.IPPROTO_UDP, "udp"},
		{unix.IPPROTO_GRE, "gre"}, {unix.IPPROTO_ESP, "esp"}, {unix.IPPROTO_AH, "ah"},
		{unix.IPPROTO_ICMPV6, "ipv6-icmp"},
		{unix.IPPROTO_SCTP, "sctp"}} {
		if known.n == n {
			return known.name
		}
	}
	return fmt.Sprint("ipproto-", n)
}

// tosText words a type of service.
func tosText(n int) string { return fmt.Sprintf("0x%02x", n) }
