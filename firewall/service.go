package firewall

import (
	"fmt"
	"strconv"
	"strings"
)

// A Service is what one name stands for: dns is UDP and TCP port 53.
type Service struct {
	Name  string `json:"name"`
	Flows []Flow `json:"flows"` // any of them
	// Helper is the name of the [Helper] that what a rule allows of it gets; "": none.
	Helper string `json:"helper,omitempty"`
}

// A Flow is one kind of packet that starts a conversation.
type Flow struct {
	Proto Proto       `json:"proto"`
	Ports []PortRange `json:"ports,omitempty"` // destination ports of tcp, udp and sctp; none: every port
	Types []uint8     `json:"types,omitempty"` // types of icmp and icmpv6; there must be one
}

// A Proto is a protocol over IP, by its name in IANA's registry in lower case.
type Proto string

// The protocols a [Flow] can name.
const (
	TCP    Proto = "tcp"
	UDP    Proto = "udp"
	SCTP   Proto = "sctp"
	ICMP   Proto = "icmp"   // IPv4 only
	ICMPv6 Proto = "icmpv6" // IPv6 only
	IPv6   Proto = "ipv6"   // IPv6 in IPv4, protocol 41 (RFC 4213)
	GRE    Proto = "gre"
	ESP    Proto = "esp"
	AH     Proto = "ah"
)

// Number is the protocol's number, 0 for one that no [Flow] can name.
func (p Proto) Number() uint32 {
	return map[Proto]uint32{TCP: ProtoTCP, UDP: ProtoUDP, SCTP: ProtoSCTP, ICMP: ProtoICMP,
		ICMPv6: ProtoICMPv6, IPv6: ProtoIPv6, GRE: ProtoGRE, ESP: ProtoESP, AH: ProtoAH}[p]
}

// hasPorts reports whether conversations of p have ports.
func (p Proto) hasPorts() bool { return p == TCP || p == UDP || p == SCTP }

// A PortRange is First to Last, both included. As text it is "53" or "5000-5999".
type PortRange struct{ First, Last uint16 }

// Port is the range of one port.
func Port(p uint16) PortRange { return PortRange{p, p} }

// String writes r as "53" or "5000-5999".
func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalText is [PortRange.String].
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads "53" or "5000-5999".
func (r *PortRange) UnmarshalText(text []byte) error {
	first, last, isRange := strings.Cut(string(text), "-")
	if !isRange {
		last = first
	}
	lo, errLo := strconv.ParseUint(first, 10, 16)
	hi, errHi := strconv.ParseUint(last, 10, 16)
	if errLo != nil || errHi != nil || lo > hi {
		return fmt.Errorf("port %q: expected a port such as 53 or a range such as 5000-5999", text)
	}
	*r = PortRange{uint16(lo), uint16(hi)}
	return nil
}
