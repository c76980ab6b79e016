package plan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// outerHeader is what IPv4 around a packet takes, in bytes (RFC 4213 3.2).
const outerHeader = 20

// brokersCheck is who pings the appliance before tunnelbroker.net takes its address for an endpoint, as the
// broker's page says when nobody answers. Others of the broker are not needed.
var brokersCheck = netip.MustParseAddr("66.220.2.74")

// addTunnel adds the way out over IPv6. While WAN has no IPv4 address the link stays, without an end of ours,
// so that all that is on it is there still when an address comes: the kernel says to who sends that nobody is
// reached.
func addTunnel(c *netcfg.Config, s *site.Site, facts wan.Facts) {
	t := s.Tunnel
	if t == nil {
		return
	}
	l := netcfg.Link{Name: site.TunnelLink, Network: "tunnel", Remote: t.Server, MTU: tunnelMTU(s, facts)}
	if len(facts.Addrs) > 0 {
		l.Local = facts.Addrs[0].Addr()
	}
	c.Links = append(c.Links, l)
	c.Addresses = append(c.Addresses, netcfg.Address{Link: site.TunnelLink, Prefix: t.IPv6})
}

// tunnelMTU is what WAN leaves for a packet inside, unless the site knows better; what IPv6 must have in any
// case is then in fragments outside.
func tunnelMTU(s *site.Site, facts wan.Facts) uint16 {
	if s.Tunnel.MTU != 0 {
		return s.Tunnel.MTU
	}
	outside := wanHardware(s, facts, netcfg.Link{}).MTU
	if outside == 0 {
		outside = wanMTU
	}
	return max(outside-outerHeader, leastMTU6)
}

// tunnelRules let in what a tunnel needs: its packets from the broker's end, and the broker's pings, without
// which it takes no address for an endpoint.
func tunnelRules(s *site.Site) []firewall.Rule {
	if s.Tunnel == nil {
		return nil
	}
	rule := func(name string, flow firewall.Flow, from ...netip.Addr) firewall.Rule {
		r := allow(name, []string{site.ZoneWAN}, firewall.Box,
			firewall.Service{Name: name, Flows: []firewall.Flow{flow}})
		for _, a := range from {
			r.From[0].Addresses = append(r.From[0].Addresses, netip.PrefixFrom(a, a.BitLen()))
		}
		return r
	}
	const echoRequest, echoRequest6 = 8, 128 // RFC 792, RFC 4443 4.1
	server, gateway := s.Tunnel.Server, s.Tunnel.Gateway
	ping := rule("tunnel-ping", firewall.Flow{Proto: firewall.ICMP, Types: []uint8{echoRequest}}, server,
		brokersCheck)
	ping.From[0].Addresses = append(ping.From[0].Addresses, netip.PrefixFrom(gateway, gateway.BitLen()))
	ping.Services[0].Flows = append(ping.Services[0].Flows,
		firewall.Flow{Proto: firewall.ICMPv6, Types: []uint8{echoRequest6}})
	return []firewall.Rule{rule("tunnel", firewall.Flow{Proto: firewall.IPv6}, server), ping}
}

// tunnelConfig is what the service is told that watches the tunnel, and tells the broker where we are.
func tunnelConfig(s *site.Site, facts wan.Facts) tunnel6in4.Config {
	t := s.Tunnel
	c := tunnel6in4.Config{
		Link: site.TunnelLink, Server: t.Server, Own: t.IPv6.Addr(), Gateway: t.Gateway,
		MTU: tunnelMTU(s, facts),
	}
	if len(facts.Addrs) > 0 {
		c.Local = facts.Addrs[0].Addr()
		switch wan.KindOf(c.Local) {
		case wan.Private:
			c.Behind = tunnel6in4.NAT
		case wan.Shared:
			c.Behind = tunnel6in4.CGNAT
		}
	}
	if e := t.Update; e != nil {
		c.Update = &tunnel6in4.Update{User: e.User, Tunnel: e.Tunnel, Key: string(e.Key), URL: e.URL}
	}
	return c
}
