package filter

// protocolWord are the words for protocols that qualify what follows, or stand for themselves.
func protocolWord(s string) bool {
	switch s {
	case "ether", "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp",
		"pim", "vrrp", "carp", "ah", "esp":
		return true
	}
	return false
}

// keyword says whether a word has a meaning of its own, so that it is no name. Known are also the words that
// are refused.
func keyword(s string) bool {
	switch s {
	case "src", "dst", "host", "net", "mask", "port", "portrange", "proto", "protochain", "gateway", "less",
		"greater", "byte", "broadcast", "multicast", "and", "or", "not", "len", "length", "inbound",
		"outbound", "ifindex", "vlan", "mpls", "pppoed", "pppoes", "geneve", "fddi", "tr", "wlan", "ppp",
		"slip", "radio", "atalk", "aarp", "decnet", "iso", "stp", "ipx", "netbeui", "lat", "moprc", "mopdl",
		"llc", "type", "subtype", "dir", "addr1", "addr2", "addr3", "addr4", "ra", "ta":
		return true
	}
	return protocolWord(s)
}

// etherTypes are the protocols above Ethernet that have a name.
func etherTypes() map[string]uint32 {
	return map[string]uint32{
		"ip": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ip6": 0x86dd, "atalk": 0x809b, "aarp": 0x80f3,
		"decnet": 0x6003, "lat": 0x6004, "loopback": 0x9000, "mopdl": 0x6001, "moprc": 0x6002, "sca": 0x6007,
	}
}

// protocols are those above IP, as protocols(5) has them.
func protocols() map[string]uint32 {
	return map[string]uint32{
		"icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "igrp": 9, "udp": 17, "dccp": 33,
		"ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51,
		"ipv6-icmp": 58, "icmp6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "ipip": 94,
		"encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "carp": 112, "l2tp": 115, "isis": 124,
		"sctp": 132, "udplite": 136, "hopopt": 0,
	}
}

// A service is a port with a name; both is of TCP and UDP.
type service struct {
	port     uint32
	protocol uint32 // 0: both
}

// services are those that a router's people ask for, as services(5) has them.
func services() map[string]service {
	return map[string]service{
		"ftp-data": {20, 6}, "ftp": {21, 6}, "ssh": {22, 6}, "telnet": {23, 6}, "smtp": {25, 6},
		"time": {37, 0}, "domain": {53, 0}, "bootps": {67, 17}, "bootpc": {68, 17}, "tftp": {69, 17},
		"http": {80, 6}, "www": {80, 6}, "kerberos": {88, 0}, "pop3": {110, 6}, "sunrpc": {111, 0},
		"auth": {113, 6}, "nntp": {119, 6}, "ntp": {123, 17}, "imap2": {143, 6}, "imap": {143, 6},
		"snmp": {161, 0}, "snmp-trap": {162, 0}, "bgp": {179, 6}, "ldap": {389, 0}, "https": {443, 0},
		"microsoft-ds": {445, 0}, "submission": {587, 6}, "isakmp": {500, 17}, "syslog": {514, 17},
		"shell": {514, 6}, "route": {520, 17}, "dhcpv6-client": {546, 17}, "dhcpv6-server": {547, 17},
		"ldaps": {636, 0}, "imaps": {993, 6}, "pop3s": {995, 6}, "domain-s": {853, 0}, "openvpn": {1194, 0},
		"iscsi-target": {3260, 6}, "nfs": {2049, 0}, "mysql": {3306, 6}, "sip": {5060, 0}, "mdns": {5353, 17},
		"nbd": {10809, 6},
	}
}

// constants are the numbers that have a name.
func constants() map[string]uint32 {
	return map[string]uint32{
		"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1, "tcpflags": 13,
		"tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64,
		"tcp-cwr": 128, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5,
		"icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11,
		"icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15,
		"icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18, "icmp6-destinationunreach": 1,
		"icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4, "icmp6-echo": 128,
		"icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130, "icmp6-multicastlistenerreportv1": 131,
		"icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133, "icmp6-routeradvert": 134,
		"icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
		"icmp6-multicastlistenerreportv2": 143,
	}
}

// Service is the name of a port of TCP or UDP; "" without one.
func Service(udp bool, port uint16) (name string) {
	want := uint32(protoTCP)
	if udp {
		want = protoUDP
	}
	for n, s := range services() {
		if s.port == uint32(port) && (s.protocol == 0 || s.protocol == want) && (name == "" || n < name) {
			name = n
		}
	}
	return name
}
