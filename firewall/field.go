package firewall

import "net/netip"

// A Field is a property of a packet.
type Field uint8

// The fields. A field of a protocol matches packets of that protocol only, also when the match is negated.
const (
	IIFName      Field = iota // interface it came in by
	OIFName                   // interface it will leave by
	IIF                       // the same, known by their indexes, which costs less to compare:
	OIF                       // one that is taken out and put in again is another
	NFProto                   // IPv4 or IPv6
	L4Proto                   // protocol over IP, behind any IPv6 extension headers
	PktType                   // to us, broadcast or multicast, as the link layer has it
	CTState                   // its conversation's state; Values are or-ed
	CTStatus                  // what happened to its conversation so far; Values are or-ed
	ReversePath               // 1 if a route leads back to its source by IIFName, else 0
	SaddrTypeOIF              // what kind of address its source is on OIFName (rtnetlink(7), rtm_type)
	DaddrType                 // what kind of address its destination is
	IPSaddr
	IPDaddr
	IP6Saddr
	IP6Daddr
	IP6HopLimit
	TCPDport
	TCPFlags
	UDPSport
	UDPDport
	SCTPDport
	THDport // destination port, whatever the protocol: only beside L4Proto
	ICMPType
	ICMPv6Type
	EtherSaddr    // of the card that sent it on its last link, where links have such
	ARPSaddrIP    // who it says has sent it; 0.0.0.0 asks whether an address is free (RFC 5227, 2.1.1)
	ARPSaddrEther // by which card
	// interface by which the routes lead to its destination; of one of our own or of everybody's: none
	WayOut
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

// VerdictKinds lists every verdict, for the same purpose.
func VerdictKinds() []VerdictKind {
	all := make([]VerdictKind, numVerdicts)
	for i := range all {
		all[i] = VerdictKind(i)
	}
	return all
}

// A Kind is the type of a field's values.
type Kind uint8

// The kinds, by the name that nft gives them where it has one.
const (
	KindIfname     Kind = iota // ifname: Value.Name
	KindIfindex                // iface_index: Value.Lo, and the name in Value.Name
	KindIPv4                   // ipv4_addr: Value.Prefix
	KindIPv6                   // ipv6_addr: Value.Prefix
	KindPort                   // inet_service: this and all below Value.Lo to Value.Hi
	KindProto                  // inet_proto
	KindICMPType               // icmp_type
	KindICMPv6Type             // icmpv6_type
	KindNFProto                // nf_proto
	KindPktType                // pkt_type
	KindCTState                // ct_state, a bit mask
	KindCTStatus               // ct_status, a bit mask
	KindTCPFlags               // tcp_flag, a bit mask
	KindAddrType               // fib_addrtype
	KindBool                   // boolean
	KindByte                   // integer of 8 bits
	KindEther                  // ether_addr: only as the key of a Meter or of a Learn
)

// Kind is the type of f's values.
func (f Field) Kind() Kind {
	switch f {
	case IIFName, OIFName, WayOut:
		return KindIfname
	case IIF, OIF:
		return KindIfindex
	case IPSaddr, IPDaddr, ARPSaddrIP:
		return KindIPv4
	case IP6Saddr, IP6Daddr:
		return KindIPv6
	case TCPDport, UDPSport, UDPDport, SCTPDport, THDport:
		return KindPort
	case SaddrTypeOIF, DaddrType:
		return KindAddrType
	}
	return map[Field]Kind{
		NFProto: KindNFProto, L4Proto: KindProto, PktType: KindPktType, CTState: KindCTState,
		CTStatus: KindCTStatus, ReversePath: KindBool, IP6HopLimit: KindByte, TCPFlags: KindTCPFlags,
		ICMPType: KindICMPType, ICMPv6Type: KindICMPv6Type, EtherSaddr: KindEther, ARPSaddrEther: KindEther,
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
	ProtoIPv6   = 41
	ProtoGRE    = 47
	ProtoESP    = 50
	ProtoAH     = 51
	ProtoICMPv6 = 58
	ProtoSCTP   = 132

	PktToHost = 0 // linux/if_packet.h PACKET_HOST

	CTInvalid     = 1 << 0 // linux/netfilter/nf_conntrack_common.h NF_CT_STATE_BIT
	CTEstablished = 1 << 1
	CTRelated     = 1 << 2
	CTNew         = 1 << 3
	CTUntracked   = 1 << 6

	// linux/netfilter/nf_conntrack_common.h IPS_CONFIRMED: a packet of it has passed
	CTStatusConfirmed = 1 << 3
	CTStatusSNAT      = 1 << 4 // IPS_SRC_NAT
	CTStatusDNAT      = 1 << 5 // IPS_DST_NAT

	AddrUnicast = 1 // linux/rtnetlink.h RTN_UNICAST
	AddrLocal   = 2 // RTN_LOCAL

	TCPFin = 0x01 // RFC 9293, 3.1
	TCPSyn = 0x02
	TCPRst = 0x04
	TCPAck = 0x10

	icmpRedirect      = 5   // RFC 792
	mldQuery          = 130 // RFC 2710
	mldReport         = 131
	mldDone           = 132
	mld2Report        = 143 // RFC 3810
	ndRouterSolicit   = 133 // RFC 4861
	ndRouterAdvert    = 134
	ndNeighborSolicit = 135
	ndNeighborAdvert  = 136
	ndRedirect        = 137
)
