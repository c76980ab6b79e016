// Package crowdtest is a crowd of DHCP clients for tests that kill a server again and
// again: it asks for leases, many at a time, and keeps book of what it was promised.
// The book outlives the server: no lease may be refused later on, be missing from the
// journal, or be somebody else's.
//
// It checks what the server says and what it stores. Starting the server, killing it,
// and finding its journal is for the test.
package crowdtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A Wire is the clients' side of a network. What cannot be sent is lost without an
// error. Receive waits for the next message of a server until the deadline, and then
// fails with os.ErrDeadlineExceeded.
type Wire interface {
	Send(*dhcpv4.DHCPv4) error
	Receive(deadline time.Time) (*dhcpv4.DHCPv4, error)
}

// A Crowd is any number of clients. It is not safe for concurrent use.
type Crowd struct {
	number byte // a part of its clients' cards
	cards  uint16
	acked  map[netip.Addr]promise
	recent []netip.Addr // acknowledged since the last start of the server

	asking map[dhcpv4.TransactionID]*dhcpv4.DHCPv4 // what waits for an answer
	place  func() int64                            // see Ask
}

// promise is a lease that was acknowledged.
type promise struct {
	mac lease.MAC
	at  int64
}

// together is how many clients ask at a time, and patience how long they wait before
// they say a thing again: shorter while the server starts.
const (
	together      = 32
	patience      = 100 * time.Millisecond
	startPatience = 20 * time.Millisecond
)

// New returns a crowd whose cards are no other's of another number, up to 15.
func New(number byte) *Crowd {
	return &Crowd{number: number, acked: map[netip.Addr]promise{}}
}

// Len returns the number of leases in the book.
func (c *Crowd) Len() int { return len(c.acked) }

// Ask waits until the server answers. Then everybody who got a lease after its last
// start comes back and must be told that it is still his (RFC 2131 section 3.2), while
// others ask, until there are more than n new leases. place tells how much the server
// had done when an ACK came, in a measure of the test, for Missing and Forget.
func (c *Crowd) Ask(ctx context.Context, wire Wire, n int, place func() int64) error {
	c.place, c.asking = place, map[dhcpv4.TransactionID]*dhcpv4.DHCPv4{}
	back := c.recent
	c.recent = nil
	wait := startPatience
	for heard := false; len(c.recent) <= n || c.waiting(dhcpv4.MessageTypeRequest, true) > 0; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d clients wait for an answer: %w", len(c.asking), err)
		}
		if err := c.round(wire, heard); err != nil {
			return err
		}
		answered, err := c.listen(wire, time.Now().Add(wait))
		if err != nil {
			return err
		}
		if answered && !heard {
			heard, wait = true, patience
			if err := c.comeBack(back); err != nil {
				return err
			}
		}
	}
	return nil
}

// round has everybody say what he waits for an answer to; before the server was heard
// that is one.
func (c *Crowd) round(wire Wire, heard bool) error {
	for n := c.waiting(dhcpv4.MessageTypeDiscover, false); n < together && (heard || n == 0); n++ {
		c.cards++
		discover, err := dhcpv4.NewDiscovery(c.card(c.cards), dhcpv4.WithBroadcast(true))
		if err != nil {
			return err
		}
		c.asking[discover.TransactionID] = discover
	}
	for _, m := range c.asking {
		if err := wire.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// Hear takes what is still on the wire after the server is gone.
func (c *Crowd) Hear(wire Wire, place int64) error {
	c.place = func() int64 { return place }
	_, err := c.listen(mute{wire}, time.Now().Add(time.Millisecond))
	return err
}

// mute is a wire on which nobody is left to be told anything.
type mute struct{ Wire }

// Send implements Wire.
func (mute) Send(*dhcpv4.DHCPv4) error { return nil }

// listen takes answers until the deadline, or until nobody waits for one.
func (c *Crowd) listen(wire Wire, deadline time.Time) (answered bool, err error) {
	for len(c.asking) > 0 {
		answer, err := wire.Receive(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return answered, nil
		}
		if err != nil {
			return answered, err
		}
		if question := c.asking[answer.TransactionID]; question != nil {
			answered = true
			if err := c.take(wire, question, answer); err != nil {
				return answered, err
			}
		}
	}
	return answered, nil
}

// take takes an answer.
func (c *Crowd) take(wire Wire, question, answer *dhcpv4.DHCPv4) error {
	asked := question.MessageType()
	switch kind := answer.MessageType(); {
	case asked == dhcpv4.MessageTypeDiscover && kind == dhcpv4.MessageTypeOffer:
		request, err := dhcpv4.NewRequestFromOffer(answer, dhcpv4.WithBroadcast(true))
		if err != nil {
			return err
		}
		c.asking[request.TransactionID] = request
		return wire.Send(request)
	case asked == dhcpv4.MessageTypeRequest && kind == dhcpv4.MessageTypeAck:
		delete(c.asking, answer.TransactionID)
		return c.note(answer)
	case asked == dhcpv4.MessageTypeRequest && kind == dhcpv4.MessageTypeNak:
		return fmt.Errorf("%s is refused what it was given or offered: %s", question.ClientHWAddr,
			answer.Message())
	}
	return nil
}

// note writes an ACK into the book.
func (c *Crowd) note(ack *dhcpv4.DHCPv4) error {
	addr, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
	mac := lease.MAC(ack.ClientHWAddr)
	p, known := c.acked[addr]
	if known && p.mac != mac {
		return fmt.Errorf("%s was given to %s and now to %s", addr, p.mac, mac)
	}
	if !known {
		c.acked[addr] = promise{mac, c.place()}
		c.recent = append(c.recent, addr)
	}
	return nil
}

// comeBack has clients ask for the addresses that they remember.
func (c *Crowd) comeBack(addrs []netip.Addr) error {
	for _, addr := range addrs {
		p, kept := c.acked[addr]
		if !kept {
			continue
		}
		m, err := dhcpv4.New(dhcpv4.WithHwAddr(p.mac[:]), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
			dhcpv4.WithBroadcast(true), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())))
		if err != nil {
			return err
		}
		c.asking[m.TransactionID] = m
	}
	return nil
}

// waiting counts those who wait for an answer to such a message; back: only those who
// came back.
func (c *Crowd) waiting(kind dhcpv4.MessageType, back bool) (n int) {
	for _, m := range c.asking {
		if m.MessageType() == kind && (!back || m.ServerIdentifier() == nil) {
			n++
		}
	}
	return n
}

// card is the card of a client.
func (c *Crowd) card(n uint16) net.HardwareAddr {
	return net.HardwareAddr{0, 0x16, 0x3e, 0x30 + c.number, byte(n >> 8), byte(n)}
}

// Missing compares the book with the leases that are found in the journal when the
// server had done no more than place: an error names the first that is not there.
func (c *Crowd) Missing(found map[netip.Addr]lease.Lease, place int64) error {
	for addr, p := range c.acked {
		if l := found[addr]; p.at <= place && (l.State != lease.Bound || l.MAC != p.mac) {
			return fmt.Errorf("%s was acknowledged to %s; of %d leases found it is %+v", addr, p.mac,
				len(found), l)
		}
	}
	return nil
}

// Forget takes out of the book what was promised after place, because for the server
// it never happened. What stays was promised by an earlier one.
func (c *Crowd) Forget(place int64) {
	for addr, p := range c.acked {
		if p.at > place {
			delete(c.acked, addr)
			continue
		}
		c.acked[addr] = promise{mac: p.mac}
	}
}
