package plan

import (
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// timeouts are how long the kernel remembers a conversation that says nothing, as short as a NAT is allowed
// to make them (docs/firewall.md has them all). Those of Linux are five days for TCP, and for much else
// shorter than is allowed. What is not here is allowed as it is.
func timeouts() []netcfg.Sysctl {
	const (
		established = 2*time.Hour + 4*time.Minute // RFC 5382, REQ-5
		closing     = 4 * time.Minute             // the same, "transitory"
		mapping     = 2 * time.Minute             // RFC 4787, REQ-5, the least
		stream      = 5 * time.Minute             // RFC 4787, REQ-5 c
		query       = time.Minute                 // RFC 5508, REQ-2
	)
	var all []netcfg.Sysctl
	for _, t := range []struct {
		name string
		is   time.Duration
	}{
		{"tcp_timeout_established", established},
		{"tcp_timeout_fin_wait", closing}, {"tcp_timeout_close_wait", closing},
		{"tcp_timeout_last_ack", closing},
		{"tcp_timeout_time_wait", closing},
		{"udp_timeout", mapping}, {"udp_timeout_stream", stream}, {"icmp_timeout", query},
		{"icmpv6_timeout", query},
	} {
		all = append(all, netcfg.Sysctl{Key: "net.netfilter.nf_conntrack_" + t.name,
			Value: strconv.Itoa(int(t.is.Seconds()))})
	}
	return all
}
