package run_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// takes asks for an address for a card by the wire, and reports whether the card has it then. Silence for so
// long is a refusal.
func (w udpWire) takes(t *testing.T, card net.HardwareAddr, silence time.Duration) bool {
	t.Helper()
	ask := func(m *dhcpv4.DHCPv4, err error, kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Send(m); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(silence); ; {
			got, err := w.Receive(end)
			if err != nil {
				return nil
			}
			if got.TransactionID == m.TransactionID && got.MessageType() == kind {
				return got
			}
		}
	}
	m, err := dhcpv4.NewDiscovery(card, dhcpv4.WithBroadcast(true))
	offer := ask(m, err, dhcpv4.MessageTypeOffer)
	if offer == nil {
		return false
	}
	m, err = dhcpv4.NewRequestFromOffer(offer, dhcpv4.WithBroadcast(true))
	return ask(m, err, dhcpv4.MessageTypeAck) != nil
}

// TestStarved: a host of the LAN takes what it gets for cards that it makes up. It is named, and a client
// that is one gets an address all the same. Then the host forges its frames, too: that it was one is not seen
// any more, but how new they all are.
func TestStarved(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.conf.Subnets[0].Pool = []lease.Range{{First: ip("192.168.32.100"), Last: ip("192.168.32.115")}}
	l.serve()
	evil := l.client("evil", "")
	w := evil.wire()
	card := func(i int) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 1, byte(i)} }
	for i := range 14 {
		if !w.takes(t, card(i), patience) {
			t.Fatalf("card %d gets nothing", i)
		}
	}
	name := "the card " + evil.MAC("eth0").String() + " on eth1"
	problem := func(want ...string) {
		t.Helper()
		st, err := l.s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if p := strings.Join(st.Problems, "\n"); !strings.Contains(p, part) {
				t.Errorf("problems: %s\nwant %s", p, want)
			}
		}
	}
	problem("The pool of lan is nearly full: of 16 addresses, 14 are leased", "6 of its 14 leases were asked for by "+name) // it is seen since 8 were leased
	if w.takes(t, card(50), time.Second) {
		t.Error("it gets one of the last addresses")
	}
	late := l.client("late", "")
	late.udhcpc()
	late.told("bound")
	forged := card(60)
	evil.SetMAC("eth0", forged)
	if !w.takes(t, forged, patience) {
		t.Error("a card that asks for itself gets nothing")
	}
	stranger := card(61)
	evil.SetMAC("eth0", stranger)
	if w.takes(t, stranger, time.Second) {
		t.Error("a pool that is full had an address")
	}
	testnet.Eventually(t, patience, "the pool is full", func() bool {
		st, err := l.s.Status(t.Context())
		return err == nil && st.Subnets[0].Dropped["pool-exhausted"] > 0
	})
	problem("The pool of lan has no free address for new clients: of 16, 16 are leased", fmt.Sprintf("6 of its 16 leases were asked for by %s; 16 began within the last hour", name))
}
