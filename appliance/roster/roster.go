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
	// Essential: without its answers the network behind the box does not work, so the watchdog waits for them.
	Essential bool
	// Reloads: it takes another configuration while it serves. Others are started again.
	Reloads bool
}

// All are the services in the order in which they are started.
func All() []Service {
	return []Service{
		{Name: NFLog, UID: 502},
		{
			Name: DHCP, UID: 501, Caps: []string{"net_raw", "net_bind_service"}, StateDir: "/perm/dhcp",
			Essential: true, Reloads: true,
		},
		{
			// net_raw binds sockets to links that come later.
			Name: DNS, UID: 503, Caps: []string{"net_bind_service", "net_raw"}, Reads: []string{"/perm/dhcp", "/perm/radvd"},
			Essential: true, Reloads: true,
		},
		{
			// net_raw sends and hears before there is an address, and binds to a link that comes later.
			Name: WAN, UID: 504, Caps: []string{"net_bind_service", "net_raw"}, StateDir: "/perm/wan",
			Reloads: true,
		},
		{
			// net_raw opens ICMPv6 sockets on links that come later.
			Name: Radvd, UID: 505, Caps: []string{"net_bind_service", "net_raw"}, StateDir: "/perm/radvd",
			Reloads: true,
		},
		// It opens its raw sockets before it drops; what is kept is when the broker was told what.
		{Name: Tunnel, UID: 506, StateDir: "/perm/tunnel6in4", Reloads: true},
		{
			// sys_time corrects the clock, net_raw binds sockets to links that come later.
			Name: NTP, UID: 507, Caps: []string{"sys_time", "net_bind_service", "net_raw"}, StateDir: "/perm/ntp",
			Reloads: true,
		},
		{Name: SSH, Reloads: true},
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
