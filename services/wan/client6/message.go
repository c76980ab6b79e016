package client6

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

// message makes the message of an exchange as it is now.
func (c *Client) message(x *exchange) []byte {
	m := dhcpv6.Message{Type: x.kind, ID: x.id}
	o := &m.Options
	o.Add(dhcpv6.OptionClientID, c.duid)
	if server := c.server(x.kind); server != nil {
		o.Add(dhcpv6.OptionServerID, server)
	}
	o.Add(dhcpv6.OptionElapsedTime, dhcpv6.AppendElapsed(nil, c.now.Up-x.began))
	switch x.kind {
	case dhcpv6.Release:
		if len(c.released.Addrs) > 0 {
			c.addAddresses(o, c.released.addrs())
		}
		if len(c.released.Prefixes) > 0 {
			c.addPrefixes(o, c.released.prefixes())
		}
		return m.Append(nil)
	case dhcpv6.Decline:
		c.addAddresses(o, []netip.Addr{c.declined.addr})
		return m.Append(nil)
	case dhcpv6.InformationRequest:
	default:
		addrs, prefixes := c.hints()
		if len(addrs) > 0 || c.wantsAddress() {
			c.addAddresses(o, addrs)
		}
		if c.conf.IPv6.Delegation != nil {
			c.addPrefixes(o, prefixes)
		}
	}
	codes := []uint16{dhcpv6.OptionDNS, dhcpv6.OptionSearch, dhcpv6.OptionSNTP, dhcpv6.OptionNTP}
	if x.kind == dhcpv6.InformationRequest {
		codes = append(codes, dhcpv6.OptionRefreshTime, dhcpv6.OptionInfMaxRT)
	} else {
		codes = append(codes, dhcpv6.OptionSolMaxRT)
	}
	o.Add(dhcpv6.OptionORO, dhcpv6.AppendCodes(nil, codes))
	return m.Append(nil)
}

// server is whom a message of that type is for; nil: all of them.
func (c *Client) server(kind dhcpv6.MessageType) dhcpv6.DUID {
	switch {
	case kind == dhcpv6.Request:
		return c.offer.server
	case kind == dhcpv6.Release:
		return c.released.Server
	case kind == dhcpv6.Decline:
		return c.declined.server
	case kind == dhcpv6.Renew:
		return c.lease.Server
	}
	return nil
}

// hints are the addresses and prefixes that the session asks for: those offered, those in use,
// or those of before.
func (c *Client) hints() (addrs []netip.Addr, prefixes []netip.Prefix) {
	switch {
	case c.state == Requesting && c.offer.given():
		addrs, prefixes = c.offer.leases.addrs(), c.offer.leases.prefixes()
	case c.lease != nil:
		addrs, prefixes = c.lease.addrs(), c.lease.prefixes()
	case c.kept != nil && c.state == Verifying:
		addrs, prefixes = c.kept.addrs(), c.kept.prefixes()
	}
	if len(prefixes) == 0 {
		prefixes = c.asked
	}
	if wish := c.conf.IPv6.Delegation; len(prefixes) == 0 && wish != nil && wish.Length > 0 {
		prefixes = []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), wish.Length)}
	}
	return addrs, prefixes
}

// Lifetimes, T1 and T2 of a client say nothing (RFC 8415 21.4, 21.21): they are 0.

func (c *Client) addAddresses(o *dhcpv6.Options, all []netip.Addr) {
	ia := dhcpv6.IA{ID: c.conf.IAID()}
	for _, one := range all {
		a := dhcpv6.Address{Addr: one}
		ia.Options.Add(dhcpv6.OptionIAAddr, a.Append(nil))
	}
	o.Add(dhcpv6.OptionIANA, ia.Append(nil))
}

func (c *Client) addPrefixes(o *dhcpv6.Options, all []netip.Prefix) {
	ia := dhcpv6.IA{ID: c.iaid()}
	for _, one := range all {
		p := dhcpv6.Prefix{Prefix: one}
		ia.Options.Add(dhcpv6.OptionIAPrefix, p.Append(nil))
	}
	o.Add(dhcpv6.OptionIAPD, ia.Append(nil))
}

// iaid is that of the delegation.
func (c *Client) iaid() uint32 {
	if d := c.conf.IPv6.Delegation; d != nil {
		return d.IAID
	}
	return 0
}
