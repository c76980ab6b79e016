package plan

import (
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/site"
)

func dhcpConfig(s *site.Site) dhcp.Config {
	c := dhcp.Config{ReservedNames: []string{s.Name}}
	for _, l := range s.LANs {
		subnet := dhcpSubnet(s, site.Subnet{Name: l.Name, Network: l.IPv4.Masked(), Clients: l.Clients})
		subnet.Interface, subnet.Address = l.Link(), l.IPv4.Addr()
		c.Subnets = append(c.Subnets, subnet)
	}
	for _, r := range s.Relayed {
		// Our address there is the one on the link that the relay agent uses.
		subnet := dhcpSubnet(s, site.Subnet(r))
		subnet.Relayed = true
		c.Subnets = append(c.Subnets, subnet)
	}
	for _, r := range s.DNS.Records {
		if !strings.Contains(r.Name, ".") {
			// no client's, for DNS says something else there
			c.ReservedNames = append(c.ReservedNames, r.Name)
		}
	}
	c.Hosts = slices.Grow(c.Hosts, len(s.Hosts))
	for _, h := range s.Hosts {
		c.Hosts = append(c.Hosts, dhcpHost(h))
		c.ReservedNames = append(c.ReservedNames, h.Aliases...)
	}
	return c
}

// dhcpSubnet returns what is the same for the network of a LAN and a relayed one.
func dhcpSubnet(s *site.Site, n site.Subnet) dhcp.Subnet {
	subnet := dhcp.Subnet{
		Name:          n.Name,
		Prefix:        n.Network,
		Router:        n.Router,
		Routes:        n.Routes,
		DNS:           n.DNS,
		NTP:           n.NTP,
		Domain:        s.Domain,
		Search:        n.Search,
		MTU:           n.MTU,
		CaptivePortal: n.CaptivePortal,
		IPv6OnlyWait:  n.IPv6OnlyWait,
		Options:       dhcpOptions(n.Options),
		Pool:          dhcpRanges(n.Pool),
		Exclude:       dhcpRanges(n.Exclude),
		LeaseTime:     n.LeaseTime,
		RapidCommit:   n.RapidCommit,
	}
	if len(n.Pool) > 0 { // reserved addresses are not probed, so that nothing need be opened for them
		subnet.Probe = n.Probe
	}
	return subnet
}

func dhcpRanges(ranges []site.AddrRange) []lease.Range {
	var all []lease.Range
	for _, r := range ranges {
		all = append(all, lease.Range{First: r.First, Last: r.Last})
	}
	return all
}

func dhcpOptions(options []site.Option) []dhcp.Option {
	var all []dhcp.Option
	for _, o := range options {
		all = append(all, dhcp.Option(o))
	}
	return all
}

func dhcpHost(h site.Host) dhcp.Host {
	host := dhcp.Host{
		Name:      h.Name,
		Addrs:     h.Addrs,
		LeaseTime: h.LeaseTime,
		NoRouter:  h.NoRouter,
		Router:    h.Router,
		Options:   dhcpOptions(h.Options),
		Netboot:   dhcpNetboot(h.Netboot),
	}
	for _, m := range h.MACs {
		host.MACs = append(host.MACs, lease.MAC(m))
	}
	for _, p := range h.Ports {
		host.Ports = append(host.Ports, dhcp.Port(p))
	}
	return host
}

func dhcpNetboot(n *site.HostNetboot) *dhcp.Netboot {
	if n == nil {
		return nil
	}
	boot := &dhcp.Netboot{
		Server:    n.Server,
		RootPath:  n.RootPath,
		RootPath2: n.RootPath2,
		Initiator: n.Initiator,
		CHAP:      dhcpCHAP(n.CHAP),
		Script:    n.Script,
		Install:   n.Install,
		BIOS:      n.BIOS,
		UEFI:      n.UEFI,
		UEFIARM64: n.UEFIARM64,
		HTTP:      n.HTTP,
	}
	files := map[dhcp.Arch]string{
		dhcp.ArchUEFI32: n.UEFIIA32, dhcp.ArchUEFIARM32: n.UEFIARM32,
		dhcp.ArchUEFIRISCV64: n.UEFIRISCV64, dhcp.ArchUEFILoong64: n.UEFILoong64,
	}
	for arch, file := range n.Files {
		files[dhcp.Arch(arch)] = file
	}
	for arch, file := range files {
		if file == "" {
			continue
		}
		if boot.Files == nil {
			boot.Files = map[dhcp.Arch]string{}
		}
		boot.Files[arch] = file
	}
	return boot
}

func dhcpCHAP(c *site.CHAP) *dhcp.CHAP {
	if c == nil {
		return nil
	}
	told := &dhcp.CHAP{User: c.Own.User, Secret: string(c.Own.Secret)}
	if m := c.Mutual; m != nil {
		told.TargetUser, told.TargetSecret = m.User, string(m.Secret)
	}
	return told
}
