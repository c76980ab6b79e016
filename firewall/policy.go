package firewall

import (
	"fmt"
	"strconv"
	"strings"
)

// Box is the name by which [Allow.To] means the appliance itself. No [Zone] may carry it.
const Box = "box"

// A Policy says who may start a conversation with whom. Whatever it does not allow is refused, in IPv4 as in IPv6;
// replies to what it allows always pass. The appliance itself may send anything, except private sources out of a zone
// that masquerades. Its JSON form round-trips.
type Policy struct {
	Zones      []Zone       `json:"zones"`
	Allow      []Allow      `json:"allow,omitempty"`
	Masquerade []Masquerade `json:"masquerade,omitempty"`
	Log        Rate         `json:"log,omitzero"` // upper bound on log lines about refused packets; zero: refuse without a word
}

// A Zone is a set of interfaces whose networks are trusted alike.
type Zone struct {
	Name       string   `json:"name"`       // letters, digits and '-', starting with a letter; never [Box]
	Interfaces []string `json:"interfaces"` // kernel names; they need not exist yet, and each is in one zone only
	Refuse     Refusal  `json:"refuse"`
	// RouterAdverts accepts RAs from routers of this zone (RFC 4861, 4.2): a WAN that configures itself from them.
	RouterAdverts bool `json:"router_adverts,omitempty"`
}

// A Refusal is how a zone is told that its packet was not allowed.
type Refusal string

// The refusals. The zero value is an error, so that nobody gets one by forgetting the other.
const (
	Drop   Refusal = "drop"   // silence: for a zone of strangers
	Reject Refusal = "reject" // TCP reset, else ICMP "administratively prohibited": programs of our own hosts fail at once
)

// An Allow lets conversations start in any zone of From towards any zone of To.
type Allow struct {
	From     []string  `json:"from"`               // zone names
	To       []string  `json:"to"`                 // zone names or [Box]; a zone may be allowed to itself
	Services []Service `json:"services,omitempty"` // any of them; none: everything, but towards [Box] it must be spelt out
	Rate     Rate      `json:"rate,omitzero"`      // new conversations; above it they are refused. Zero: no bound
	Origin   string    `json:"origin,omitempty"`   // the line of the site it comes from; shown as comment
}

// A Service is what one name stands for: dns is UDP and TCP port 53. See [Known].
type Service struct {
	Name  string `json:"name"`
	Flows []Flow `json:"flows"` // any of them
}

// A Flow is one kind of packet that starts a conversation.
type Flow struct {
	Proto Proto       `json:"proto"`
	Ports []PortRange `json:"ports,omitempty"` // destination ports of tcp and udp; none: every port
	Types []uint8     `json:"types,omitempty"` // types of icmp and icmpv6; there must be one
}

// A Proto is a protocol over IP, by its name in IANA's registry.
type Proto string

// The protocols a [Flow] can name.
const (
	TCP    Proto = "tcp"
	UDP    Proto = "udp"
	ICMP   Proto = "icmp"   // IPv4 only
	ICMPv6 Proto = "icmpv6" // IPv6 only
)

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

// A Masquerade gives IPv4 conversations from any zone of From to zone To the address of the interface they leave by.
// Private sources that it does not translate never leave through To.
type Masquerade struct {
	From []string `json:"from"`
	To   string   `json:"to"`
}

// A Rate is a token bucket: PerSecond on average, Burst at once. The zero Rate means none.
type Rate struct {
	PerSecond uint32 `json:"per_second"`
	Burst     uint32 `json:"burst"`
}

// Known gives the service of a name that everybody spells the same: dhcp, dns, ntp, ping, ra, ssh.
func Known(name string) (Service, bool) {
	flows, ok := map[string][]Flow{
		"dhcp": {{Proto: UDP, Ports: []PortRange{Port(67)}}},
		"dns":  {{Proto: UDP, Ports: []PortRange{Port(53)}}, {Proto: TCP, Ports: []PortRange{Port(53)}}},
		"ntp":  {{Proto: UDP, Ports: []PortRange{Port(123)}}},
		"ping": {{Proto: ICMP, Types: []uint8{icmpEchoRequest}}, {Proto: ICMPv6, Types: []uint8{icmpv6EchoRequest}}},
		"ra":   {{Proto: ICMPv6, Types: []uint8{ndRouterSolicit}}},
		"ssh":  {{Proto: TCP, Ports: []PortRange{Port(22)}}},
	}[name]
	return Service{Name: name, Flows: flows}, ok
}
