package dhcp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// BenchmarkDORA measures the four messages of a new lease, without disk and network.
func BenchmarkDORA(b *testing.B) {
	conf := home()
	sub := &conf.Subnets[0]
	sub.Prefix, sub.Address, sub.Router = netip.MustParsePrefix("10.0.0.0/8"), ip("10.0.0.1"), ip("10.0.0.1")
	sub.Pool = []lease.Range{{First: ip("10.1.0.0"), Last: ip("10.255.255.254")}}
	conf.Hosts = nil
	s := newServer(b, conf)
	discover := ask(visitor, dhcpv4.MessageTypeDiscover, opt(12, "tablet"), opt(55, "\x01\x03\x06\x0c\x0f\x1c\x2a"))
	request := ask(visitor, dhcpv4.MessageTypeRequest, wanted("10.1.0.0"), from("10.0.0.1"), opt(55, "\x01\x03\x06\x0c\x0f\x1c\x2a"))
	at := len(request) - 4
	for ; request[at] != 50 || request[at+1] != 4; at-- {
	}
	out := new(Outcome)
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ { // card 0 would be no card
		now := t0.Add(time.Duration(i))
		binary.BigEndian.PutUint32(discover[30:], uint32(i))
		binary.BigEndian.PutUint32(request[30:], uint32(i))
		s.Handle(now, 0, lease.MAC{}, discover, out)
		a := out.Addr.As4()
		copy(request[at+2:], a[:])
		s.Handle(now, 0, lease.MAC{}, request, out)
		if out.ReplyType != packet.ACK {
			b.Fatal(out.Reason)
		}
	}
}
