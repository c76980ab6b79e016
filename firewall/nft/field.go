package nft

import (
	"github.com/google/nftables/expr"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A loader fetches a field of the packet into a register. What is only there in one protocol says in which,
// and the rule asks for that first.
type loader struct {
	family uint32 // of IP: NFProtoIPv4 or NFProtoIPv6; 0: any
	proto  uint32 // over IP; 0: any
	expr   func(register uint32) expr.Any
	ether  bool // only on links with Ethernet addresses
}

var loaders = map[firewall.Field]loader{
	firewall.IIFName:      {expr: meta(expr.MetaKeyIIFNAME)},
	firewall.OIFName:      {expr: meta(expr.MetaKeyOIFNAME)},
	firewall.IIF:          {expr: meta(expr.MetaKeyIIF)},
	firewall.OIF:          {expr: meta(expr.MetaKeyOIF)},
	firewall.NFProto:      {expr: meta(expr.MetaKeyNFPROTO)},
	firewall.L4Proto:      {expr: meta(expr.MetaKeyL4PROTO)},
	firewall.PktType:      {expr: meta(expr.MetaKeyPKTTYPE)},
	firewall.CTState:      {expr: conntrack(expr.CtKeySTATE)},
	firewall.CTStatus:     {expr: conntrack(expr.CtKeySTATUS)},
	firewall.ReversePath:  {expr: reversePath},
	firewall.SaddrTypeOIF: {expr: saddrTypeOIF},
	firewall.DaddrType:    {expr: daddrType},
	firewall.WayOut:       {expr: wayOut},
	firewall.IPSaddr:      {family: firewall.NFProtoIPv4, expr: network(12, 4)},
	firewall.IPDaddr:      {family: firewall.NFProtoIPv4, expr: network(16, 4)},
	firewall.IP6Saddr:     {family: firewall.NFProtoIPv6, expr: network(8, 16)},
	firewall.IP6Daddr:     {family: firewall.NFProtoIPv6, expr: network(24, 16)},
	firewall.IP6HopLimit:  {family: firewall.NFProtoIPv6, expr: network(7, 1)},
	firewall.TCPDport:     {proto: firewall.ProtoTCP, expr: transport(2, 2)},
	firewall.TCPFlags:     {proto: firewall.ProtoTCP, expr: transport(13, 1)},
	firewall.UDPSport:     {proto: firewall.ProtoUDP, expr: transport(0, 2)},
	firewall.UDPDport:     {proto: firewall.ProtoUDP, expr: transport(2, 2)},
	firewall.SCTPDport:    {proto: firewall.ProtoSCTP, expr: transport(2, 2)},
	firewall.THDport:      {expr: transport(2, 2)},
	firewall.ICMPType:     {family: firewall.NFProtoIPv4, proto: firewall.ProtoICMP, expr: transport(0, 1)},
	firewall.ICMPv6Type:   {family: firewall.NFProtoIPv6, proto: firewall.ProtoICMPv6, expr: transport(0, 1)},
	firewall.EtherSaddr:   {ether: true, expr: linkLayer(6, 6)},

	// The kernel has seen to the lengths of addresses before it asks (net/ipv4/arp.c, arp_rcv).
	firewall.ARPSaddrEther: {expr: network(8, 6)},
	firewall.ARPSaddrIP:    {expr: network(14, 4)},
}

func meta(key expr.MetaKey) func(uint32) expr.Any {
	return func(r uint32) expr.Any { return &expr.Meta{Key: key, Register: r} }
}

func conntrack(key expr.CtKey) func(uint32) expr.Any {
	return func(r uint32) expr.Any { return &expr.Ct{Key: key, Register: r} }
}

func network(offset, length uint32) func(uint32) expr.Any {
	return func(r uint32) expr.Any {
		return &expr.Payload{DestRegister: r, Base: expr.PayloadBaseNetworkHeader, Offset: offset,
			Len: length}
	}
}

func linkLayer(offset, length uint32) func(uint32) expr.Any {
	return func(r uint32) expr.Any {
		return &expr.Payload{DestRegister: r, Base: expr.PayloadBaseLLHeader, Offset: offset, Len: length}
	}
}

func transport(offset, length uint32) func(uint32) expr.Any {
	return func(r uint32) expr.Any {
		return &expr.Payload{DestRegister: r, Base: expr.PayloadBaseTransportHeader, Offset: offset,
			Len: length}
	}
}

func reversePath(r uint32) expr.Any {
	return &expr.Fib{Register: r, FlagSADDR: true, FlagIIF: true, ResultOIF: true, FlagPRESENT: true}
}

func saddrTypeOIF(r uint32) expr.Any {
	return &expr.Fib{Register: r, FlagSADDR: true, FlagOIF: true, ResultADDRTYPE: true}
}

func daddrType(r uint32) expr.Any {
	return &expr.Fib{Register: r, FlagDADDR: true, ResultADDRTYPE: true}
}

func wayOut(r uint32) expr.Any {
	return &expr.Fib{Register: r, FlagDADDR: true, ResultOIFNAME: true}
}
