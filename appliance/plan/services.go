package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

// HostKeyFile is where the key lies by which ssh clients know the box again.
const HostKeyFile = "/perm/ssh/host_ed25519"

const sshPort = 22

// sshConfig listens on the links of the zones from where the policy lets somebody in, for all addresses of
// the box: at which of them, and who, is the firewall's to say. What comes in by another link finds nobody,
// even without it.
func sshConfig(s *site.Site, l Learned) sshcfg.Config {
	c := sshcfg.Config{AuthorizedKeys: s.AuthorizedKeys, HostKeyFile: HostKeyFile}
	c.MaxPending, c.MaxPendingPerSource, c.MaxSessions, c.MaxForwards = sshBounds(l.Memory)
	for _, link := range sshLinks(s) {
		for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			c.Listen = append(c.Listen, sshcfg.Endpoint{Address: netip.AddrPortFrom(any, sshPort),
				Interface: link})
		}
	}
	return c
}

// sshLinks are those of the LANs, whom the defaults allow it, and those upstream if a rule of the site does.
func sshLinks(s *site.Site) []string {
	var all []string
	for _, l := range s.LANs {
		all = append(all, l.Link())
	}
	if s.WAN.Interface != "" && slices.ContainsFunc(s.Firewall.Rules, allowsSSH) {
		all = append(all, s.WAN.Link())
		if s.Tunnel != nil {
			all = append(all, site.TunnelLink)
		}
	}
	return all
}

// allowsSSH reports whether a rule lets somebody upstream reach the box by ssh.
func allowsSSH(r site.FirewallRule) bool {
	names := func(ends []site.FirewallEnd, zone string) bool {
		return slices.ContainsFunc(ends, func(e site.FirewallEnd) bool {
			return slices.Contains(e.Zones, zone)
		})
	}
	return !r.Deny && names(r.From, site.ZoneWAN) && names(r.To, firewall.Box) &&
		slices.ContainsFunc(r.Services, func(service site.Service) bool {
			return slices.ContainsFunc(service.Flows, func(f site.Flow) bool {
				return f.Proto == "tcp" && (f.First == 0 || f.First <= sshPort && sshPort <= f.Last)
			})
		})
}

// What somebody who has not logged in can have sshd hold: a packet of 256 kB is given its room when it is
// announced, before its sender is known. And what a session has that does nothing, its shell included: ten
// take 14 MB. A connection through the box took 36 kB idle; each direction has a buffer of 32.
const (
	pendingMemory = 400 << 10
	sessionMemory = 3 << 19
	forwardMemory = 96 << 10
)

// The parts of a machine's memory that connections without a login have, sessions, and connections through
// the box.
const (
	pendingPart = 16
	sessionPart = 8
	forwardPart = 32
)

// The least that an appliance has, in bytes of memory: 96 MB without what the kernel keeps, and the most
// connections and sessions that are of use.
const (
	leastMachine = 80 << 20
	mostPending  = 64
	mostSessions = 64
	mostForwards = 256
)

// sshBounds are how many connections may wait for a login, in all and of one source, how many sessions there
// may be, and how many connections through the box, on a machine with so many bytes of memory; 0 is unknown,
// and the least.
func sshBounds(memory uint64) (pending, perSource, sessions, forwards int) {
	memory = max(memory, leastMachine)
	pending = int(min(memory/pendingPart/pendingMemory, mostPending))
	sessions = int(min(memory/sessionPart/sessionMemory, mostSessions))
	return pending, pending / 2, sessions, int(min(memory/forwardPart/forwardMemory, mostForwards))
}
