package plan

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
	"github.com/gatehouse-os/gatehouse/site"
)

// dnsConfig is what the box answers itself, and whom it asks for all else.
func dnsConfig(s *site.Site, learned Learned) dns.Config {
	c := dns.Config{House: house(s), Private: s.DNS.Private, Timed: s.NTP.On()}
	for _, l := range s.LANs {
		c.Links = append(c.Links, l.Link())
	}
	said := map[netip.Addr]bool{} // resolvers, by the site
	for _, r := range s.DNS.Upstream {
		said[r.Addr] = true
	}
	for _, f := range s.DNS.Forwards {
		to := servers.Forward{Domain: f.Domain, Servers: resolvers(f.Servers, nil)}
		c.Upstream.Forward = append(c.Upstream.Forward, to)
		for _, r := range f.Servers {
			said[r.Addr] = true
		}
	}
	for _, a := range network(s, learned).Addresses {
		// One that a provider gives the box while the site calls it a resolver of others: nobody answers
		// there.
		if !said[a.Prefix.Addr()] {
			c.Own = append(c.Own, a.Prefix.Addr())
		}
	}
	all := slices.Concat(wayOut(s, learned).DNS, wayOut6(s, learned).DNS)
	provider := slices.DeleteFunc(all, func(a netip.Addr) bool {
		return slices.Contains(c.Own, a)
	})
	c.Upstream.Servers, c.Upstream.MixedCase = resolvers(s.DNS.Upstream, provider), s.DNS.MixedCase
	if slices.ContainsFunc(s.Subnets(), func(n site.Subnet) bool { return len(n.Pool) > 0 }) {
		row, _ := roster.Named(roster.DHCP)
		c.Leases = row.StateDir
	}
	if s.IPv6.Names != site.NamesOff && slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		row, _ := roster.Named(roster.Radvd)
		c.Stations, c.Temporary = row.StateDir, s.IPv6.Names == site.NamesAll
	}
	return c
}

// resolvers are those of a list, in which the provider's have a place. Those of the site go before these when
// there are too many.
func resolvers(list []site.Resolver, provider []netip.Addr) []servers.Server {
	var all []servers.Server
	room := servers.MaxServers - len(list) + 1 // "wan" is among them
	for _, r := range list {
		if r.WAN {
			all = append(all, providers(list, provider[:min(len(provider), room)])...)
			continue
		}
		server := servers.Server{Address: r.Addr, Port: r.Port, Kind: servers.Plain, Name: r.Name}
		if r.Name != "" {
			server.Kind = servers.TLS
		}
		all = append(all, server)
	}
	return all
}

// providers are the resolvers of the provider that are not in a list by themselves.
func providers(list []site.Resolver, provider []netip.Addr) []servers.Server {
	var all []servers.Server
	for _, a := range provider {
		if !slices.Contains(list, site.Resolver{Addr: a}) {
			all = append(all, servers.Server{Address: a, Kind: servers.Plain})
		}
	}
	return all
}

// house is the names of the site.
func house(s *site.Site) zone.Config {
	c := zone.Config{Domain: s.Domain}
	for _, n := range s.Subnets() {
		c.Networks = append(c.Networks, n.Network)
	}
	for _, l := range s.LANs {
		for _, p := range l.Own6() {
			c.Networks = append(c.Networks, p.Masked())
		}
	}
	for _, f := range s.DNS.Forwards {
		c.Elsewhere = append(c.Elsewhere, f.Domain+".")
	}
	addRouter(&c, s)
	for _, h := range s.Hosts {
		if !isBox(s, h) {
			addHost(&c, h)
		}
	}
	for _, r := range s.DNS.Records {
		c.Records = append(c.Records, zoneRecord(r))
	}
	c.Services = zoneServices(s)
	return c
}

// isBox reports whether a host is the box itself, by its name or another.
func isBox(s *site.Site, h site.Host) bool {
	return h.Name == s.Name || slices.Contains(h.Aliases, s.Name)
}

// addRouter adds the box, whose name has all its addresses on LANs, and those that hosts has lines for. These
// are called as the box is, whatever name comes first on their line.
func addRouter(c *zone.Config, s *site.Site) {
	c.Router.Name = s.Name
	for _, l := range s.LANs {
		c.Router.Addrs = append(c.Router.Addrs, own(l.Own()...)...)
	}
	self, _ := s.Host(s.Name)
	for _, a := range self.Addrs {
		if !slices.Contains(c.Router.Addrs, a) {
			c.Router.Addrs = append(c.Router.Addrs, a)
		}
	}
	for _, name := range append([]string{self.Name}, self.Aliases...) {
		if name != "" && name != s.Name {
			addName(c, &c.Router, name, addrsOf(self, name))
		}
	}
}

