// Package dhcp is the DHCPv4 server of a LAN's router: which address a client
// gets, what it is told, and why (RFC 2131, RFC 2132).
//
// It is an engine: bytes and a time go in, an Outcome comes out. The time is of a
// clock that goes on as clients' clocks do and never back, whatever is done to that
// of the machine. It opens no socket, reads no clock and writes no file; services/dhcp/run joins it to
// services/dhcp/conn and services/dhcp/leasefile. An Outcome that changes a lease
// says so in Records, which must be durable before its Reply is sent.
//
// A client is known by its hardware address, whatever its client identifier says
// (RFC 2131 4.2 would have it the other way): a machine that boots from the network
// asks from ROM, iPXE, initramfs and system with four identifiers and must stay at
// one address, and cloned systems share one identifier. Only hosts that have no card
// of their own are told apart by it, see clientOf. Clients are never
// believed: a name they give themselves is checked and cannot be another's, offers
// are short, bounded, and keep nobody out, and an address that is new to a client
// can be looked for first. Relay agents are: what they say is for the network's
// owner to keep clients from saying.
//
// A Server is not safe for concurrent use.
package dhcp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Choices of our own, not of any RFC.
const (
	// OfferHold is how long an offered address is kept for its client. Clients
	// decide within seconds.
	OfferHold = 30 * time.Second
	// Quarantine is how long a declined address is not given out (dnsmasq: the same).
	Quarantine = 10 * time.Minute
	// MinLeaseTime is the shortest lease, also for a client that asks for less.
	MinLeaseTime = 2 * time.Minute
	// MaxLeaseTime is the longest lease: whatever a journal says, none runs for longer from now on.
	MaxLeaseTime = 30 * 24 * time.Hour
	// MaxOffers is how many addresses of a subnet are on offer at once: more than
	// machines power on together, and what a flood of requests can make us remember.
	MaxOffers = 4096
	// MaxByOne is how many addresses of a subnet one card can have put into quarantine at once: more than a
	// machine has, and few enough for the log of a person.
	MaxByOne = 16
)

// MinIPv6OnlyWait is the shortest time that clients leave IPv4 alone: RFC 8925
// section 3.4, MIN_V6ONLY_WAIT.
const MinIPv6OnlyWait = 300 * time.Second

// A Server serves the subnets of one Config.
type Server struct {
	subnets []*subnet
	hosts   map[lease.MAC]*Host
	ports   ports
	names   map[string]struct{} // that no client may call itself
	ids     identities

	// The message under way: where it came in, which network it is about, whose it
	// is (nil: nobody's of the site), and the reply.
	link, sub *subnet
	seen      bool // which card sent it
	host      *Host
	relay     relay
	in, out   packet.Packet
	scratch   scratch
	staged    int   // how many options of out are those of the message itself and of the boot stage
	displaced []int // options that the boot stage has others in place of
}

// A subnet is one network with its leases.
type subnet struct {
	Subnet
	index int // in Config.Subnets
	table *lease.Table
	mask  []byte
	// told are the options that are the same for all its clients but hosts with a
	// way out of their own. others has those by that router; zero: no way out.
	told   []told
	others map[netip.Addr][]told
}

// New checks conf and returns a server without leases. The error, made by
// errors.Join, has everything that is wrong with conf.
func New(conf Config) (*Server, error) {
	if err := conf.check(); err != nil {
		return nil, err
	}
	s := &Server{hosts: make(map[lease.MAC]*Host, len(conf.Hosts)), ports: newPorts(&conf),
		names: conf.names(), ids: identities{}}
	for i := range conf.Hosts {
		for _, mac := range conf.Hosts[i].MACs {
			s.hosts[mac] = &conf.Hosts[i]
		}
	}
	for i, sub := range conf.Subnets {
		table, err := lease.New(conf.leases(sub))
		if err != nil {
			return nil, fmt.Errorf("subnet %s: %w", sub.Name, err)
		}
		s.subnets = append(s.subnets, &subnet{
			Subnet: sub, index: i, table: table, mask: sub.mask(), told: sub.tell(sub.Router, false),
			others: conf.otherWays(sub),
		})
	}
	return s, nil
}

