package vmtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	dhcplease "github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// crowd is any number of clients at the end of a wire, with a book of what they were promised. The book outlives the
// machine that promised it.
type crowd struct {
	number byte // of the crowd, a part of its clients' cards
	cards  uint16
	acked  map[netip.Addr]promise
	first  []netip.Addr // acknowledged since the last boot

	asking map[dhcpv4.TransactionID]*dhcpv4.DHCPv4 // what waits for an answer
	place  func() int64                            // see ask
}

// promise is a lease that was acknowledged.
type promise struct {
	mac [6]byte
	at  int64 // what the log of the disk had when the ACK came; 0: it is of an earlier boot
}

// together is how many clients of a crowd ask at a time.
const together = 32

// patience is how long a client waits before it says a thing again.
const patience = 100 * time.Millisecond

func newCrowd(number byte) *crowd {
	return &crowd{number: number, acked: map[netip.Addr]promise{}}
}

// ask waits for the machine to boot. Everybody who got a lease in the last session comes back and must be told that it
// is still his; and meanwhile others ask, until there are more than n new leases. place tells what the log of the disk has.
func (c *crowd) ask(ctx context.Context, wire *Wire, n int, place func() int64) error {
	c.place, c.asking = place, map[dhcpv4.TransactionID]*dhcpv4.DHCPv4{}
	if _, err := wire.Offer(ctx, c.card(0xffff), 0, 20*time.Millisecond); err != nil {
		return err
	}
	back := c.first
	c.first = nil
	for _, addr := range back {
		if p, kept := c.acked[addr]; kept {
			if err := c.reboots(p.mac[:], addr); err != nil {
				return err
			}
		}
	}
	for len(c.first) <= n || c.waiting(dhcpv4.MessageTypeRequest, true) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d clients wait for an answer: %w", len(c.asking), err)
		}
		if err := c.round(wire); err != nil {
			return err
		}
	}
	return nil
}

// round has everybody say what he waits for an answer to, and hears the answers.
func (c *crowd) round(wire *Wire) error {
	for c.waiting(dhcpv4.MessageTypeDiscover, false) < together {
		c.cards++
		discover, err := dhcpv4.NewDiscovery(c.card(c.cards))
		if err != nil {
			return err
		}
		c.asking[discover.TransactionID] = discover
	}
	for _, m := range c.asking {
		if err := wire.Send(broadcastDHCP(m, 0)); err != nil {
			return err
		}
	}
	return c.listen(wire, time.Now().Add(patience))
}

// hear takes what is still on the wire after the machine is off.
func (c *crowd) hear(wire *Wire, place int64) error {
	c.place = func() int64 { return place }
	return c.listen(wire, time.Now().Add(time.Millisecond))
}

// listen takes answers until the deadline, or until nobody waits for one.
func (c *crowd) listen(wire *Wire, deadline time.Time) error {
	for len(c.asking) > 0 {
		frame, err := wire.Receive(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		payload, ok := udpTo(frame, 0, clientPort)
		if !ok {
			continue
		}
		answer, err := dhcpv4.FromBytes(payload)
		if err != nil {
			return err
		}
		if question := c.asking[answer.TransactionID]; question != nil {
			if err := c.take(wire, question, answer); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes an answer.
func (c *crowd) take(wire *Wire, question, answer *dhcpv4.DHCPv4) error {
	addr, asked := OfferedAddr(answer), question.MessageType()
	switch kind := answer.MessageType(); {
	case asked == dhcpv4.MessageTypeDiscover && kind == dhcpv4.MessageTypeOffer:
		request, err := dhcpv4.NewRequestFromOffer(answer)
		if err != nil {
			return err
		}
		c.asking[request.TransactionID] = request
		return wire.Send(broadcastDHCP(request, 0))
	case asked == dhcpv4.MessageTypeRequest && kind == dhcpv4.MessageTypeAck:
		delete(c.asking, answer.TransactionID)
		mac := [6]byte(answer.ClientHWAddr)
		p, known := c.acked[addr]
		if known && p.mac != mac {
			return fmt.Errorf("%s was given to %x and now to %x", addr, p.mac, mac)
		}
		if !known {
			c.acked[addr] = promise{mac, c.place()}
			c.first = append(c.first, addr)
		}
	case asked == dhcpv4.MessageTypeRequest && kind == dhcpv4.MessageTypeNak:
		return fmt.Errorf("%s is refused what it was given before: %s", question.ClientHWAddr, answer.Message())
	}
	return nil
}

// reboots has a client ask for the address it remembers: RFC 2131 section 3.2.
func (c *crowd) reboots(mac net.HardwareAddr, addr netip.Addr) error {
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())))
	if err == nil {
		c.asking[m.TransactionID] = m
	}
	return err
}

// waiting counts those who wait for an answer to such a message; back: only those who came back.
func (c *crowd) waiting(kind dhcpv4.MessageType, back bool) (n int) {
	for _, m := range c.asking {
		if m.MessageType() == kind && (!back || m.ServerIdentifier() == nil) {
			n++
		}
	}
	return n
}

// card is the card of a client.
func (c *crowd) card(n uint16) net.HardwareAddr {
	return net.HardwareAddr{0, 0x16, 0x3e, 0x30 + c.number, byte(n >> 8), byte(n)}
}

// missing compares the book with the leases that are found when the power was cut after n bytes of the disk's log.
func (c *crowd) missing(found map[netip.Addr]dhcplease.Lease, n int64) error {
	for addr, p := range c.acked {
		if l := found[addr]; p.at <= n && (l.State != dhcplease.Bound || l.MAC != dhcplease.MAC(p.mac)) {
			return fmt.Errorf("%s was acknowledged to %x; of %d leases found it is %+v", addr, p.mac, len(found), l)
		}
	}
	return nil
}

// forget takes out of the book what was promised after n bytes of the disk's log, which is where the power was cut.
func (c *crowd) forget(n int64) {
	for addr, p := range c.acked {
		if p.at > n {
			delete(c.acked, addr)
			continue
		}
		c.acked[addr] = promise{mac: p.mac}
	}
}
