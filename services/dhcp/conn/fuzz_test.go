package conn

import (
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// FuzzEchoReply reads packets as another library does: who is believed to have answered is the sender of an
// echo reply with our id.
func FuzzEchoReply(f *testing.F) {
	reply := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, 0, 0, 0, 0, 0x12, 0x34, 0, 0}
	f.Add(reply, uint16(0x1234))
	f.Add(append([]byte{0x46}, append(reply[1:20:20], append([]byte{1, 1, 1, 0}, reply[20:]...)...)...), uint16(0x1234))
	f.Add(reply[:27], uint16(0x1234))
	f.Add(make([]byte, 28), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, id uint16) {
		from, ok := readEchoReply(b, id)
		if !ok {
			return
		}
		ip, err := ipv4.ParseHeader(b)
		if err != nil || ip.Version != 4 || !from.Is4() || from.String() != ip.Src.String() {
			t.Fatalf("%x: from %v, and it is %+v: %v", b, from, ip, err)
		}
		m, err := icmp.ParseMessage(1, b[ip.Len:])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply || m.Body.(*icmp.Echo).ID != int(id) {
			t.Fatalf("%x with id %#x is %+v: %v", b, id, m, err)
		}
	})
}
