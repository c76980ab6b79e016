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
func sshConfig(s *site.Site, l Learned) sshcfg.Config {
	c := sshcfg.Config{AuthorizedKeys: s.AuthorizedKeys, HostKeyFile: HostKeyFile}
	c.MaxPending, c.MaxPendingPerSource, c.MaxSessions = sshBounds(l.Memory)
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

// What somebody who has not logged in can have sshd hold: a packet of 256 kB is given its room when it is announced,
// before its sender is known. And what a session has that does nothing, its shell included: ten take 14 MB.
const (
	pendingMemory = 400 << 10
	sessionMemory = 3 << 19
)

// The parts of a machine's memory that connections without a login have, and sessions.
const (
	pendingPart = 16
	sessionPart = 8
)

// The least that an appliance has, in bytes of memory: 96 MB without what the kernel keeps, and the most connections and sessions that are of use.
const (
	leastMachine = 80 << 20
	mostPending  = 64
	mostSessions = 64
)

// sshBounds are how many connections may wait for a login, in all and of one source, and how many sessions there
// may be on a machine with so many bytes of memory; 0 is unknown, and the least.
func sshBounds(memory uint64) (pending, perSource, sessions int) {
	memory = max(memory, leastMachine)
	pending = int(min(memory/pendingPart/pendingMemory, mostPending))
	return pending, pending / 2, int(min(memory/sessionPart/sessionMemory, mostSessions))
}
