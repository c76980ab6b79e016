// Package dhcp is the DHCPv4 server of a LAN's router: which address a client
// gets, what it is told, and why (RFC 2131, RFC 2132).
//
// It is an engine: bytes and a time go in, an Outcome comes out. It opens no
// socket, reads no clock and writes no file; services/dhcp/run joins it to
// services/dhcp/conn and services/dhcp/leasefile. An Outcome that changes a lease
// says so in Records, which must be durable before its Reply is sent.
//
// A client is known by its hardware address, whatever its client identifier says
// (RFC 2131 4.2 would have it the other way): a machine that boots from the network
// asks from ROM, iPXE, initramfs and system with four identifiers and must stay at
// one address, and cloned systems share one identifier. Clients are never
// believed: a name they give themselves is checked and cannot be another's.
//
// A Server is not safe for concurrent use.
package dhcp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/packet"
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
)

// A Server serves the subnets of one Config.
type Server struct {
	subnets []*subnet
	hosts   map[lease.MAC]*Host
	names   map[string]struct{} // that no client may call itself
	in, out packet.Packet
	scratch scratch
}

// A subnet is one LAN with its leases.
type subnet struct {
	Subnet
	table *lease.Table
	// basics and extras are the options that are the same for all its clients.
	basics, extras []packet.Option
}

// New checks conf and returns a server without leases. The error, made by
// errors.Join, has everything that is wrong with conf.
func New(conf Config) (*Server, error) {
	if err := conf.check(); err != nil {
		return nil, err
	}
	s := &Server{hosts: make(map[lease.MAC]*Host), names: conf.names()}
	for i := range conf.Hosts {
		for _, mac := range conf.Hosts[i].MACs {
			s.hosts[mac] = &conf.Hosts[i]
		}
	}
	for _, sub := range conf.Subnets {
		table, err := lease.New(conf.leases(sub))
		if err != nil {
			return nil, fmt.Errorf("subnet %s: %w", sub.Name, err)
		}
		s.subnets = append(s.subnets, &subnet{Subnet: sub, table: table, basics: sub.basics(), extras: sub.extras()})
	}
	return s, nil
}

// leases returns what the lease table of sub is made from.
func (c *Config) leases(sub Subnet) lease.Config {
	t := lease.Config{
		Pool: sub.Pool, OfferHold: OfferHold, Quarantine: Quarantine,
		Exclude: slices.Concat(
			[]netip.Addr{sub.Address, sub.Router, sub.Prefix.Addr(), lastAddr(sub.Prefix)}, sub.DNS, sub.NTP),
	}
	for _, h := range c.Hosts {
		var own []netip.Addr
		for _, a := range h.Addrs {
			if sub.Prefix.Contains(a) {
				own = append(own, a)
			}
		}
		if len(h.MACs) == 0 {
			t.Exclude = append(t.Exclude, own...)
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
		if h := s.hosts[l.MAC]; h != nil {
			l.Name = h.Name
		} else if _, taken := s.names[l.Name]; taken {
			l.Name = ""
		}
		sub.table.Restore(l)
	}
}

// Handle decides about one message that arrived on the link of the given subnet,
// an index of Config.Subnets, and leaves what to do in out. It never fails: what
// cannot be understood is dropped with a reason.
func (s *Server) Handle(now time.Time, subnet int, msg []byte, out *Outcome) {
	out.reset()
	sub := s.subnets[subnet]
	if !s.accept(sub, msg, out) {
		return
	}
	switch out.Type {
	case packet.Discover:
		s.discover(now, sub, out)
	case packet.Request:
		s.request(now, sub, out)
	case packet.Decline:
		s.decline(now, sub, out)
	case packet.Release:
		s.release(now, sub, out)
	case packet.Inform:
		s.inform(sub, out)
	default:
		out.drop(DropType, "not a message that a client sends")
	}
}

// accept reads msg into s.in and refuses what no client of this link sends.
func (s *Server) accept(sub *subnet, msg []byte, out *Outcome) bool {
	p := &s.in
	if err := p.Unmarshal(msg); err != nil {
		out.drop(DropMalformed, err.Error())
		return false
	}
	out.Type, out.XID, out.MAC = p.Type(), p.XID, lease.MAC(p.CHAddr[:6])
	switch {
	case p.Op != packet.BootRequest:
		out.drop(DropNotRequest, "not a request")
	case p.HType != packet.Ethernet || p.HLen != 6 || !out.MAC.IsUnicast():
		out.drop(DropHardware, "not from the address of an Ethernet card")
	case !p.GIAddr.IsUnspecified() && !sub.Prefix.Contains(p.GIAddr):
		out.drop(DropRelay, "relayed from a network that is not served here")
	}
	out.Stage = stageOf(p)
	return out.Drop == 0
}

// ours reports whether the message is for this server or names none.
func (s *Server) ours(sub *subnet) bool {
	id := s.in.Option(packet.OptionServerID)
	return id == nil || s.in.Addr(packet.OptionServerID) == sub.Address
}

// leaseTime returns the lease time for a client that may ask for less (RFC 2131
// 4.3.1: it "may" get what it asks for).
func (sub *subnet) leaseTime(asked time.Duration) time.Duration {
	if asked <= 0 {
		return sub.LeaseTime
	}
	return min(sub.LeaseTime, max(asked, MinLeaseTime))
}
