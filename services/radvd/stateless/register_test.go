package stateless

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// informs is a message that registers addresses.
func informs(change func(*dhcpv6.Message), addrs ...string) []byte {
	m := dhcpv6.Message{Type: dhcpv6.AddrRegInform, ID: 0x123456}
	m.Options.Add(dhcpv6.OptionClientID, dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 0, 0, 9}))
	for _, s := range addrs {
		a := dhcpv6.Address{Addr: netip.MustParseAddr(s), Preferred: time.Hour, Valid: 2 * time.Hour}
		m.Options.Add(dhcpv6.OptionIAAddr, a.Append(nil))
	}
	if change != nil {
		change(&m)
	}
	return m.Append(nil)
}

// TestRegister: who is acknowledged, with what he has said, and who is not.
func TestRegister(t *testing.T) {
	l := lan()
	l.Prefixes = []radvd.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}}
	const own = "2001:db8:1::1234"
	from := netip.MustParseAddr(own)
	asks := informs(nil, own)
	reply, err := dhcpv6.Read(Register(l, from, asks))
	question, _ := dhcpv6.Read(asks)
	if err != nil || reply.Type != dhcpv6.AddrRegReply || reply.ID != question.ID || len(reply.Options) != 1 ||
		!slices.Equal(reply.Options.Get(dhcpv6.OptionIAAddr), question.Options.Get(dhcpv6.OptionIAAddr)) {
		t.Errorf("%+v, %v", reply, err)
	}
	add := func(code uint16) func(*dhcpv6.Message) {
		return func(m *dhcpv6.Message) { m.Options.Add(code, dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 0, 0, 1})) }
	}
	for what, message := range map[string][]byte{
		"nothing":                   nil,
		"no address":                informs(nil),
		"two":                       informs(nil, own, own),
		"another's":                 informs(nil, "2001:db8:1::1235"),
		"to one server":             informs(add(dhcpv6.OptionServerID), own),
		"a question beside it":      informs(add(dhcpv6.OptionORO), own),
		"nobody's":                  informs(func(m *dhcpv6.Message) { m.Options = m.Options[1:] }, own),
		"another message":           informs(func(m *dhcpv6.Message) { m.Type = dhcpv6.InformationRequest }, own),
		"an address cut in half":    informs(nil, own)[:40],
		"an acknowledgement itself": informs(func(m *dhcpv6.Message) { m.Type = dhcpv6.AddrRegReply }, own),
	} {
		if got := Register(l, from, message); got != nil {
			t.Errorf("%s is acknowledged: %x", what, got)
		}
	}
	if far := "2001:db8:9::1"; Register(l, netip.MustParseAddr(far), informs(nil, far)) != nil {
		t.Error("an address of no prefix of the LAN is acknowledged")
	}
	l.Other = false
	if Register(l, from, asks) != nil {
		t.Error("a LAN without it acknowledges")
	}
}

// FuzzRegister: what is acknowledged is no longer than what came.
func FuzzRegister(f *testing.F) {
	f.Add(informs(nil, "2001:db8:1::1234"))
	l := lan()
	l.Prefixes = []radvd.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := Register(l, netip.MustParseAddr("2001:db8:1::1234"), b); len(got) > len(b) {
			t.Errorf("%x for %x", got, b)
		}
	})
}
