package ethernet

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// TestDatagram compares with what an independent library builds, for payloads of
// odd and even length and for one whose checksum comes out as zero.
func TestDatagram(t *testing.T) {
	src, dst := netip.MustParseAddrPort("192.168.32.1:67"), netip.MustParseAddrPort("192.168.32.100:68")
	payloads := [][]byte{{}, {1}, {0xff, 0xff, 0xff}, bytes.Repeat([]byte{0xa5, 0x3c, 0x7e}, 490)}
	zero := []byte{0, 0}
	c := AppendDatagram(nil, src, dst, zero)
	zero[0], zero[1] = c[26], c[27] // adding the checksum itself makes the sum all ones
	payloads = append(payloads, zero)
	for _, payload := range payloads {
		got := AppendDatagram([]byte("x"), src, dst, payload)[1:]
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		u := &layers.UDP{SrcPort: 67, DstPort: 68}
		if err := u.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		want := gopacket.NewSerializeBuffer()
		opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(want, opts, ip, u, gopacket.Payload(payload)); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(payload, zero) && (got[26] != 0xff || got[27] != 0xff) {
			t.Errorf("a checksum of zero is sent as %x", got[26:28])
		}
		if !bytes.Equal(got, want.Bytes()) && !bytes.Equal(payload, zero) {
			t.Errorf("%d bytes of payload: got\n%x, want\n%x", len(payload), got, want.Bytes())
		}
	}
}
