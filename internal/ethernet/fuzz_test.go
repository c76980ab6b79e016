package ethernet

import (
	"bytes"
	"net/netip"
	"testing"
)

// FuzzReadARP: what is read is what stands there, and nothing else is ARP for IPv4 on Ethernet (RFC 826).
func FuzzReadARP(f *testing.F) {
	reply := ARP{
		Operation: ARPReply, SenderMAC: MAC{0, 0, 0x5e, 0, 0x53, 1},
		Sender: netip.AddrFrom4([4]byte{192, 0, 2, 1}), Target: netip.AddrFrom4([4]byte{192, 0, 2, 2}),
	}
	f.Add(reply.Append(nil))
	f.Add(make([]byte, arpLen))
	f.Add(make([]byte, arpLen-1))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := ReadARP(b)
		want := len(b) >= arpLen && bytes.HasPrefix(b, []byte{0, 1, 8, 0, 6, 4})
		if ok != want {
			t.Fatalf("%x is taken for ARP: %v", b, ok)
		}
		if ok && !bytes.Equal(a.Append(nil)[:arpLen], b[:arpLen]) {
			t.Fatalf("%x is read as %+v", b, a)
		}
	})
}
