// Package roster is the table of the appliance's services: who each becomes, what it keeps, and how it is
// run. The plan, the supervision, the disk's passwd and the pages of documentation read it; what a service
// does is its own room's.
package roster

import "slices"

// Names of the services, as the `gatehouse` command, the log and the control sockets have them.
const (
	DHCP  = "dhcp"
	DNS   = "dns"
	NFLog = "nflog"
	NTP   = "ntp"
	Radvd = "radvd"
	SSH   = "sshd"
	WAN   = "wan"

	Tunnel = "tunnel6in4"
)

// A Service is one process of the appliance.
type Service struct {
	Name string
	// UID is its user, and its group, both called as the service is. 0: it stays root.
	UID int
	// Caps are kept after the start, named as in capabilities(7), without "CAP_", in lower case.
	Caps []string
	// StateDir is its own directory in /perm; "" if it remembers nothing.
	StateDir string
	// Reads are directories of others in /perm that it may read, with all that is in them.
	Reads []string
	// Essential: without its answers the network behind the box does not work, so the watchdog waits for
	// them.
	Essential bool
	// Reloads: it takes another configuration while it serves. Others are started again.
	Reloads bool
	// Memory is its share of the machine's memory, in percent: what it has when it is asked for all that it
	// answers.
	Memory int
	// OOM is its oom_score_adj (proc(5)), from -1000, never, to 1000: who is killed first when there is no
	// memory left. What people start has 0 or more, so no service goes before that.
	OOM int
	// Holds are the kinds of files and sockets that it may have open when it has dropped its privileges, by
	// what its site asks for, beside those of every unit: its Config, its output, its answers, its control
	// socket, and what Go waits with.
	Holds []string
}

// All are the services in the order in which they are started.
func All() []Service {
	return []Service{
		{Name: NFLog, UID: 502, Memory: 8, OOM: -200, Holds: []string{"netlink"}},
		{
			Name: DHCP, UID: 501, Caps: []string{"net_raw", "net_bind_service"}, StateDir: "/perm/dhcp",
			Essential: true, Reloads: true, Memory: 16, OOM: -900,
			Holds: []string{"netlink", "packet", "raw", "udp", "/perm/dhcp"},
		},
		{
			// net_raw binds sockets to links that come later.
			Name: DNS, UID: 503, Caps: []string{"net_bind_service", "net_raw"},
			Reads: []string{"/perm/dhcp", "/perm/radvd"}, Essential: true, Reloads: true, Memory: 16,
			OOM: -900, Holds: []string{"netlink", "tcp", "udp", "inotify", "/perm/dhcp"},
		},
		{
			// net_raw sends and hears before there is an address, and binds to a link that comes later.
			Name: WAN, UID: 504, Caps: []string{"net_bind_service", "net_raw"}, StateDir: "/perm/wan",
			Reloads: true, Memory: 8, OOM: -600, Holds: []string{"netlink", "packet", "raw", "udp"},
		},
		{
			// net_raw opens ICMPv6 sockets on links that come later.
			Name: Radvd, UID: 505, Caps: []string{"net_bind_service", "net_raw"}, StateDir: "/perm/radvd",
			Reloads: true, Memory: 10, OOM: -600, Holds: []string{"netlink", "packet", "raw", "udp"},
		},
		// It opens its raw sockets before it drops; what is kept is when the broker was told what.
		{
			Name: Tunnel, UID: 506, StateDir: "/perm/tunnel6in4", Reloads: true,
			Memory: 8, OOM: -400, Holds: []string{"netlink", "raw"},
		},
		{
			// sys_time corrects the clock, net_raw binds sockets to links that come later.
			Name: NTP, UID: 507, Caps: []string{"sys_time", "net_bind_service", "net_raw"}, StateDir: "/perm/ntp",
			Reloads: true, Memory: 8, OOM: -400, Holds: []string{"netlink", "timerfd", "udp"},
		},
		// Its sessions go long before it, but it goes before what the network needs. Each session is a pidfd.
		{Name: SSH, Reloads: true, Memory: 12, OOM: -300, Holds: []string{"netlink", "tcp", "pidfd"}},
	}
}

// Named returns the service of that name, and whether there is one.
func Named(name string) (Service, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return all[i], true
}