// otherWays returns what is told in sub to hosts that have a way out of their own.
func (c *Config) otherWays(sub Subnet) map[netip.Addr][]told {
	others := make(map[netip.Addr][]told)
	for i := range c.Hosts {
		if router, other := c.Hosts[i].router(&sub); other && others[router] == nil {
			others[router] = sub.tell(router, true)
		}
	}
	return others
}

// router returns the host's way out of sub, zero for none, and whether that is
// another than everybody's.
func (h *Host) router(sub *Subnet) (router netip.Addr, other bool) {
	switch {
	case h.NoRouter:
		return netip.Addr{}, true
	case h.Router.IsValid() && sub.Prefix.Contains(h.Router):
		return h.Router, true
	}
	return sub.Router, false
}

// leases returns what the lease table of sub is made from.
func (c *Config) leases(sub Subnet) lease.Config {
	t := lease.Config{
		Pool: sub.Pool, OfferHold: OfferHold, MaxOffers: MaxOffers, Quarantine: Quarantine,
		MaxByOne: MaxByOne, Exclude: slices.Clone(sub.Exclude),
	}
	exclude := func(all ...netip.Addr) {
		for _, a := range all {
			if a.Is4() {
				t.Exclude = append(t.Exclude, lease.Range{First: a, Last: a})
			}
		}
	}
	exclude(sub.Address, sub.Router, sub.Prefix.Addr(), lastAddr(sub.Prefix))
	exclude(sub.DNS...)
	exclude(sub.NTP...)
	for _, h := range c.Hosts {
		exclude(h.Router)
		var own []netip.Addr
		for _, a := range h.Addrs {
			if sub.Prefix.Contains(a) {
				own = append(own, a)
			}
		}
		if !h.asks() {
			exclude(own...)
		} else if len(own) > 0 {
			t.Reservations = append(t.Reservations, lease.Reservation{MACs: h.MACs, Addrs: own})
		}
	}
	return t
}

// Restore puts a lease back that was stored before. Leases that lie in no subnet
// any more are forgotten, and a name that has since become another's is taken off.
func (s *Server) Restore(l lease.Lease) {
	for _, sub := range s.subnets {
		if !sub.Prefix.Contains(l.Addr) {
			continue
		}
		if h := s.ports.ownerOf(l.Addr); h != nil && l.State == lease.Bound {
			s.adopt(l.Since, sub, l.MAC, h)
		}
		if h := s.hostOf(l.MAC); h != nil {
			l.Name = h.Name
		} else if _, taken := s.names[l.Name]; taken {
			l.Name = ""
		}
		sub.table.Restore(l)
	}
}

// Handle decides about one message that arrived on the link of the given subnet,
// an index of Config.Subnets, and leaves what to do in out. It came in a frame of the
// card from; zero: nobody saw. It never fails: what cannot be understood is dropped with
// a reason.
func (s *Server) Handle(now time.Time, link int, from lease.MAC, msg []byte, out *Outcome) {
	out.reset()
	out.Subnet, out.From, s.seen = link, from, from != lease.MAC{}
	if !s.accept(s.subnets[link], msg, out) {
		return
	}
	s.recognize(now, out)
	out.Says = appendOptions(out.Says, s.in.Options)
	switch out.Type {
	case packet.Discover:
		s.discover(now, out)
	case packet.Request:
		s.request(now, out)
	case packet.Decline:
		s.decline(now, out)
	case packet.Release:
		s.release(now, out)
	case packet.Inform:
		s.inform(out)
	default:
		out.drop(DropType, "not a message that a client sends")
	}
	if s.in.Cut != 0 {
		out.Reason += "; " + cut(&s.in)
	}
}

