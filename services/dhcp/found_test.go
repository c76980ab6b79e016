package dhcp

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// What TestRules and FuzzRules have found, as cases.

// TestWhatMustComeBackHasRoom: the client's identifier and what the relay agent said
// come back to a client that takes little, whatever else it might be told.
func TestWhatMustComeBackHasRoom(t *testing.T) {
	s := newServer(t, everything())
	id, port := strings.Repeat("i", 100), strings.Repeat("p", 120)
	_, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, through("192.168.32.2"), opt(61, id), agent("\x01", port)))
	if string(p.Options[61]) != id || string(p.Options[82]) != "\x01\x78"+port {
		t.Errorf("what came back of 61 and 82: %q, %q", p.Options[61], p.Options[82])
	}
	// Both do not fit: what the agent said is what the agent needs.
	id, port = strings.Repeat("i", 255), strings.Repeat("p", 100)+"\x02\x64"+strings.Repeat("r", 100)
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest} {
		out, p := handle(t, s, t0, ask(visitor, kind, through("192.168.32.2"), opt(61, id), opt(82, "\x01\x64"+port), having("198.51.100.1")))
		if p.Options[61] != nil || string(p.Options[82]) != "\x01\x64"+port || p.Options[53] == nil || p.Options[54] == nil || !strings.Contains(out.Reason, "left out") {
			t.Errorf("%s: what came back of 61 and 82: %q, %q; %s", kind, p.Options[61], p.Options[82], out.Reason)
		}
	}
}

// TestRapidCommitGoesToWhoAsked: a DISCOVER that names an address to be sent to, which
// it must not, is answered like any other.
func TestRapidCommitGoesToWhoAsked(t *testing.T) {
	conf := home()
	conf.Subnets[0].RapidCommit = true
	s := newServer(t, conf)
	out, _ := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, opt(80, ""), having("198.51.100.7"), wanted("198.51.100.7")))
	if want := (Destination{Via: Direct, IP: ip("192.168.32.100"), MAC: visitor}); out.ReplyType != packet.ACK || out.To != want {
		t.Errorf("%s to %v, want %v", out.ReplyType, out.To, want)
	}
}

// TestPortsLetGo: a card that has left a port has left its address behind, wherever it
// went, and whoever came after it.
func TestPortsLetGo(t *testing.T) {
	till := []dhcpv4.Modifier{through("192.168.40.1"), agent("\x01", "ge-7", "\x02", "sw1")}
	for name, tc := range map[string]struct {
		then []byte // after visitor was at the till's port
		now  []dhcpv4.Modifier
	}{
		"to a port whose host has no address":   {nil, []dhcpv4.Modifier{through("192.168.40.1"), agent("\x01", "ge-8")}},
		"and another is there, by another road": {ask(stranger, dhcpv4.MessageTypeDiscover, through("192.168.41.1"), agent("\x01", "ge-7", "\x02", "sw1")), []dhcpv4.Modifier{through("192.168.40.1")}},
	} {
		s := newServer(t, campus())
		if a := dora(t, s, t0, visitor, till...); a != ip("192.168.40.7") {
			t.Fatalf("%s: the till is %s", name, a)
		}
		if tc.then != nil {
			handle(t, s, t0, tc.then)
		}
		if a := dora(t, s, t0.Add(time.Minute), visitor, tc.now...); a != ip("192.168.40.100") {
			t.Errorf("%s: it has %s", name, a)
		}
		if a := dora(t, s, t0.Add(time.Minute), printer, till...); a == ip("192.168.40.7") {
			t.Errorf("%s: a card that is a host's has become the till", name)
		}
		if a := dora(t, s, t0.Add(2*time.Minute), stranger, till...); a != ip("192.168.40.7") {
			t.Errorf("%s: who is at the till's port has %s", name, a)
		}
	}
}
