package inet

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
	router4 = netip.MustParseAddr("192.0.2.1")
	router6 = netip.MustParseAddr("2001:db8::1")
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
		header[0], header[9] = 0x45, protocolICMP
		copy(header[16:], to.AsSlice())
		return append(header, echo...)
	}
	header = make([]byte, 40)
	header[0], header[6], echo[0] = 0x60, protocolICMPv6, 128
	copy(header[24:], to.AsSlice())
	return append(header, echo...)
}

func TestParseAnswer(t *testing.T) {
	const id, other = 0x1234, 0x4321
	echo := func(id uint32) uint32 { return id<<16 | 5 }
	changed := func(b []byte, at int, to byte) []byte {
		b = slices.Clone(b)
		b[at] = to
		return b
	}
	withOptions := slices.Insert(changed(quoting(target4), 0, 0x46), 20, 1, 1, 1, 1)
	group := netip.MustParseAddr("ff02::1%eth0")
	for _, tt := range []struct {
		name         string
		packet       []byte
		from, target netip.Addr
		ok           bool
		problem      string
	}{
		{"reply", message(0, 0, echo(id)), target4, target4, true, ""},
		{"reply v6", message(129, 0, echo(id)), target6, target6, true, ""},
		{"somebody else's reply", message(0, 0, echo(other)), target4, target4, false, ""},
		{"reply from another", message(0, 0, echo(id)), router4, target4, false, ""},
		{"reply to a group", message(129, 0, echo(id)), netip.MustParseAddr("fe80::1%eth0"), group, true, ""},
		{"reply of a neighbour", message(129, 0, echo(id)), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("fe80::1%2"), true, ""},
		{"reply to a broadcast", message(0, 0, echo(id)), router4, netip.MustParseAddr("192.0.2.255"), true, ""},
		{"bad checksum", changed(message(0, 0, echo(id)), 2, 1), target4, target4, false, ""},
		{"request", message(8, 0, echo(id)), target4, target4, false, ""},
		{"v4 reply type on v6", message(0, 0, echo(id)), target6, target6, false, ""},
		{"short", message(0, 0, echo(id))[:7], target4, target4, false, ""},
		{"host unreachable", message(3, 1, 0, quoting(target4)...), router4, target4, true, "Destination Host Unreachable"},
		{"filtered", message(3, 13, 0, quoting(target4)...), router4, target4, true, "Destination Packet filtered"},
		{"unknown code", message(3, 99, 0, quoting(target4)...), router4, target4, true, "Destination code 99"},
		{"too big", message(3, 4, 1280, quoting(target4)...), router4, target4, true, "Frag needed and DF set (mtu = 1280)"},
		{"expired", message(11, 0, 0, quoting(target4)...), router4, target4, true, "Time to live exceeded"},
		{"parameter", message(12, 0, 20<<24, quoting(target4)...), router4, target4, true, "Parameter problem: pointer = 20"},
		{"about options", message(11, 0, 0, withOptions...), router4, target4, true, "Time to live exceeded"},
		{"about another host", message(3, 1, 0, quoting(router4)...), router4, target4, false, ""},
		{"about UDP", message(3, 3, 0, changed(quoting(target4), 9, 17)...), router4, target4, false, ""},
		{"about another run", message(3, 1, 0, changed(quoting(target4), 25, 0)...), router4, target4, false, ""},
		{"quote cut short", message(3, 1, 0, quoting(target4)[:27]...), router4, target4, false, ""},
		{"header length lies", message(3, 1, 0, changed(quoting(target4), 0, 0x4f)...), router4, target4, false, ""},
		{"header length too small", message(3, 1, 0, changed(quoting(target4), 0, 0x41)...), router4, target4, false, ""},
		{"no route v6", message(1, 0, 0, quoting(target6)...), router6, target6, true, "Destination unreachable: No route"},
		{"too big v6", message(2, 0, 1280, quoting(target6)...), router6, target6, true, "Packet too big: mtu=1280"},
		{"expired v6", message(3, 0, 0, quoting(target6)...), router6, target6, true, "Time exceeded: Hop limit"},
		{"parameter v6", message(4, 0, 40, quoting(target6)...), router6, target6, true, "Parameter problem: pointer = 40"},
		{"router advertisement", message(134, 0, 0, quoting(target6)...), router6, target6, false, ""},
		{"quote cut short v6", message(1, 0, 0, quoting(target6)[:47]...), router6, target6, false, ""},
	} {
		a, ok := parseAnswer(tt.packet, tt.from, tt.target, id)
		if ok != tt.ok || ok && (a.problem != tt.problem || a.seq != 5 || a.from != tt.from || a.size != len(tt.packet)) {
			t.Errorf("%s: %+v, %v", tt.name, a, ok)
		}
	}
}

func TestEchoRequest(t *testing.T) {
	for _, target := range []netip.Addr{target4, target6} {
		m, err := echoRequest(target, 0x1234, 5, 3)
		want := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 5, 0, 1, 2}
		if target.Is6() {
			want[0] = 128
		} else {
			binary.BigEndian.PutUint16(want[2:], ^onesSum(want))
		}
		if err != nil || !slices.Equal(m, want) {
			t.Errorf("to %v: % x, %v, want % x", target, m, err, want)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(message(0, 0, 0x12340005), true)
	f.Add(message(3, 1, 0, quoting(target4)...), true)
	f.Add(message(2, 0, 1280, quoting(target6)...), false)
	f.Fuzz(func(t *testing.T, packet []byte, four bool) {
		target := target6
		if four {
			target = target4
		}
		// It must not panic, and what it accepts must name its request.
		if a, ok := parseAnswer(packet, router4, target, 0x1234); ok && a.problem == "" {
			t.Errorf("a reply from a stranger: % x", packet)
		}
	})
}
