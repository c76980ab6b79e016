package client

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// maxOwn is how many addresses of the machine are looked at.
const maxOwn = 1024

// Own says which addresses the machine has now, with the networks on their links. A server that has the time
// from one of them is not followed: it would have from us what we have from it (RFC 5905 7.3, and fit in
// A.5.5.3).
func (c *Client) Own(now time.Duration, own []netip.Prefix) []Action {
	c.begin(now)
	c.own, c.ownIDs = own[:min(len(own), maxOwn)], map[wire.RefID][]netip.Addr{}
	for _, p := range c.own {
		id := wire.RefIDOf(p.Addr())
		c.ownIDs[id] = append(c.ownIDs[id], p.Addr())
	}
	if len(c.servers) > 0 {
		c.choose()
	}
	return c.end()
}

// loops tells whether a server is this machine, or says that it has the time from it. At stratum 1 the
// reference id is no address. Private addresses are others' too: by them, only who is on one of our networks,
// or has a private address itself, can mean us.
func (c *Client) loops(s *server) bool {
	if s.addr.IsLoopback() || slices.ContainsFunc(c.own, func(p netip.Prefix) bool {
		return p.Addr() == s.addr
	}) {
		return true
	}
	if s.last.Stratum <= 1 {
		return false
	}
	for _, a := range c.ownIDs[s.last.RefID] {
		if !private(a) || private(s.addr) || c.near(s.addr) {
			return true
		}
	}
	return false
}

// private tells whether others may have an address too.
func private(a netip.Addr) bool { return a.IsPrivate() || a.IsLinkLocalUnicast() }

// near tells whether an address is on one of the networks of the machine.
func (c *Client) near(a netip.Addr) bool {
	for _, p := range c.own {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
