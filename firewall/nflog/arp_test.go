package nflog

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

// TestParseARP: requests, replies, and what is cut short or about something else.
func TestParseARP(t *testing.T) {
	request, err := hex.DecodeString("0001080006040001" + "02000000aa01" + "c0a82032" + "000000000000" + "c0a82001")
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, b byte) []byte {
		changed := append([]byte{}, request...)
		changed[at] = b
		return changed
	}
	from, to := netip.MustParseAddr("192.168.32.50"), netip.MustParseAddr("192.168.32.1")
	for what, c := range map[string]struct {
		bytes []byte
		want  Packet
	}{
		"a request":  {request, Packet{Source: from, Destination: to, Length: 28, ARP: "request", Names: "02:00:00:00:aa:01"}},
		"a reply":    {with(7, 2), Packet{Source: from, Destination: to, Length: 28, ARP: "reply", Names: "02:00:00:00:aa:01"}},
		"another":    {with(7, 8), Packet{Source: from, Destination: to, Length: 28, ARP: "operation 8", Names: "02:00:00:00:aa:01"}},
		"with more":  {append(with(7, 2), 0, 0), Packet{Source: from, Destination: to, Length: 28, ARP: "reply", Names: "02:00:00:00:aa:01"}},
		"cut short":  {request[:27], Packet{Length: 27}},
		"of IPv6":    {with(2, 0x86), Packet{Length: 28}},
		"long cards": {with(4, 8), Packet{Length: 28}},
		"nothing":    {nil, Packet{}},
	} {
		if got := ParseARP(c.bytes); got != c.want {
			t.Errorf("%s: %+v, want %+v", what, got, c.want)
		}
	}
}