// addHost adds a host as hosts(5) has it: each name stands for the addresses of its lines, and each address
// for the name that is first on its line.
func addHost(c *zone.Config, h site.Host) {
	names := append([]string{h.Name}, h.Aliases...)
	var hosts []zone.Host
	for _, name := range names {
		host := zone.Host{Name: zoneName(name), Addrs: firstFor(h, name)}
		if name == h.Name {
			for _, m := range h.MACs {
				host.Clients = append(host.Clients, lease.MAC(m).String())
			}
		}
		if len(host.Addrs)+len(host.Clients) > 0 {
			hosts = append(hosts, host)
		}
	}
	for _, name := range names {
		addrs := addrsOf(h, name)
		i := slices.IndexFunc(hosts, func(x zone.Host) bool { return x.Name == zoneName(name) })
		switch {
		case i < 0 && len(hosts) > 0:
			addName(c, &hosts[0], name, addrs)
		case i >= 0:
			addRecord(c, name, slices.DeleteFunc(addrs, func(a netip.Addr) bool {
				return slices.Contains(hosts[i].Addrs, a)
			}))
		default:
			addRecord(c, name, addrs)
		}
	}
	c.Hosts = append(c.Hosts, hosts...)
}

// addName adds a further name of a host: an alias if it has all of its addresses, else a record.
func addName(c *zone.Config, h *zone.Host, name string, addrs []netip.Addr) {
	if slices.Equal(addrs, h.Addrs) {
		h.Aliases = append(h.Aliases, zoneName(name))
		return
	}
	addRecord(c, name, addrs)
}

func addRecord(c *zone.Config, name string, addrs []netip.Addr) {
	if len(addrs) > 0 {
		c.Records = append(c.Records, zone.Record{Name: zoneName(name), Addrs: addrs})
	}
}

// addrsOf returns the addresses of the lines that have a name, each once.
func addrsOf(h site.Host, name string) []netip.Addr {
	var all []netip.Addr
	for _, r := range h.Records {
		if slices.Contains(r.Names, name) && !slices.Contains(all, r.Addr) {
			all = append(all, r.Addr)
		}
	}
	return all
}

// firstFor returns the addresses that a name comes first for.
func firstFor(h site.Host, name string) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(h.Addrs), func(a netip.Addr) bool {
		i := slices.IndexFunc(h.Records, func(r site.Record) bool { return r.Addr == a })
		return i < 0 || len(h.Records[i].Names) == 0 || h.Records[i].Names[0] != name
	})
}

// zoneName writes a name of the site for package zone: what has a dot is whole.
func zoneName(name string) string {
	if strings.Contains(name, ".") && name != "." {
		return name + "."
	}
	return name
}

func zoneRecord(r site.DNSRecord) zone.Record {
	out := zone.Record{Name: zoneName(r.Name), Addrs: r.Addrs, TXT: r.TXT, TTL: uint32(r.TTL / time.Second)}
	if r.CNAME != "" {
		out.CNAME = zoneName(r.CNAME)
	}
	for _, v := range r.SRV {
		out.SRV = append(out.SRV, zone.SRV{
			Priority: v.Priority, Weight: v.Weight, Port: v.Port, Target: zoneName(v.Target),
		})
	}
	for _, v := range r.MX {
		out.MX = append(out.MX, zone.MX{Preference: v.Preference, Host: zoneName(v.Host)})
	}
	for _, v := range r.CAA {
		out.CAA = append(out.CAA, zone.CAA(v))
	}
	return out
}

// What follows from [ntp].
const (
	ntpService = "_ntp._udp"
	ntpPort    = 123
)

// zoneServices are those that the site has, and the appliance's time. What the site says of that type itself
// goes before.
func zoneServices(s *site.Site) []zone.Service {
	var all []zone.Service
	said := slices.ContainsFunc(s.DNS.Records, func(r site.DNSRecord) bool {
		return s.FullName(r.Name) == ntpService+"."+s.Domain
	})
	for _, v := range s.DNS.Services {
		all = append(all, zone.Service{
			Type: v.Type, Host: zoneName(v.Host), Port: v.Port, Priority: v.Priority, Weight: v.Weight,
			Instance: v.Instance, Text: v.Text,
		})
		said = said || v.Type == ntpService
	}
	if said {
		return all
	}
	if s.NTP.On() {
		all = append(all, zone.Service{Type: ntpService, Host: s.Name, Port: ntpPort})
	}
	return all
}
