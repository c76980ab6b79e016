package tcpdump

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
)

// The stations of the recorded file.
var (
	cardA  = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	cardB  = net.HardwareAddr{2, 0, 0, 0, 0, 2}
	all    = net.HardwareAddr{255, 255, 255, 255, 255, 255}
	groupM = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
)

func frame(t testing.TB, parts ...gopacket.SerializableLayer) []byte {
	t.Helper()
	for _, p := range parts {
		switch p := p.(type) {
		case interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}:
			for _, n := range parts {
				if n, ok := n.(gopacket.NetworkLayer); ok {
					_ = p.SetNetworkLayerForChecksum(n)
				}
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func ether(src, dst net.HardwareAddr, kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: src, DstMAC: dst, EthernetType: kind}
}

func tagged(id uint16, kind layers.EthernetType) *layers.Dot1Q {
	return &layers.Dot1Q{VLANIdentifier: id, Priority: 3, Type: kind}
}

func ip4(src, dst string, p layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: 7, SrcIP: net.ParseIP(src).To4(), DstIP: net.ParseIP(dst).To4(), Protocol: p}
}

func ip6(src, dst string, p layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 255, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst), NextHeader: p}
}

func udp(src, dst uint16) *layers.UDP {
	return &layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}
}

func arp(op uint16, from net.HardwareAddr, src string, to net.HardwareAddr, dst string) *layers.ARP {
	return &layers.ARP{AddrType: 1, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
		SourceHwAddress: from, SourceProtAddress: netip.MustParseAddr(src).AsSlice(), DstHwAddress: to,
		DstProtAddress: netip.MustParseAddr(dst).AsSlice()}
}

func dnsQuery(name string) *layers.DNS {
	return &layers.DNS{ID: 4660, RD: true, Questions: []layers.DNSQuestion{{Name: []byte(name), Type: layers.DNSTypeA, Class: layers.DNSClassIN}}}
}

func dnsReply(name string) *layers.DNS {
	d := dnsQuery(name)
	d.QR, d.RA = true, true
	d.Answers = []layers.DNSResourceRecord{
		{Name: []byte(name), Type: layers.DNSTypeCNAME, Class: layers.DNSClassIN, TTL: 60, CNAME: []byte("b." + name)},
		{Name: []byte("b." + name), Type: layers.DNSTypeA, Class: layers.DNSClassIN, TTL: 60, IP: net.IP{192, 0, 2, 7}},
	}
	return d
}

func dhcp(op layers.DHCPOp, kind layers.DHCPMsgType) *layers.DHCPv4 {
	d := &layers.DHCPv4{Operation: op, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: 0x1234, ClientHWAddr: cardA,
		Options: layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}}
	if op == layers.DHCPOpReply {
		d.YourClientIP = net.IP{10, 0, 0, 9}
		d.Options = append(d.Options, layers.NewDHCPOption(layers.DHCPOptServerID, []byte{10, 0, 0, 1}),
			layers.NewDHCPOption(layers.DHCPOptLeaseTime, []byte{0, 0, 14, 16}),
			layers.NewDHCPOption(layers.DHCPOptSubnetMask, []byte{255, 255, 255, 0}),
			layers.NewDHCPOption(layers.DHCPOptRouter, []byte{10, 0, 0, 1}),
			layers.NewDHCPOption(layers.DHCPOptDomainName, []byte("lan")))
	} else {
		d.Options = append(d.Options, layers.NewDHCPOption(layers.DHCPOptHostname, []byte("web1")),
			layers.NewDHCPOption(layers.DHCPOptRequestIP, []byte{10, 0, 0, 9}),
			layers.NewDHCPOption(layers.DHCPOptParamsRequest, []byte{1, 3, 6, 15}))
	}
	d.Options = append(d.Options, layers.NewDHCPOption(layers.DHCPOptEnd, nil))
	return d
}

