package dhcp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestShared: two hosts of one card whose identifiers are no cards get one address, and that is seen when
// both renew it. Programs of one machine that follow each other are one.
func TestShared(t *testing.T) {
	s := newServer(t, home())
	now := t0
	renews := func(id string, want bool) {
		t.Helper()
		now = now.Add(time.Hour)
		if out, _ := handle(t, s, now, ask(visitor, dhcpv4.MessageTypeRequest, having("192.168.32.100"), opt(61, id))); out.ReplyType != packet.ACK || out.Shared != want {
			t.Errorf("%q renews: %s, shared %v", id, out.ReplyType, out.Shared)
		}
	}
	for range 2 { // boots
		for _, id := range []string{"\x00rom", "\x01" + string(visitor[:]), "\xffinitramfs", "\xffsystem"} {
			dora(t, s, now, visitor, opt(61, id))
		}
		renews("\xffsystem", false)
		renews("\xffsystem", false)
	}
	renews("\xffanother", false) // it calls itself something else now
	renews("\xffanother", false)
	dora(t, s, now, visitor, opt(61, "\xffsecond"))
	renews("\xffsecond", false)
	again := newServer(t, home())
	for l := range s.All(now) {
		again.Restore(l)
	}
	again.TakeOver(now, s)
	s = again
	renews("\xffanother", true)
	renews("\xffsecond", true)
	for i := range 5000 { // strangers who come and go
		m := lease.MAC{0, 0, 0x5e, 1, byte(i >> 8), byte(i)}
		a := dora(t, s, now, m)
		handle(t, s, now, ask(m, dhcpv4.MessageTypeRelease, having(a.String())))
	}
	if n := len(s.ids); n > 2*s.Len()+spareIdentities+1 {
		t.Errorf("%d cards are remembered, of %d that have or had leases", n, s.Len())
	}
}

// TestBehindOneCard: hosts behind a repeater, or ipvlan's, ask from one card, and each says which card it
// would have. They have an address each, keep it over a restart, and get their answers by the card.
func TestBehindOneCard(t *testing.T) {
	repeater := visitor
	hosts := []lease.MAC{mac("00:00:5e:00:53:41"), mac("00:00:5e:00:53:42"), web1}
	id := func(m lease.MAC) dhcpv4.Modifier { return opt(61, "\x01"+string(m[:])) }
	s := newServer(t, home())
	has := map[netip.Addr]lease.MAC{dora(t, s, t0, repeater, id(repeater)): repeater}
	var leases []netip.Addr
	for _, h := range hosts {
		a := dora(t, s, t0, repeater, id(h))
		if other, taken := has[a]; taken || a == ip("192.168.32.11") {
			t.Errorf("%s behind the card gets %s, which is %s's", h, a, other)
		}
		has[a] = h
		leases = append(leases, a)
	}
	again := newServer(t, home())
	for l := range s.All(t0) {
		again.Restore(l)
	}
	for i, h := range hosts {
		renew := ask(repeater, dhcpv4.MessageTypeRequest, having(leases[i].String()), id(h))
		if out, _ := handle(t, again, t0.Add(time.Minute), renew); out.ReplyType != packet.ACK || out.Card != repeater || out.Behind != h || !strings.Contains(out.Reason, h.String()) {
			t.Errorf("%s: %+v", h, out)
		}
		out, _ := handle(t, again, t0.Add(time.Minute), ask(repeater, dhcpv4.MessageTypeDiscover, id(h)))
		if out.To != (Destination{Direct, leases[i], repeater}) {
			t.Errorf("%s is offered %s, by %+v", h, out.Addr, out.To)
		}
		other := leases[(i+1)%len(leases)]
		if out, _ := handle(t, again, t0.Add(time.Minute), ask(repeater, dhcpv4.MessageTypeRequest, having(other.String()), id(h))); out.ReplyType != packet.NAK {
			t.Errorf("%s renews the lease of another behind the card: %+v", h, out)
		}
	}
	// Clones of one system say that they are one card, and are not.
	if a, b := dora(t, s, t0, stranger, id(hosts[0])), leases[0]; a == b {
		t.Error("two cards with one identifier have one address")
	}
	// What the site says of a card goes before what it says of itself.
	if a := dora(t, s, t0, printer, id(hosts[0])); a != ip("192.168.32.20") {
		t.Errorf("the printer has %s", a)
	}
	// The repeater answers ARP for all of them: nobody's problem.
	for a, h := range s.Holders(t0) {
		if m := has[a]; m != (lease.MAC{}) && m != repeater {
			t.Errorf("%s is said to be %v's", a, h.MACs)
		}
	}
}
