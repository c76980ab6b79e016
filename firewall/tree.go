package firewall

import "net/netip"

// A Table is a ruleset of the inet family (IPv4 and IPv6): the root of the tree.
type Table struct {
	Name   string
	Sets   []Set
	Maps   []Map
	Chains []Chain
}

// A Set is a named collection of keys; a [Match] asks whether a packet's fields are one of them.
type Set struct {
	Name     string
	Key      []Field // several: a concatenation
	Interval bool    // its values may be prefixes and ranges, which must not overlap
	Elements []Element
}

// A Map gives each of its keys a verdict: one lookup however many there are. A [VerdictDispatch] uses it.
type Map struct {
	Name     string
	Key      []Field // what is looked up, in this order
	Elements []Element
}

// An Element is a key of a Set or Map.
type Element struct {
	Key     []Value // one per field of the Set's or Map's key
	Verdict Verdict // of a Map: accept, drop, jump or goto
}

// A Chain is a list of rules, tried from the top. Without Hook it is reached by jump, goto or a Map.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []Rule
}

// A Hook is where the kernel runs a chain.
type Hook struct {
	Type     ChainType
	Point    Point
	Priority int         // lower is earlier; the named ones are constants here
	Policy   VerdictKind // accept or drop: the fate of a packet that no rule decided
}

// A ChainType is what a hooked chain may do.
type ChainType string

// The chain types.
const (
	Filter ChainType = "filter"
	NAT    ChainType = "nat" // sees the first packet of a conversation only
)

// A Point is a place on a packet's way through the kernel.
type Point string

// The points, in the order a forwarded packet meets them.
const (
	Prerouting  Point = "prerouting"
	Input       Point = "input"
	Forward     Point = "forward"
	Postrouting Point = "postrouting"
)

// Priorities of hooks (include/uapi/linux/netfilter_ipv4.h). Conntrack sits at -200: Raw is before it, all others after.
const (
	PriorityRaw    = -300
	PriorityFilter = 0
	PrioritySrcNAT = 100
)

// A Rule gives its verdict to the packets that all its matches accept. Parts apply in the order of the fields.
type Rule struct {
	Matches []Match
	Limit   Rate   // zero: none; above the rate the rule does not apply
	Counter bool   // count what got this far
	Log     string // non-empty: one line to the kernel log, level info, with this prefix
	Verdict Verdict
	Comment string // shown behind the rule; at most 127 bytes, no quote
}

// A Match compares fields of a packet with values, or with the keys of a named set.
type Match struct {
	Fields []Field // several (a concatenation): only with Set
	Not    bool    // only with Set, or with one Value that is no range and not of CTState
	Values []Value // any of them; several only of kinds that are no names and no bits
	Set    string
}

// A Verdict is what happens to a packet.
type Verdict struct {
	Kind   VerdictKind
	Target string // of VerdictJump and VerdictGoto a chain, of VerdictDispatch a Map
}

// A VerdictKind is a verdict without its target.
type VerdictKind uint8

// The verdicts. VerdictNone goes on with the next rule.
const (
	VerdictNone        VerdictKind = iota
	VerdictAccept                  // the packet passes this hook
	VerdictDrop                    // and nobody is told
	VerdictRejectICMP              // and the sender gets ICMP or ICMPv6 "administratively prohibited"
	VerdictRejectReset             // and the sender gets a TCP reset; the rule must match TCP
	VerdictJump                    // go to the chain Target and come back
	VerdictGoto                    // go to the chain Target for good
	VerdictDispatch                // the verdict that the map Target has for this packet, if any
	VerdictMasquerade              // the source becomes the address of the outgoing interface
)

// A Field is a property of a packet.
type Field uint8

// The fields. A field of a protocol matches packets of that protocol only, also when the match is negated.
const (
	IIFName      Field = iota // interface it came in by
	OIFName                   // interface it will leave by
	NFProto                   // IPv4 or IPv6
	L4Proto                   // protocol over IP, behind any IPv6 extension headers
	PktType                   // to us, broadcast or multicast, as the link layer has it
	CTState                   // its conversation's state; Values are or-ed
	ReversePath               // 1 if a route leads back to its source by IIFName, else 0
	SaddrTypeOIF              // what kind of address its source is on OIFName (rtnetlink(7), rtm_type)
	IPSaddr
	IPDaddr
	IP6Saddr
	IP6Daddr
	IP6HopLimit
	TCPDport
	UDPSport
	UDPDport
	ICMPType
	ICMPv6Type
	numFields
)

// Fields lists every field, so that a rendering can be tested for having them all.
func Fields() []Field {
	all := make([]Field, numFields)
	for i := range all {
		all[i] = Field(i)
	}
	return all
}

// A Kind is the type of a field's values.
type Kind uint8

// The kinds, by the name that nft gives them where it has one.
const (
	KindIfname     Kind = iota // ifname: Value.Name
	KindIPv4                   // ipv4_addr: Value.Prefix
	KindIPv6                   // ipv6_addr: Value.Prefix
	KindPort                   // inet_service: this and all below Value.Lo to Value.Hi
	KindProto                  // inet_proto
	KindICMPType               // icmp_type
	KindICMPv6Type             // icmpv6_type
	KindNFProto                // nf_proto
	KindPktType                // pkt_type
	KindCTState                // ct_state, a bit mask
	KindAddrType               // fib_addrtype
	KindBool                   // boolean
	KindByte                   // integer of 8 bits
)

// Kind is the type of f's values.
func (f Field) Kind() Kind {
	switch f {
	case IIFName, OIFName:
		return KindIfname
	case IPSaddr, IPDaddr:
		return KindIPv4
	case IP6Saddr, IP6Daddr:
		return KindIPv6
	case TCPDport, UDPSport, UDPDport:
		return KindPort
	}
	return map[Field]Kind{
		NFProto: KindNFProto, L4Proto: KindProto, PktType: KindPktType, CTState: KindCTState, ReversePath: KindBool,
		SaddrTypeOIF: KindAddrType, IP6HopLimit: KindByte, ICMPType: KindICMPType, ICMPv6Type: KindICMPv6Type,
	}[f]
}

// A Value is what a field may be; the field's [Kind] says which member counts.
type Value struct {
	Name   string
	Prefix netip.Prefix
	Lo, Hi uint32
}

// Single reports whether v is one value rather than a prefix or range of several.
func (v Value) Single() bool {
	return v.Lo == v.Hi && (!v.Prefix.IsValid() || v.Prefix.IsSingleIP())
}

// Numbers of the kernel and of IANA's registries that rules compare with.
const (
	NFProtoIPv4 = 2  // linux/netfilter.h
	NFProtoIPv6 = 10 // linux/netfilter.h

	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58

	PktToHost = 0 // linux/if_packet.h PACKET_HOST

	CTInvalid     = 1 << 0 // linux/netfilter/nf_conntrack_common.h NF_CT_STATE_BIT
	CTEstablished = 1 << 1
	CTRelated     = 1 << 2

	AddrLocal = 2 // linux/rtnetlink.h RTN_LOCAL

	icmpRedirect      = 5 // RFC 792
	icmpEchoRequest   = 8
	mldQuery          = 130 // RFC 2710
	mldReport         = 131
	mldDone           = 132
	mld2Report        = 143 // RFC 3810
	icmpv6EchoRequest = 128
	ndRouterSolicit   = 133 // RFC 4861
	ndRouterAdvert    = 134
	ndNeighborSolicit = 135
	ndNeighborAdvert  = 136
	ndRedirect        = 137
)