// segments are a connection, and what belongs to no connection.
func segments() []*layers.TCP {
	mss := []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2}, {OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10,
			OptionData: []byte{0, 0, 0, 1, 0, 0, 0, 0}}, {OptionType: layers.TCPOptionKindNop, OptionLength: 1},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}}}
	return []*layers.TCP{
		{SYN: true, Seq: 1000, Window: 64240, Options: mss},
		{ACK: true, Seq: 1001, Ack: 5001, Window: 502},
		{ACK: true, PSH: true, Seq: 1001, Ack: 5001, Window: 502},
		{ACK: true, FIN: true, Seq: 1009, Ack: 5001, Window: 502},
		{RST: true, Seq: 1010},
	}
}

// record makes the packets: each protocol, tags, fragments, extension headers of IPv6.
func record(t testing.TB) (packets [][]byte) {
	add := func(parts ...gopacket.SerializableLayer) { packets = append(packets, frame(t, parts...)) }
	text := gopacket.Payload("payload!")
	e4, e6 := ether(cardA, cardB, layers.EthernetTypeIPv4), ether(cardB, cardA, layers.EthernetTypeIPv6)
	none := net.HardwareAddr{0, 0, 0, 0, 0, 0}
	add(ether(cardA, all, layers.EthernetTypeARP), arp(1, cardA, "10.0.0.1", none, "10.0.0.2"))
	add(ether(cardB, cardA, layers.EthernetTypeARP), arp(2, cardB, "10.0.0.2", cardA, "10.0.0.1"))
	add(ether(cardA, all, layers.EthernetTypeARP), arp(1, cardA, "10.0.0.1", none, "10.0.0.1"))
	add(ether(cardA, all, 0x8035), arp(3, cardA, "0.0.0.0", cardA, "10.0.0.9"))
	for _, s := range segments() {
		s.SrcPort, s.DstPort = 40000, 9000
		if s.PSH {
			add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolTCP), s, text)
		} else {
			add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolTCP), s)
		}
		back := *s
		back.SrcPort, back.DstPort, back.Seq, back.Ack = 9000, 40000, s.Seq+4000, s.Seq+1
		add(e6, ip6("2001:db8::2", "2001:db8::1", layers.IPProtocolTCP), &back)
		add(ether(cardB, cardA, layers.EthernetTypeIPv4), ip4("10.0.0.2", "10.0.0.1", layers.IPProtocolTCP), &back, text)
	}
	for _, port := range []uint16{22, 80, 443, 3260, 6000, 6008} {
		add(e4, ip4("192.168.1.5", "10.0.0.2", layers.IPProtocolTCP), &layers.TCP{SrcPort: 50000, DstPort: layers.TCPPort(port), SYN: true, Seq: 1})
	}
	for _, p := range [][2]uint16{{1234, 9999}, {9999, 1234}, {514, 514}, {80, 81}, {6004, 7000}, {5353, 6}} {
		add(e4, ip4("10.0.0.1", "10.0.0.255", layers.IPProtocolUDP), udp(p[0], p[1]), text)
		add(e6, ip6("fe80::1", "2001:db8:1::7", layers.IPProtocolUDP), udp(p[0], p[1]), text)
	}
	add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP), udp(40001, 53), dnsQuery("www.example.com"))
	add(e4, ip4("10.0.0.2", "10.0.0.1", layers.IPProtocolUDP), udp(53, 40001), dnsReply("www.example.com"))
	add(e6, ip6("2001:db8::1", "2001:db8::53", layers.IPProtocolUDP), udp(40001, 53), dnsQuery("example.org"))
	add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP), udp(40002, 123), &layers.NTP{Version: 4, Mode: 3})
	add(ether(cardA, all, layers.EthernetTypeIPv4), ip4("0.0.0.0", "255.255.255.255", layers.IPProtocolUDP), udp(68, 67), dhcp(1, 1))
	add(e4, ip4("10.0.0.1", "10.0.0.9", layers.IPProtocolUDP), udp(67, 68), dhcp(2, 5))
	for _, code := range []layers.ICMPv4TypeCode{0x0800, 0x0000, 0x0303, 0x0301, 0x0b00, 0x0501, 0x0300, 0x0d00, 0x0c00} {
		add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: code, Id: 5, Seq: 6},
			gopacket.Payload(frame(t, ip4("10.0.0.2", "10.0.0.1", layers.IPProtocolUDP), udp(1, 33434), text)))
	}
	packets = append(packets, icmp6(t)...)
	packets = append(packets, others(t)...)
	packets = append(packets, vlans(t)...)
	for _, n := range []int{14, 20, 30, 33, 36, 40, 53} {
		packets = append(packets, packets[6][:n], packets[5][:n], packets[0][:min(n, len(packets[0]))])
	}
	return packets
}

