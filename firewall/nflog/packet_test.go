package nflog

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Headers of packets, and what is read of them.
const (
	tcpSyn = "9c40 0016 00000001 00000000 5002 ffff 0000 0000"
	v6Head = "60000000 %LEN% %NEXT% 40 20010db8000000000000000000000007 20010db8000000000000000000000010 "
)

func v6(next, length string, rest ...string) string {
	return strings.NewReplacer("%LEN%", length, "%NEXT%", next).Replace(v6Head) + strings.Join(rest, "")
}

func TestParsePacket(t *testing.T) {
	four := Packet{Source: netip.MustParseAddr("198.51.100.7"), Destination: netip.MustParseAddr("192.0.2.10"), HopLimit: 64, Proto: 6, Length: 40}
	six := Packet{Source: netip.MustParseAddr("2001:db8::7"), Destination: netip.MustParseAddr("2001:db8::10"), HopLimit: 64, Proto: 6}
	with := func(p Packet, change func(*Packet)) Packet { change(&p); return p }
	syn := func(p *Packet) { p.Transport, p.SourcePort, p.DestinationPort, p.Flags = true, 40000, 22, "SYN" }
	for _, tt := range []struct {
		name, packet string
		want         Packet
	}{
		{"IPv4 TCP", "4500 0028 0000 0000 4006 0000 c6336407 c000020a" + tcpSyn, with(four, syn)},
		{"IPv4 with options", "4600 002c 0000 0000 4006 0000 c6336407 c000020a 01010101" + tcpSyn,
			with(with(four, syn), func(p *Packet) { p.Length = 44 })},
		{"first fragment", "4500 0028 0000 2000 4006 0000 c6336407 c000020a" + tcpSyn,
			with(with(four, syn), func(p *Packet) { p.Fragment = true })},
		{"later fragment", "4500 0028 0000 0010 4006 0000 c6336407 c000020a" + tcpSyn, with(four, func(p *Packet) { p.Fragment = true })},
		{"header that is said to be shorter than any", "4400 0028 0000 0000 4006 0000 c6336407 c000020a" + tcpSyn, four},
		{"header that is said to be longer than all", "4f00 0028 0000 0000 4006 0000 c6336407 c000020a" + tcpSyn, four},
		{"TCP without flags", "4500 0028 0000 0000 4006 0000 c6336407 c000020a 9c40 0016",
			with(with(four, syn), func(p *Packet) { p.Flags = "" })},
		{"TCP without ports", "4500 0028 0000 0000 4006 0000 c6336407 c000020a 9c40 00", four},
		{"ICMP", "4500 001c 0000 0000 4001 0000 c6336407 c000020a 0301 0000",
			with(four, func(p *Packet) { p.Proto, p.Length, p.Transport, p.Type, p.Code = 1, 28, true, 3, 1 })},
		{"all flags", "4500 0028 0000 0000 4006 0000 c6336407 c000020a 9c40 0016 00000001 00000000 50ff",
			with(with(four, syn), func(p *Packet) { p.Flags = "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR" })},
		{"IPv6 TCP", v6("06", "0014", tcpSyn), with(with(six, syn), func(p *Packet) { p.Length = 60 })},
		{"IPv6 behind three headers", v6("00", "0034", "2b00 010400000000", "3c00 010400000000", "0601 0104 0000 0000 0104 0000 0000 0000", tcpSyn),
			with(with(six, syn), func(p *Packet) { p.Length = 92 })},
		{"IPv6 first fragment", v6("2c", "001c", "0600 0001 00000001", tcpSyn),
			with(with(six, syn), func(p *Packet) { p.Length, p.Fragment = 68, true })},
		{"IPv6 later fragment", v6("2c", "001c", "0600 0010 00000001", tcpSyn),
			with(six, func(p *Packet) { p.Length, p.Fragment = 68, true })},
		{"IPv6 header that is cut off", v6("3c", "0014", "06ff 0104"), with(six, func(p *Packet) { p.Length, p.Proto = 60, 60 })},
		{"IPv6 behind AH", v6("33", "0020", "0601 0000 00000001 00000001", tcpSyn), with(with(six, syn), func(p *Packet) { p.Length = 72 })},
		{"IPv6 headers without end", v6("3c", "0058", strings.Repeat("3c00 010400000000", 11)),
			with(six, func(p *Packet) { p.Length, p.Proto = 128, 60 })},
		{"ICMPv6", v6("3a", "0008", "8000 0000 00000000"), with(six, func(p *Packet) { p.Length, p.Proto, p.Transport, p.Type = 48, 58, true, 128 })},
		{"nothing", "", Packet{}},
		{"too short for its version", "6000 0000 0014 0640", Packet{Length: 8}},
		{"no version of IP", "5500 0028 0000 0000 4006 0000 c6336407 c000020a", Packet{Length: 20}},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(tt.packet, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, ParsePacket(b), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// FuzzParsePacket compares with another's parser, where that one understands a packet.
func FuzzParsePacket(f *testing.F) {
	for _, s := range []string{"4500 0028 0000 0000 4006 0000 c6336407 c000020a" + tcpSyn, v6("06", "0014", tcpSyn),
		v6("2c", "001c", "0600 0001 00000001", tcpSyn), v6("00", "001c", "0600 010400000000", tcpSyn)} {
		b, _ := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := ParsePacket(b)
		if p.Transport && !p.Source.IsValid() || p.Flags != "" && p.Proto != 6 || p.Source.Is4() != p.Destination.Is4() {
			t.Fatalf("%+v makes no sense", p)
		}
		if len(b) == 0 || b[0]>>4 != 4 {
			return
		}
		other := gopacket.NewPacket(b, layers.LayerTypeIPv4, gopacket.Default)
		ip, ok := other.NetworkLayer().(*layers.IPv4)
		if other.ErrorLayer() != nil || !ok || ip.Version != 4 { // 0: it gave up among the options
			return
		}
		if ip.SrcIP.String() != p.Source.String() || uint8(ip.Protocol) != p.Proto {
			t.Errorf("%+v, another reads %+v", p, ip)
		}
		if tcp, ok := other.TransportLayer().(*layers.TCP); ok && !p.Fragment &&
			(uint16(tcp.SrcPort) != p.SourcePort || uint16(tcp.DstPort) != p.DestinationPort || tcp.SYN != strings.Contains(p.Flags, "SYN")) {
			t.Errorf("%+v, another reads %+v", p, tcp)
		}
	})
}
