package dhcp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// starve has n clients ask that a card has made up, and returns how many addresses it has by them.
func starve(t *testing.T, s *Server, n int, by lease.MAC, mods func(i int) []dhcpv4.Modifier) (got int) {
	t.Helper()
	say := func(msg []byte) *Outcome {
		out := new(Outcome)
		s.Handle(t0, 0, by, msg, out)
		return out
	}
	for i := range n {
		made := lease.MAC{2, 0, 0, byte(by[5]), byte(i >> 8), byte(i)}
		o := say(ask(made, dhcpv4.MessageTypeDiscover, mods(i)...))
		if o.ReplyType != packet.Offer {
			if o.Drop != DropKept && o.Drop != DropExhausted {
				t.Fatalf("%s: %s", made, o.Reason)
			}
			continue
		}
		if a := say(ask(made, dhcpv4.MessageTypeRequest, append(mods(i), wanted(o.Addr.String()), from("192.168.32.1"))...)); a.ReplyType == packet.ACK {
			got++
		}
	}
	return got
}

func nothing(int) []dhcpv4.Modifier { return nil }

// TestOneFillsThePool: a host makes up cards, and its frames have its own; or it stays one card, and makes up
// hosts behind it. Both leave the last addresses to others, and it is known who they are.
func TestOneFillsThePool(t *testing.T) {
	s := newServer(t, home())
	if got := starve(t, s, 200, stranger, nothing); got != 88 {
		t.Errorf("one card has %d addresses by cards that it made up", got)
	}
	if o := s.Origins(t0, t0.Add(-time.Hour), 0); o != (lease.Origins{Leases: 88, Most: lease.Sender{MAC: stranger}, ByMost: 88, New: 88}) {
		t.Errorf("%+v", o)
	}
	// Without a DISCOVER, too; and hosts of the site and other clients have what they need.
	out := new(Outcome)
	s.Handle(t0, 0, stranger, ask(lease.MAC{2, 1}, dhcpv4.MessageTypeRequest, wanted("192.168.32.199"), from("192.168.32.1")), out)
	if out.ReplyType != packet.NAK || out.Reason != lease.KeptForOthers.String() {
		t.Errorf("%s: %s", out.ReplyType, out.Reason)
	}
	dora(t, s, t0, web1)
	dora(t, s, t0, visitor)
	if s.Handle(t0, 0, stranger, ask(web1, dhcpv4.MessageTypeDiscover), out); out.ReplyType != packet.Offer {
		t.Errorf("a host of the site that asks through that card: %s", out.Reason)
	}

	s = newServer(t, home())
	got := 0
	for i := range 200 {
		id := dhcpv4.WithGeneric(dhcpv4.OptionClientIdentifier, []byte{1, 2, 0, 0, 0, 1, byte(i)})
		o, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover, id))
		if o.ReplyType != packet.Offer {
			continue
		}
		if a, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeRequest, id, wanted(o.Addr.String()), from("192.168.32.1"))); a.ReplyType == packet.ACK {
			got++
		}
	}
	if o := s.Origins(t0, t0, 0); got != 88 || o.Most.MAC != stranger || o.ByMost != got {
		t.Errorf("one card has %d addresses by hosts behind it: %+v", got, o)
	}
}

// TestManyFillThePool: clients that ask for themselves have all of it.
func TestManyFillThePool(t *testing.T) {
	s := newServer(t, home())
	for i := range 100 {
		m := lease.MAC{2, 0, 0, 0, 1, byte(i)}
		out := new(Outcome)
		s.Handle(t0, 0, m, ask(m, dhcpv4.MessageTypeDiscover), out)
		if out.ReplyType != packet.Offer || out.From != (lease.MAC{}) {
			t.Fatalf("client %d: %s, %s", i, out.Reason, out.From)
		}
		s.Handle(t0, 0, m, ask(m, dhcpv4.MessageTypeRequest, wanted(out.Addr.String()), from("192.168.32.1")), out)
	}
	if o := s.Origins(t0, t0.Add(-time.Hour), 0); o != (lease.Origins{Leases: 100, New: 100}) {
		t.Errorf("%+v", o)
	}
}

// TestRelayFillsThePool: the frames are a router's. Who asks is the relay agent for one of its ports, and the
// pool is all for it. Renewals that come past it change nothing.
func TestRelayFillsThePool(t *testing.T) {
	conf := home()
	conf.Subnets = append(conf.Subnets, Subnet{Name: "shop", Relayed: true, Prefix: netip.MustParsePrefix("10.8.40.0/24"), Router: ip("10.8.40.1"),
		Pool: []lease.Range{{First: ip("10.8.40.100"), Last: ip("10.8.40.115")}}, LeaseTime: time.Hour})
	s := newServer(t, conf)
	through := func(i int) []dhcpv4.Modifier {
		return []dhcpv4.Modifier{func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("10.8.40.1").AsSlice() },
			opt(82, fmt.Sprintf("\x01\x02p%d", i%4/3))}
	}
	if got := starve(t, s, 20, stranger, through); got != 16 {
		t.Errorf("%d addresses", got)
	}
	want := lease.Origins{Leases: 16, Most: lease.Sender{Agent: ip("10.8.40.1"), Circuit: "p0"}, ByMost: 12}
	if o := s.Origins(t0, t0, 1); o != want {
		t.Errorf("%+v", o)
	}
	out := new(Outcome)
	s.Handle(t0, 0, stranger, ask(lease.MAC{2, 0, 0, stranger[5], 0, 0}, dhcpv4.MessageTypeRequest, having("10.8.40.100")), out)
	if o := s.Origins(t0, t0, 1); out.ReplyType != packet.ACK || out.Subnet != 1 || out.From != (lease.MAC{}) || o != want {
		t.Errorf("renewed: %s in %d by %s, %+v", out.ReplyType, out.Subnet, out.From, o)
	}
	// Another configuration knows it, too.
	next := newServer(t, conf)
	for l := range s.All(t0) {
		next.Restore(l)
	}
	next.TakeOver(t0, s)
	if o := next.Origins(t0, t0, 1); o != want {
		t.Errorf("taken over: %+v", o)
	}
}
