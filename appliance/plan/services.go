package plan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// HostKeyFile is where the key lies by which ssh clients know the box again.
const HostKeyFile = "/perm/ssh/host_ed25519"

const sshPort = 22

// sshConfig listens on the addresses of the LANs, each on its own link: a packet
// to a LAN address that comes in by another link finds nobody, even without the
// firewall.
func sshConfig(s *site.Site) sshcfg.Config {
	c := sshcfg.Config{AuthorizedKeys: s.AuthorizedKeys, HostKeyFile: HostKeyFile}
	for _, l := range s.LANs {
		for _, p := range l.Own() {
			c.Listen = append(c.Listen, sshcfg.Endpoint{
				Address:   netip.AddrPortFrom(p.Addr(), sshPort),
				Interface: l.Link(),
			})
		}
	}
	return c
}
