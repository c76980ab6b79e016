package dhcp

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestFlood has a flood of random cards say whatever they can think of, while two
// neighbours live on. At no time does a neighbour lose what he has, is a record
// written for anything but a lease, is more remembered than the pool has addresses,
// or is a newcomer turned away while an address is not leased.
func TestFlood(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 6))
		conf := home()
		conf.Subnets[0].Pool[0].Last = ip("192.168.32.131")
		s := newServer(t, conf)
		pool := dora(t, s, t0, visitor)
		dora(t, s, t0, web1)
		f := &flood{t: t, r: r, s: s, size: 32, now: t0}
		for step := range 3000 {
			f.step()
			if step%100 > 0 {
				continue
			}
			for card, addr := range map[lease.MAC]string{visitor: pool.String(), web1: "192.168.32.11"} {
				if out, _ := handle(t, s, f.now, ask(card, dhcpv4.MessageTypeRequest, having(addr))); out.ReplyType != packet.ACK {
					t.Fatalf("seed %d: %s lost %s: %s", seed, card, addr, out.Reason)
				}
			}
			f.newcomer()
		}
	}
}

type flood struct {
	t    *testing.T
	r    *rand.Rand
	s    *Server
	size int // of the pool
	now  time.Time
}

// step is one message of the flood, or an exchange for a lease.
func (f *flood) step() {
	f.now = f.now.Add(time.Duration(f.r.IntN(int(50 * time.Millisecond))))
	m := lease.MAC{2}
	binary.BigEndian.PutUint32(m[2:], f.r.Uint32())
	addr := netip.AddrFrom4([4]byte{192, 168, 32, byte(100 + f.r.IntN(f.size))}).String()
	out := new(Outcome)
	switch f.r.IntN(40) {
	case 0: // it takes a lease, and gives it back in one way or another
		if out, _ := handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeDiscover)); out.ReplyType == packet.Offer {
			a := out.Addr.String()
			handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeRequest, wanted(a), from("192.168.32.1"), opt(51, "\x00\x00\x00\x01")))
			switch f.r.IntN(3) {
			case 0:
				handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeRelease, having(a)))
			case 1:
				handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeDecline, wanted(a)))
			}
		}
		return
	case 1:
		out, _ = handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeRelease, having(addr)))
	case 2:
		out, _ = handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeDecline, wanted(addr)))
	case 3:
		out, _ = handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeRequest, wanted(addr)))
	default:
		out, _ = handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeDiscover, wanted(addr)))
	}
	if len(out.Records) > 0 {
		f.t.Fatalf("%s from nowhere stores %v", out.Type, out.Records)
	}
	if st := f.s.Stats(f.now, 0); st.Offered+st.Bound+st.Declined > f.size || f.s.Len() > f.size+2 {
		f.t.Fatalf("%d leases are remembered: %+v", f.s.Len(), st)
	}
}

// newcomer is a client that means it: unless all addresses are leased or in
// quarantine it gets one, though the flood goes on between its two messages.
func (f *flood) newcomer() {
	st := f.s.Stats(f.now, 0)
	m := lease.MAC{6}
	binary.BigEndian.PutUint32(m[2:], f.r.Uint32())
	out, _ := handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeDiscover))
	if (out.ReplyType == packet.Offer) != (st.Bound+st.Declined < st.Size) {
		f.t.Fatalf("%+v, yet %s", st, out.Reason)
	}
	if out.ReplyType != packet.Offer {
		return
	}
	a := out.Addr.String()
	for range 50 {
		n := lease.MAC{2, 0, 0, 0, 0, byte(f.r.Uint32())}
		handle(f.t, f.s, f.now, ask(n, dhcpv4.MessageTypeDiscover))
	}
	if out, _ = handle(f.t, f.s, f.now, ask(m, dhcpv4.MessageTypeRequest, wanted(a), from("192.168.32.1"), opt(51, "\x00\x00\x00\x01"))); out.ReplyType != packet.ACK {
		f.t.Fatalf("the newcomer was offered %s and then refused: %s", a, out.Reason)
	}
}