func icmp6(t testing.TB) (packets [][]byte) {
	add := func(src, dst string, kind uint8, body ...gopacket.SerializableLayer) {
		parts := append([]gopacket.SerializableLayer{ether(cardA, groupM, layers.EthernetTypeIPv6), ip6(src, dst, layers.IPProtocolICMPv6),
			&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}}, body...)
		packets = append(packets, frame(t, parts...))
	}
	mac := layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: cardA}}
	target := net.ParseIP("fe80::2")
	add("fe80::1", "ff02::2", 133, &layers.ICMPv6RouterSolicitation{Options: mac})
	prefix := append([]byte{64, 0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0}, net.ParseIP("2001:db8::")...)
	add("fe80::1", "ff02::1", 134, &layers.ICMPv6RouterAdvertisement{HopLimit: 64, Flags: 0x40, RouterLifetime: 1800,
		Options: append(layers.ICMPv6Options{{Type: layers.ICMPv6OptPrefixInfo, Data: prefix}, {Type: layers.ICMPv6OptMTU, Data: []byte{0, 0, 0, 0, 5, 220}}}, mac...)})
	add("fe80::1", "ff02::1:ff00:2", 135, &layers.ICMPv6NeighborSolicitation{TargetAddress: target, Options: mac})
	add("fe80::2", "fe80::1", 136, &layers.ICMPv6NeighborAdvertisement{Flags: 0xe0, TargetAddress: target,
		Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: cardB}}})
	add("fe80::2", "fe80::1", 128, &layers.ICMPv6Echo{Identifier: 5, SeqNumber: 6}, gopacket.Payload("payload!"))
	add("fe80::1", "fe80::2", 129, &layers.ICMPv6Echo{Identifier: 5, SeqNumber: 6}, gopacket.Payload("payload!"))
	return packets
}

// others are protocols without ports, fragments and extension headers.
func others(t testing.TB) (packets [][]byte) {
	add := func(parts ...gopacket.SerializableLayer) { packets = append(packets, frame(t, parts...)) }
	text := gopacket.Payload("payload!payload!payload!")
	e4, e6 := ether(cardA, cardB, layers.EthernetTypeIPv4), ether(cardB, cardA, layers.EthernetTypeIPv6)
	for _, p := range []layers.IPProtocol{2, 9, 41, 47, 50, 51, 89, 103, 112, 132} {
		add(e4, ip4("172.16.3.4", "224.0.0.5", p), text)
		add(e6, ip6("2001:db8::9", "ff02::5", p), text)
	}
	first := ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP)
	first.Flags = layers.IPv4MoreFragments
	add(e4, first, udp(1234, 53), text)
	later := ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP)
	later.FragOffset = 4
	add(e4, later, gopacket.Payload("\x04\xd2\x00\x35later fragment"))
	long := ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP)
	long.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
	add(e4, long, udp(1234, 9999), text)
	datagram := append([]byte{4, 210, 0, 53, 0, 32, 0, 0}, text...)
	for _, next := range []layers.IPProtocol{layers.IPProtocolUDP, layers.IPProtocolTCP, layers.IPProtocolICMPv6} {
		add(e6, ip6("2001:db8::1", "2001:db8::2", layers.IPProtocolIPv6Fragment), gopacket.Payload(append([]byte{byte(next), 0, 0, 1, 0, 0, 0, 9}, datagram...)))
		add(e6, ip6("2001:db8::1", "2001:db8::2", layers.IPProtocolIPv6HopByHop), gopacket.Payload(append([]byte{byte(next), 0, 5, 2, 0, 0, 1, 0}, datagram...)))
		add(e6, ip6("2001:db8::1", "2001:db8::2", layers.IPProtocolIPv6Destination), gopacket.Payload(append([]byte{byte(next), 0, 1, 4, 0, 0, 0, 0}, datagram...)))
	}
	add(ether(cardA, all, 0x88b5), text)
	add(ether(cardA, net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0}, 38), gopacket.Payload("\x42\x42\x03\x00\x00\x00\x00\x00\x80\x00payload of a bridge...."))
	add(e4, ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP), udp(2000, 2001), gopacket.Payload(bytes.Repeat([]byte("long"), 300)))
	return packets
}

