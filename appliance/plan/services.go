package plan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/site"
)

// HostKeyFile is where the key lies by which ssh clients know the box again.
const HostKeyFile = "/perm/ssh/host_ed25519"

const sshPort = 22

func dhcpConfig(s *site.Site) dhcp.Config {
	c := dhcp.Config{ReservedNames: []string{s.Name}}
	for _, l := range s.LANs {
		subnet := dhcp.Subnet{
			Name:      l.Name,
			Interface: l.Link(),
			Address:   l.IPv4.Addr(),
			Prefix:    l.IPv4.Masked(),
			Router:    l.IPv4.Addr(),
			DNS:       s.DNS.Upstream,
			NTP:       s.NTP.Servers,
			Domain:    s.Domain,
			LeaseTime: l.LeaseTime,
		}
		if !l.Pool.IsZero() {
			subnet.Pool = []lease.Range{{First: l.Pool.First, Last: l.Pool.Last}}
		}
		c.Subnets = append(c.Subnets, subnet)
	}
	for _, h := range s.Hosts {
		c.Hosts = append(c.Hosts, dhcpHost(h))
		c.ReservedNames = append(c.ReservedNames, h.Aliases...)
	}
	return c
}

func dhcpHost(h site.Host) dhcp.Host {
	host := dhcp.Host{Name: h.Name, Addrs: h.Addrs}
	for _, m := range h.MACs {
		host.MACs = append(host.MACs, lease.MAC(m))
	}
	if n := h.Netboot; n != nil {
		host.Netboot = &dhcp.Netboot{
			Server:    n.Server,
			RootPath:  n.RootPath,
			Initiator: n.Initiator,
			Script:    n.Script,
			BIOS:      n.BIOS,
			UEFI:      n.UEFI,
			UEFIARM64: n.UEFIARM64,
		}
	}
	return host
}

// sshConfig listens on the addresses of the LANs, each on its own link: a packet
// to a LAN address that comes in by another link finds nobody, even without the
// firewall.
func sshConfig(s *site.Site) sshadmin.Config {
	c := sshadmin.Config{AuthorizedKeys: s.AuthorizedKeys, HostKeyFile: HostKeyFile}
	for _, l := range s.LANs {
		for _, p := range valid(l.IPv4, l.IPv6) {
			c.Listen = append(c.Listen, sshadmin.Endpoint{
				Address:   netip.AddrPortFrom(p.Addr(), sshPort),
				Interface: l.Link(),
			})
		}
	}
	return c
}