// cut says which option of a message could not be read.
func cut(p *packet.Packet) string {
	return fmt.Sprintf("option %d runs past the end of its field, and is not read", p.Cut)
}

// accept reads msg into s.in, finds the network it is about, and refuses what no
// client sends.
func (s *Server) accept(link *subnet, msg []byte, out *Outcome) bool {
	p := &s.in
	if err := p.Unmarshal(msg); err != nil {
		out.drop(DropMalformed, err.Error())
		return false
	}
	out.Type, out.XID, out.Card = p.Type(), p.XID, lease.MAC(p.CHAddr[:6])
	out.MAC, out.Behind = s.clientOf(p)
	s.relay = relayOf(p)
	s.link, s.sub = link, s.place(link)
	if !p.GIAddr.IsUnspecified() {
		out.Agent = p.GIAddr
	}
	if out.From == out.Card || s.routed() {
		out.From = lease.MAC{}
	}
	switch {
	case p.Cut != 0 && out.Type == 0:
		out.drop(DropMalformed, cut(p))
	case p.Op != packet.BootRequest:
		out.drop(DropNotRequest, "not a request")
	case p.HType != packet.Ethernet || p.HLen != 6 || !out.Card.IsUnicast():
		out.drop(DropHardware, "not from the address of an Ethernet card")
	case s.sub == nil:
		out.drop(DropRelay, "relayed from a network that is not served here")
	}
	out.Stage, out.Arch = stageOf(p), archOf(p)
	return out.Drop == 0
}

// recognize finds out who is asking.
func (s *Server) recognize(now time.Time, out *Outcome) {
	out.Subnet = s.sub.index
	if s.hosts[out.MAC] == nil {
		if h := s.ports.find(&s.relay); h != nil {
			s.adopt(now, s.sub, out.MAC, h)
		}
	}
	s.host = s.hostOf(out.MAC)
	out.Known = s.host != nil
	if !out.Known {
		_, out.Known = s.sub.table.Of(now, out.MAC)
	}
}

// hostOf returns the host of the site that a card belongs to, nil if there is none.
func (s *Server) hostOf(mac lease.MAC) *Host {
	if h := s.hosts[mac]; h != nil {
		return h
	}
	return s.ports.adopted[mac]
}

// serverID returns the server identifier of replies: the one that a relay agent
// wants (RFC 5107), so that renewals come through it too, or our address.
func (s *Server) serverID() netip.Addr {
	switch {
	case s.relay.server.IsValid():
		return s.relay.server
	case s.sub.Address.IsValid():
		return s.sub.Address
	}
	return s.link.Address
}

// namesServer reports whether the message is for one server. 0.0.0.0 is none.
func (s *Server) namesServer() bool {
	id := s.in.Addr(packet.OptionServerID)
	return s.in.Option(packet.OptionServerID) != nil && (!id.IsValid() || !id.IsUnspecified())
}

// ours reports whether the message is for this server or names none.
func (s *Server) ours() bool {
	if !s.namesServer() {
		return true
	}
	id := s.in.Addr(packet.OptionServerID)
	return id.IsValid() && (id == s.relay.server ||
		slices.ContainsFunc(s.subnets, func(sub *subnet) bool { return sub.Address == id }))
}

// leaseTime returns the lease time for the client, which may ask for less (RFC 2131
// 4.3.1: it "may" get what it asks for).
func (s *Server) leaseTime() time.Duration {
	most := s.sub.LeaseTime
	if s.host != nil && s.host.LeaseTime > 0 {
		most = s.host.LeaseTime
	}
	if asked := s.askedTime(); asked > 0 {
		return min(most, max(asked, MinLeaseTime))
	}
	return most
}

// asks reports whether the host uses DHCP.
func (h *Host) asks() bool { return len(h.MACs)+len(h.Ports) > 0 }
