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

// TestBehindOneCard: hosts behind a repeater, or ipvlan's, ask from one card, and each says which card it would have. They
// have an address each, keep it over a restart, and get their answers by the card.
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
