package client

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Drop is why a message had no effect.
type Drop uint8

// The reasons.
const (
	_           Drop = iota
	NotReply         // a message that clients send
	NotOurs          // for another card
	NotAsked         // no question of ours has its number
	NotNow           // of a type that is not waited for
	NotServer        // without a server that it could be from
	OtherServer      // of a server that was not asked
	dropCount
)

// String returns a key for counters and listings.
func (d Drop) String() string {
	return [...]string{
		"", "not-a-reply", "not-ours", "not-asked", "not-now", "no-server", "other-server", "?",
	}[d&7]
}

// hear takes a message, or says why it has no effect.
func (c *Client) hear(p *packet.Packet, from netip.Addr) Drop {
	switch {
	case p.Op != packet.BootReply:
		return NotReply
	case p.HType != packet.Ethernet || p.HLen != 6 || wan.MAC(p.CHAddr[:6]) != c.conf.MAC:
		return NotOurs
	}
	at, ok := c.x.answered(p.XID)
	if !ok {
		return NotAsked
	}
	r := c.read(p, from, at)
	if !r.server.IsValid() {
		return NotServer
	}
	drop := NotNow
	switch p.Type() {
	case packet.Offer:
		if c.state == Selecting {
			drop = c.hearOffer(r)
		}
	case packet.ACK:
		drop = c.hearACK(r)
	case packet.NAK:
		drop = c.hearNAK(r)
	}
	if drop == 0 {
		c.lastHeard = c.now.Up
	}
	return drop
}

// A reply is what a server's message says, read and not yet judged.
type reply struct {
	server  netip.Addr // its identifier, or where the message came from
	said    wan.Said
	message string // option 56, printable
	raw     *wan.Message
	term    wan.Term
	remarks []wan.Remark
	err     error // the times are none that can be kept
}

// read reads a message that answers one sent at the given time. Options that are not
// what they should be are taken as if they were not there.
func (c *Client) read(p *packet.Packet, from netip.Addr, asked time.Duration) *reply {
	r := &reply{server: p.Addr(packet.OptionServerID)}
	if r.server.IsUnspecified() {
		r.server = netip.Addr{}
	}
	if !r.server.IsValid() && from.Is4() && !from.IsUnspecified() {
		r.server = from
		r.remark(wan.AboutServer, "the server does not say who it is (option 54): %s is taken, where it came from",
			from)
	}
	if p.Cut != 0 {
		r.remark(wan.AboutServer, "option %d of its message runs past the end, and is not read", p.Cut)
	}
	r.raw = raw(p)
	said := &r.said
	said.Addr, said.Mask = p.YIAddr, p.Addr(packet.OptionSubnetMask)
	said.Routers, _ = option.ReadAddrs(p.Option(packet.OptionRouter))
	said.DNS, _ = option.ReadAddrs(p.Option(packet.OptionDNS))
	said.NTP, _ = option.ReadAddrs(p.Option(packet.OptionNTP))
	said.Domain = string(p.Option(packet.OptionDomain))
	said.MTU, _ = p.Uint16(packet.OptionMTU)
	r.lists(p)
	if b := p.Option(packet.OptionMessage); len(b) > 0 {
		r.message = fmt.Sprintf("%+.128q", strings.TrimRight(string(b), "\x00"))
	}
	if p.Type() != packet.NAK {
		r.times(p, asked, c.rand)
	}
	r.term.Source, r.term.Server = wan.FromDHCP, r.server
	return r
}

// raw copies what a message says, within bounds.
func raw(p *packet.Packet) *wan.Message {
	m := &wan.Message{
		YIAddr: p.YIAddr, SIAddr: p.SIAddr, GIAddr: p.GIAddr, SName: bytes.Clone(p.SName),
		File: bytes.Clone(p.File),
	}
	room := wan.MaxMessage
	for _, o := range p.Options {
		if room -= len(o.Data); room < 0 {
			break
		}
		m.Options = append(m.Options, wan.Option{Code: o.Code, Data: bytes.Clone(o.Data)})
	}
	return m
}

// lists reads the options that have lists with a structure. Of routes, 121 takes the
// place of routers; 249, which is older and Microsoft's, adds to them.
func (r *reply) lists(p *packet.Packet) {
	if b := p.Option(packet.OptionSearch); len(b) > 0 {
		var ok bool
		if r.said.Search, ok = option.ReadDomains(b); !ok {
			r.remark(wan.AboutDomain, "the search list (option 119) is ignored: it is damaged")
		}
	}
	for _, code := range []uint8{packet.OptionRoutes, packet.OptionMSRoutes} {
		b := p.Option(code)
		if len(b) == 0 {
			continue
		}
		routes, ok := option.ReadRoutes(b)
		if ok {
			r.said.Routes, r.said.RoutesOnly = routes, code == packet.OptionRoutes
			return
		}
		r.remark(wan.AboutRoute, "the routes of option %d are ignored: they are damaged", code)
	}
}

func (r *reply) remark(about wan.About, format string, args ...any) {
	r.remarks = append(r.remarks, wan.Remark{About: about, Text: fmt.Sprintf(format, args...)})
}

// says returns what the server has to say about it, as the end of a sentence.
func (r *reply) says() string {
	if r.message == "" {
		return ""
	}
	return ": it says " + r.message
}
