package main

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// datagram is what an independent library makes.
func datagram(t *testing.T, port layers.UDPPort, payload []byte) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: []byte{192, 168, 32, 1}, DstIP: []byte{192, 168, 32, 11}}
	udp := &layers.UDP{SrcPort: 67, DstPort: port}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestToClient(t *testing.T) {
	even, odd := datagram(t, 68, bytes.Repeat([]byte{0xa5, 0x3c}, 150)), datagram(t, 68, []byte{1, 2, 3})
	change := func(packet []byte, at int, to ...byte) []byte {
		packet = bytes.Clone(packet)
		copy(packet[at:], to)
		return packet
	}
	// What the kernel leaves for hardware to complete is the sum over the pseudo header, not inverted.
	half := sum(17+uint32(len(even)-20), even[12:20])
	for name, test := range map[string]struct {
		packet    []byte
		right, ok bool
	}{
		"right":                   {even, true, true},
		"odd length":              {odd, true, true},
		"trailer of the link":     {append(bytes.Clone(odd), 9, 9, 9), true, true},
		"left to hardware":        {change(even, 26, byte(half>>8), byte(half)), false, true},
		"none":                    {change(even, 26, 0, 0), false, true},
		"payload changed":         {change(even, 40, 1), false, true},
		"to another port":         {datagram(t, 67, []byte{1}), false, false},
		"TCP":                     {change(even, 9, 6), false, false},
		"cut off":                 {even[:100], false, false},
		"header longer than it":   {change(odd, 0, 0x4f), false, false},
		"no header":               {even[:10], false, false},
		"header shorter than one": {change(even, 0, 0x44), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, right, ok := toClient(test.packet); right != test.right || ok != test.ok {
				t.Errorf("right %v, ok %v of\n%s", right, ok, hex.Dump(test.packet))
			}
		})
	}
}

// The library reads back what broadcast makes.
func TestBroadcast(t *testing.T) {
	m, err := dhcpv4.NewDiscovery([]byte{0, 0x16, 0x3e, 0x20, 0, 0x11})
	if err != nil {
		t.Fatal(err)
	}
	p := gopacket.NewPacket(broadcast(m.ToBytes()), layers.LayerTypeIPv4, gopacket.Default)
	if p.ErrorLayer() != nil {
		t.Fatal(p)
	}
	ip, udp := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4), p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if ip.DstIP.String() != "255.255.255.255" || udp.SrcPort != 68 || udp.DstPort != 67 || !bytes.Equal(udp.Payload, m.ToBytes()) {
		t.Errorf("got %v", p)
	}
	if err, result := ip.VerifyChecksum(); err != nil || !result.Valid {
		t.Errorf("the header's checksum is %#x, want %#x: %v", result.Actual, result.Correct, err)
	}
}
