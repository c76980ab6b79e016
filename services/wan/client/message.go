package client

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// maxMessage is the largest message that is sent and, by option 57, wanted: what fits
// into an Ethernet frame with its IP and UDP headers.
const maxMessage = 1472

// An exchange is one question to servers and its answers.
type exchange struct {
	began time.Duration // secs counts from here
	secs  uint16
	tries int
	// sent are the messages that an answer may be to. A renewal has an xid for each, so
	// that it is known which one was answered: the lease counts from when that was sent.
	sent []sent
}

type sent struct {
	xid uint32
	at  time.Duration
}

// newExchange begins one.
func (c *Client) newExchange() {
	c.quiet()
	c.x = exchange{began: c.now.Up}
	c.newXID()
}

func (c *Client) newXID() {
	if len(c.x.sent) == maxSent {
		c.x.sent = append(c.x.sent[:0], c.x.sent[1:]...)
	}
	c.x.sent = append(c.x.sent, sent{uint32(c.rand()), c.now.Up})
}

func (c *Client) xid() uint32 { return c.x.sent[len(c.x.sent)-1].xid }

// answered returns when the message with that xid was sent.
func (x *exchange) answered(xid uint32) (at time.Duration, ok bool) {
	for _, s := range x.sent {
		if s.xid == xid {
			return s.at, true
		}
	}
	return 0, false
}

// count sets secs to the time that this exchange has taken.
func (c *Client) count() {
	c.x.secs = uint16(min((c.now.Up-c.x.began)/time.Second, 0xffff))
}

// backOff returns how long an answer is waited for: RFC 2131 4.1.
func (c *Client) backOff() time.Duration {
	wait := firstWait << min(max(c.x.tries-1, 0), 4)
	return min(wait, longestWait) + time.Duration(c.rand()%2001)*time.Millisecond - time.Second
}

// message returns one with what all have: RFC 2131 table 5.
func (c *Client) message(t packet.MessageType) *packet.Packet {
	p := &packet.Packet{
		Op: packet.BootRequest, HType: packet.Ethernet, HLen: 6, XID: c.xid(), Secs: c.x.secs,
	}
	copy(p.CHAddr[:], c.conf.MAC[:])
	p.Options = append(p.Options, packet.Option{Code: packet.OptionMessageType, Data: []byte{byte(t)}})
	if len(c.conf.ClientID) > 0 {
		p.Options = append(p.Options, packet.Option{Code: packet.OptionClientID, Data: c.conf.ClientID})
	}
	return p
}

func addAddr(p *packet.Packet, code uint8, a netip.Addr) {
	if a.Is4() {
		p.Options = append(p.Options, packet.Option{Code: code, Data: a.AsSlice()})
	}
}

// addWishes adds who this is, and what is asked for: for DISCOVER and REQUEST.
func (c *Client) addWishes(p *packet.Packet) {
	if c.conf.Broadcast && (p.CIAddr == netip.Addr{}) {
		p.Flags = packet.FlagBroadcast
	}
	add := func(code uint8, data []byte) {
		if len(data) > 0 {
			p.Options = append(p.Options, packet.Option{Code: code, Data: data})
		}
	}
	add(packet.OptionMaxSize, binary.BigEndian.AppendUint16(nil, maxMessage))
	add(packet.OptionHostName, []byte(c.conf.HostName))
	add(packet.OptionVendorClass, []byte(c.conf.VendorClass))
	// RFC 3442: classless routes before routers. T1 and T2 are sent unasked.
	add(packet.OptionRequestList, append([]byte{
		packet.OptionSubnetMask, packet.OptionRoutes, packet.OptionMSRoutes, packet.OptionRouter,
		packet.OptionDNS, packet.OptionDomain, packet.OptionMTU, packet.OptionBroadcast, packet.OptionNTP,
		packet.OptionLeaseTime, packet.OptionRenewalTime, packet.OptionRebindingTime, packet.OptionSearch,
	}, c.conf.Ask...))
	for _, o := range c.conf.Options {
		add(o.Code, o.Data)
	}
}

// send hands a message out.
func (c *Client) send(p *packet.Packet, to, from netip.Addr) {
	b, _ := p.Append(nil, maxMessage) // Config.Check sees to it that there is room for all
	c.lastSent = c.now.Up
	c.out = append(c.out, Send{Type: p.Type(), Message: b, To: to, From: from})
}

func (c *Client) sendDiscover() {
	c.count()
	p := c.message(packet.Discover)
	addAddr(p, packet.OptionRequestedAddr, c.last.addr)
	c.addWishes(p)
	c.send(p, netip.Addr{}, netip.Addr{})
}

// sendRequest takes an offer. It has the xid and, for relay agents, the secs of the
// DISCOVER (RFC 2131 3.1, 4.4.1).
func (c *Client) sendRequest() {
	p := c.message(packet.Request)
	addAddr(p, packet.OptionRequestedAddr, c.chosen.addr)
	addAddr(p, packet.OptionServerID, c.chosen.server)
	c.addWishes(p)
	c.send(p, netip.Addr{}, netip.Addr{})
}

// sendReboot asks whether an address is still ours: RFC 2131 4.3.2, INIT-REBOOT.
func (c *Client) sendReboot(a netip.Addr) {
	c.count()
	p := c.message(packet.Request)
	addAddr(p, packet.OptionRequestedAddr, a)
	c.addWishes(p)
	c.send(p, netip.Addr{}, netip.Addr{})
}

// sendRenew asks for more time, its server or all of them: RFC 2131 4.3.2, RENEWING and
// REBINDING.
func (c *Client) sendRenew(to netip.Addr) {
	c.count()
	p := c.message(packet.Request)
	p.CIAddr = c.lease.addr()
	c.addWishes(p)
	c.send(p, to, p.CIAddr) // to all of them too, as udhcpc and dhclient do: it is ours until it ends
}

func (c *Client) sendRelease(l *held) {
	c.newExchange()
	p := c.message(packet.Release)
	p.CIAddr = l.addr()
	addAddr(p, packet.OptionServerID, l.Term.Server)
	c.send(p, l.Term.Server, l.addr())
}

// sendDecline refuses an address that another station has: RFC 2131 4.4.4.
func (c *Client) sendDecline(l *held) {
	c.newExchange()
	p := c.message(packet.Decline)
	addAddr(p, packet.OptionRequestedAddr, l.addr())
	addAddr(p, packet.OptionServerID, l.Term.Server)
	p.Options = append(p.Options, packet.Option{
		Code: packet.OptionMessage, Data: []byte("another station answers for it"),
	})
	c.send(p, netip.Addr{}, netip.Addr{})
}

// routable reports whether a server can be asked alone: its identifier is the address of
// a station that is not on a LAN of ours.
func (c *Client) routable(server netip.Addr) bool {
	if !server.Is4() || server.As4()[0] == 0 || server.IsLoopback() || server.As4()[0] >= 224 {
		return false
	}
	for _, l := range c.conf.LANs {
		if l.Network.Contains(server) {
			return false
		}
	}
	return true
}
