package nfttext

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// match writes one comparison, such as `tcp dport { 53, 853 }`.
func match(m firewall.Match) string {
	text := fieldNames(m.Fields)
	if m.Bits > 0 {
		text += " & " + mask(m.Fields[0], m.Bits)
	}
	if m.Mask != 0 {
		return masked(text, m)
	}
	if m.Not {
		text += " !="
	}
	if m.Set != "" {
		return text + " @" + m.Set
	}
	kind := m.Fields[0].Kind()
	values := make([]string, len(m.Values))
	for i, v := range m.Values {
		values[i] = value(kind, v)
	}
	if len(values) == 1 {
		return text + " " + values[0]
	}
	return text + " { " + strings.Join(values, ", ") + " }"
}

// masked writes a comparison of some bits, such as `tcp flags & (fin|syn) == syn`.
func masked(field string, m firewall.Match) string {
	op := "=="
	if m.Not {
		op = "!="
	}
	kind := m.Fields[0].Kind()
	return fmt.Sprintf("%s & (%s) %s %s", field, bits(kind, m.Mask, "|"), op, bits(kind, m.Values[0].Lo, "|"))
}

// mask writes the netmask of that many bits, for addresses of the family of f.
func mask(f firewall.Field, bits int) string {
	all := netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	if f.Kind() == firewall.KindIPv4 {
		all = netip.MustParseAddr("255.255.255.255")
	}
	return netip.PrefixFrom(all, bits).Masked().Addr().String()
}

// fieldNames writes fields as nft(8) names them, concatenated if there are several.
func fieldNames(fields []firewall.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = fieldName(f)
	}
	return strings.Join(names, " . ")
}

func fieldName(f firewall.Field) string {
	return map[firewall.Field]string{
		firewall.IIFName:      "iifname",
		firewall.OIFName:      "oifname",
		firewall.IIF:          "iif",
		firewall.OIF:          "oif",
		firewall.NFProto:      "meta nfproto",
		firewall.L4Proto:      "meta l4proto",
		firewall.PktType:      "meta pkttype",
		firewall.CTState:      "ct state",
		firewall.CTStatus:     "ct status",
		firewall.ReversePath:  "fib saddr . iif oif",
		firewall.SaddrTypeOIF: "fib saddr . oif type",
		firewall.DaddrType:    "fib daddr type",
		firewall.WayOut:       "fib daddr oifname",
		firewall.IPSaddr:      "ip saddr",
		firewall.IPDaddr:      "ip daddr",
		firewall.IP6Saddr:     "ip6 saddr",
		firewall.IP6Daddr:     "ip6 daddr",
		firewall.IP6HopLimit:  "ip6 hoplimit",
		firewall.TCPDport:     "tcp dport",
		firewall.TCPFlags:     "tcp flags",
		firewall.UDPSport:     "udp sport",
		firewall.UDPDport:     "udp dport",
		firewall.SCTPDport:    "sctp dport",
		firewall.THDport:      "th dport",
		firewall.ICMPType:     "icmp type",
		firewall.ICMPv6Type:   "icmpv6 type",
		firewall.EtherSaddr:   "ether saddr",

		firewall.ARPSaddrIP: "arp saddr ip", firewall.ARPSaddrEther: "arp saddr ether",
	}[f]
}

// keyType is the type of a set's key, as nft(8) names it.
func keyType(key []firewall.Field) string {
	kinds := make([]firewall.Kind, len(key))
	for i, f := range key {
		kinds[i] = f.Kind()
	}
	return kindNames(kinds)
}

func kindNames(kinds []firewall.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = map[firewall.Kind]string{
			firewall.KindIfname: "ifname", firewall.KindIfindex: "iface_index",
			firewall.KindIPv4: "ipv4_addr", firewall.KindIPv6: "ipv6_addr", firewall.KindPort: "inet_service",
			firewall.KindProto: "inet_proto", firewall.KindICMPType: "icmp_type",
			firewall.KindICMPv6Type: "icmpv6_type", firewall.KindNFProto: "nf_proto",
			firewall.KindPktType: "pkt_type", firewall.KindCTState: "ct_state",
			firewall.KindCTStatus: "ct_status", firewall.KindTCPFlags: "tcp_flag",
			firewall.KindAddrType: "fib_addrtype", firewall.KindBool: "boolean", firewall.KindByte: "integer",
			firewall.KindEther: "ether_addr",
		}[k]
	}
	return strings.Join(names, " . ")
}

// value writes one value of a kind.
func value(kind firewall.Kind, v firewall.Value) string {
	switch kind {
	case firewall.KindIfname, firewall.KindIfindex:
		return `"` + v.Name + `"`
	case firewall.KindIPv4, firewall.KindIPv6:
		if v.Prefix.IsSingleIP() {
			return v.Prefix.Addr().String()
		}
		return v.Prefix.String()
	case firewall.KindCTState, firewall.KindCTStatus, firewall.KindTCPFlags:
		return bits(kind, v.Lo, ",")
	}
	if v.Lo == v.Hi {
		return number(kind, v.Lo)
	}
	return fmt.Sprintf("%d-%d", v.Lo, v.Hi)
}

// number writes n by its symbol where nft(8) has one.
func number(kind firewall.Kind, n uint32) string {
	symbols := map[firewall.Kind]map[uint32]string{
		firewall.KindProto: {firewall.ProtoICMP: "icmp", firewall.ProtoTCP: "tcp", firewall.ProtoUDP: "udp",
			firewall.ProtoICMPv6: "ipv6-icmp", firewall.ProtoESP: "esp", firewall.ProtoAH: "ah",
			firewall.ProtoSCTP: "sctp"},
		firewall.KindICMPType: {0: "echo-reply", 3: "destination-unreachable", 5: "redirect",
			8: "echo-request", 11: "time-exceeded", 12: "parameter-problem"},
		firewall.KindICMPv6Type: {1: "destination-unreachable", 2: "packet-too-big", 3: "time-exceeded",
			4: "parameter-problem", 128: "echo-request", 129: "echo-reply", 130: "mld-listener-query",
			131: "mld-listener-report", 132: "mld-listener-done", 133: "nd-router-solicit", 134: "nd-router-advert",
			135: "nd-neighbor-solicit", 136: "nd-neighbor-advert", 143: "mld2-listener-report"},
		firewall.KindNFProto:  {firewall.NFProtoIPv4: "ipv4", firewall.NFProtoIPv6: "ipv6"},
		firewall.KindPktType:  {firewall.PktToHost: "host"},
		firewall.KindAddrType: {firewall.AddrUnicast: "unicast", firewall.AddrLocal: "local"},
		firewall.KindBool:     {0: "missing", 1: "exists"},
	}
	if symbol, ok := symbols[kind][n]; ok {
		return symbol
	}
	return strconv.FormatUint(uint64(n), 10)
}

// bits writes the names of the bits of n.
func bits(kind firewall.Kind, n uint32, separator string) string {
	names := map[firewall.Kind][]string{
		firewall.KindCTState:  {"invalid", "established", "related", "new", "", "", "untracked"},
		firewall.KindCTStatus: {"expected", "seen-reply", "assured", "confirmed", "snat", "dnat"},
		firewall.KindTCPFlags: {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"},
	}[kind]
	var set []string
	for i, name := range names {
		if n&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, separator)
}
