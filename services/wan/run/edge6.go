package run

import (
	"errors"
	"net"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/conn"
)

// A Conn6 is the sockets for IPv6 on the link. Close ends what reads, whose error is net.ErrClosed.
type Conn6 interface {
	// EachAdvertisement calls heard with each that comes, until Close; it is valid until heard returns. It
	// calls answered with who answers a Probe.
	EachAdvertisement(heard func(from netip.Addr, a *advert.Advertisement),
		answered func(by netip.Addr)) error
	// ReadMessage waits for a message to port 546, which is valid until the next call.
	ReadMessage() (message []byte, from netip.Addr, err error)
	// Solicit asks all routers, and Probe one whether it is there; Send asks all DHCPv6 servers. None waits.
	Solicit() error
	Probe(router netip.Addr) error
	Send(message []byte) error
	// Duplicates returns those of all that another station has.
	Duplicates(all []netip.Addr) ([]netip.Addr, error)
	Card() wan.MAC
	links.Socket
}

// sockets6 are those of package conn.
type sockets6 struct{ *conn.Conn6 }

func openSockets6(link string) (Conn6, error) {
	c, err := conn.Open6(link)
	if err != nil {
		return nil, err
	}
	return sockets6{c}, nil
}

// Card implements Conn6.
func (s sockets6) Card() wan.MAC { return s.Link.MAC }

// read hands what comes in to the owner, until the sockets are closed.
func (v *six) read(k Conn6) {
	// hand has the owner do f, if k is in use; that is over when the service is.
	hand := func(f func()) error {
		return v.s.do(v.s.life, func() {
			if v.conn == k {
				f()
			}
		})
	}
	ended := func(err error) {
		if !errors.Is(err, net.ErrClosed) {
			v.s.log.Error("reading from the link", "cause", err)
		}
	}
	go func() {
		ended(k.EachAdvertisement(func(from netip.Addr, a *advert.Advertisement) {
			_ = hand(func() { v.hear(from, a) }) // without an owner there is nobody to tell
		}, func(by netip.Addr) {
			_ = hand(func() { v.answered(by) })
		}))
	}()
	go func() {
		for {
			b, _, err := k.ReadMessage()
			if err != nil {
				ended(err)
				return
			}
			if hand(func() { v.receive(b) }) != nil {
				return
			}
		}
	}()
}

// receive hands a message to the DHCPv6 client.
func (v *six) receive(b []byte) {
	m, err := dhcpv6.Read(b)
	if err != nil || v.client == nil {
		v.garbage++
		return
	}
	v.carryOut(v.client.Receive(v.now(), &m))
}
