package admin

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// protoName is what the site calls a protocol, or else its number.
func protoName(n uint8) string {
	for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP, firewall.SCTP, firewall.ICMP,
		firewall.ICMPv6, firewall.IPv6, firewall.GRE, firewall.ESP, firewall.AH} {
		if proto.Number() == uint32(n) {
			return string(proto)
		}
	}
	return fmt.Sprintf("protocol %d", n)
}

func isICMP(n uint8) bool {
	return uint32(n) == firewall.ICMP.Number() || uint32(n) == firewall.ICMPv6.Number()
}

// icmpName is what a type of ICMP or ICMPv6 is called (IANA's registries), with its code unless that is 0.
func icmpName(proto, kind, code uint8) string {
	names := map[uint8]string{0: "echo-reply", 3: "destination-unreachable", 5: "redirect", 8: "echo-request",
		9: "router-advertisement", 10: "router-solicitation", 11: "time-exceeded", 12: "parameter-problem",
		13: "timestamp-request", 14: "timestamp-reply"}
	if uint32(proto) == firewall.ICMPv6.Number() {
		names = map[uint8]string{1: "destination-unreachable", 2: "packet-too-big", 3: "time-exceeded",
			4: "parameter-problem", 128: "echo-request", 129: "echo-reply", 130: "mld-query",
			131: "mld-report", 132: "mld-done", 133: "router-solicitation", 134: "router-advertisement",
			135: "neighbour-solicitation", 136: "neighbour-advertisement", 137: "redirect", 143: "mld2-report"}
	}
	name := names[kind]
	if name == "" {
		name = fmt.Sprintf("type %d", kind)
	}
	if code != 0 {
		name += fmt.Sprintf(" code %d", code)
	}
	return name
}