func vlans(t testing.TB) (packets [][]byte) {
	add := func(parts ...gopacket.SerializableLayer) { packets = append(packets, frame(t, parts...)) }
	text := gopacket.Payload("payload!")
	e := ether(cardA, cardB, layers.EthernetTypeDot1Q)
	for _, id := range []uint16{5, 7, 4095} {
		add(e, tagged(id, layers.EthernetTypeIPv4), ip4("10.5.0.1", "10.5.0.2", layers.IPProtocolUDP), udp(1234, 53), dnsQuery("tag.lan"))
		add(e, tagged(id, layers.EthernetTypeIPv4), ip4("10.5.0.1", "10.5.0.2", layers.IPProtocolTCP), &layers.TCP{SrcPort: 5, DstPort: 80, SYN: true})
		add(e, tagged(id, layers.EthernetTypeIPv6), ip6("2001:db8:5::1", "2001:db8:5::2", layers.IPProtocolUDP), udp(1234, 80), text)
		add(e, tagged(id, layers.EthernetTypeARP), arp(1, cardA, "10.5.0.1", all, "10.5.0.2"))
	}
	add(ether(cardA, cardB, 0x88a8), tagged(9, layers.EthernetTypeDot1Q), tagged(5, layers.EthernetTypeIPv4),
		ip4("10.5.0.1", "10.5.0.2", layers.IPProtocolUDP), udp(1234, 9999), text)
	return packets
}

// as has a packet of Ethernet begin as those of another link do; nil: it cannot be one of that link.
func as(link uint32, p []byte) []byte {
	kind := p[12:14]
	switch {
	case link == pcap.Raw && (bytes.Equal(kind, []byte{8, 0}) || bytes.Equal(kind, []byte{0x86, 0xdd})):
		return p[14:]
	case link == pcap.Raw:
		return nil
	case link == pcap.SLL:
		b := append([]byte{0, byte(p[0] & 1), 0, 1, 0, 6}, p[6:12]...)
		return append(append(b, 0, 0), p[12:]...)
	case link == pcap.SLL2:
		b := append(bytes.Clone(kind), 0, 0, 0, 0, 0, 1, 0, 1, p[6]&0x7f, 6)
		if p[0]&1 == 1 {
			b[10] = 4
		}
		return append(append(append(b, p[6:12]...), 0, 0), p[14:]...)
	}
	return p
}

// recorded writes the packets into a file, of which the last was cut when it was recorded.
func recorded(t testing.TB) string { return recordedOf(t, pcap.Ethernet) }

func recordedOf(t testing.TB, link uint32) string {
	name := filepath.Join(t.TempDir(), "recorded")
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b, link, 65535)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 1000)
	packets := record(t)
	for i, p := range packets {
		if p = as(link, p); p == nil {
			continue
		}
		length := len(p)
		if i == len(packets)-1 {
			length = 1000
		}
		if err := w.Write(pcap.Packet{Time: at, Length: length, Data: p}); err != nil {
			t.Fatal(err)
		}
		at = at.Add(1500 * time.Microsecond)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
