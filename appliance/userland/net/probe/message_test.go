package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// Fixed parts of the messages below.
var (
	target4 = netip.MustParseAddr("192.0.2.7")
	target6 = netip.MustParseAddr("2001:db8::7")
)

// message builds an ICMP message with a right checksum for IPv4.
func message(kind, code byte, rest uint32, body ...byte) []byte {
	m := append([]byte{kind, code, 0, 0, 0, 0, 0, 0}, body...)
	binary.BigEndian.PutUint32(m[4:], rest)
	binary.BigEndian.PutUint16(m[2:], ^onesSum(m))
	return m
}

// quoting builds the part of a datagram that an ICMP error quotes: an echo
// request to to with id 0x1234 and sequence number 5.
func quoting(to netip.Addr) []byte {
	echo := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 5}
	header := make([]byte, 20)
	if to.Is4() {
		header[0], header[9] = 0x45, ICMP
		copy(header[16:], to.AsSlice())
		return append(header, echo...)
	}
	header = make([]byte, 40)
	header[0], header[6], echo[0] = 0x60, ICMPv6, 128
	copy(header[24:], to.AsSlice())
	return append(header, echo...)
}

func TestRead(t *testing.T) {
	const id = 0x1234
	echo := func(id uint32) uint32 { return id<<16 | 5 }
	changed := func(b []byte, at int, to byte) []byte {
		b = slices.Clone(b)
		b[at] = to
		return b
	}
	withOptions := slices.Insert(changed(quoting(target4), 0, 0x46), 20, 1, 1, 1, 1)
	for _, tt := range []struct {
		name    string
		packet  []byte
		target  netip.Addr
		ok      bool
		problem string
	}{
		{"reply", message(0, 0, echo(id)), target4, true, ""},
		{"reply v6", message(129, 0, echo(id)), target6, true, ""},
		{"bad checksum", changed(message(0, 0, echo(id)), 2, 1), target4, false, ""},
		{"request", message(8, 0, echo(id)), target4, false, ""},
		{"short", message(0, 0, echo(id))[:7], target4, false, ""},
		{"host unreachable", message(3, 1, 0, quoting(target4)...), target4, true, "Destination Host Unreachable"},
		{"filtered", message(3, 13, 0, quoting(target4)...), target4, true, "Destination Packet filtered"},
		{"unknown code", message(3, 99, 0, quoting(target4)...), target4, true, "Destination code 99"},
		{"too big", message(3, 4, 1280, quoting(target4)...), target4, true, "Frag needed and DF set (mtu = 1280)"},
		{"expired", message(11, 0, 0, quoting(target4)...), target4, true, "Time to live exceeded"},
		{"parameter", message(12, 0, 20<<24, quoting(target4)...), target4, true, "Parameter problem: pointer = 20"},
		{"about options", message(11, 0, 0, withOptions...), target4, true, "Time to live exceeded"},
		{"about UDP", message(3, 3, 0, changed(quoting(target4), 9, UDP)...), target4, true, "Destination Port Unreachable"},
		{"about something else", message(3, 3, 0, changed(quoting(target4), 9, 132)...), target4, false, ""},
		{"quote cut short", message(3, 1, 0, quoting(target4)[:27]...), target4, false, ""},
		{"header length lies", message(3, 1, 0, changed(quoting(target4), 0, 0x4f)...), target4, false, ""},
		{"header length too small", message(3, 1, 0, changed(quoting(target4), 0, 0x41)...), target4, false, ""},
		{"no route v6", message(1, 0, 0, quoting(target6)...), target6, true, "Destination unreachable: No route"},
		{"too big v6", message(2, 0, 1280, quoting(target6)...), target6, true, "Packet too big: mtu=1280"},
		{"expired v6", message(3, 0, 0, quoting(target6)...), target6, true, "Time exceeded: Hop limit"},
		{"parameter v6", message(4, 0, 40, quoting(target6)...), target6, true, "Parameter problem: pointer = 40"},
		{"router advertisement", message(134, 0, 0, quoting(target6)...), target6, false, ""},
		{"quote cut short v6", message(1, 0, 0, quoting(target6)[:47]...), target6, false, ""},
	} {
		m, ok := Read(tt.packet, tt.target.Is6())
		if ok != tt.ok || ok && (m.Problem() != tt.problem || m.Size != len(tt.packet)) {
			t.Errorf("%s: %+v, %v", tt.name, m, ok)
		}
		if ok && m.Protocol != UDP && (m.To != 5 || m.From != id || m.Kind != Reply && m.Target != tt.target) {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
}

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		packet  []byte
		target  netip.Addr
		want    string
		arrived bool
	}{
		{message(11, 0, 0, quoting(target4)...), target4, "", false},
		{message(3, 0, 0, quoting(target4)...), target4, "!N", false},
		{message(3, 1, 0, quoting(target4)...), target4, "!H", false},
		{message(3, 2, 0, quoting(target4)...), target4, "!P", true},
		{message(3, 3, 0, quoting(target4)...), target4, "", true},
		{message(3, 4, 1280, quoting(target4)...), target4, "!F-1280", false},
		{message(3, 13, 0, quoting(target4)...), target4, "!A", false},
		{message(3, 77, 0, quoting(target4)...), target4, "!<77>", false},
		{message(1, 0, 0, quoting(target6)...), target6, "!N", false},
		{message(1, 1, 0, quoting(target6)...), target6, "!S", false},
		{message(1, 3, 0, quoting(target6)...), target6, "!H", false},
		{message(1, 4, 0, quoting(target6)...), target6, "", true},
		{message(2, 0, 1280, quoting(target6)...), target6, "!F-1280", false},
		{message(129, 0, 0), target6, "", true},
	} {
		m, ok := Read(c.packet, c.target.Is6())
		if !ok || m.Mark() != c.want || m.Arrived() != c.arrived {
			t.Errorf("%+v: %v, %q, %v; want %q, %v", m, ok, m.Mark(), m.Arrived(), c.want, c.arrived)
		}
	}
}

func TestEcho(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		m := Echo(v6, 0x1234, 5, []byte{0, 1, 2})
		want := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 5, 0, 1, 2}
		if v6 {
			want[0] = 128
		} else {
			binary.BigEndian.PutUint16(want[2:], ^onesSum(want))
		}
		if !slices.Equal(m, want) {
			t.Errorf("IPv6 %v: % x, want % x", v6, m, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(message(0, 0, 0x12340005), false)
	f.Add(message(3, 1, 0, quoting(target4)...), false)
	f.Add(message(2, 0, 1280, quoting(target6)...), true)
	f.Fuzz(func(t *testing.T, packet []byte, v6 bool) {
		m, ok := Read(packet, v6)
		if ok && (m.Kind == 0 || m.Kind != Reply && !m.Target.IsValid() || m.Kind != Reply && m.Problem() == "") {
			t.Errorf("% x: %+v", packet, m)
		}
	})
}
