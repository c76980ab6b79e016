package admin

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/machine/growth"
)

// Notable is how often within ten minutes the kernel must have refused something for it to be a problem,
// where once is not enough: a burst of strangers loses a few packets on any machine, and they are sent again.
func Notable() map[machine.Counter]uint64 {
	const many = 100
	return map[machine.Counter]uint64{
		machine.ConntrackInsertFailed: many,
		machine.SoftnetDropped:        many,
		machine.UDPReceiveBuffer:      many,
		machine.UDP6ReceiveBuffer:     many,
		machine.Reassembly:            many,
		machine.Reassembly6:           many,
		machine.ListenOverflows:       many,
	}
}

// refusedProblems say what the kernel has refused lately, and what there is to do.
func refusedProblems(refused []growth.Grown[machine.Counter]) (all []string) {
	for _, r := range refused {
		all = append(all, fmt.Sprintf("%s: %d in the last %s, first %s ago; %s", refusedWhat(r.Counter), r.By,
			cli.Span(growth.Window), cli.Span(r.For), refusedAdvice(r.Counter)))
	}
	return all
}

// refusedWhat is what a counter counts.
func refusedWhat(c machine.Counter) string {
	switch c {
	case machine.ConntrackDrop:
		return "packets dropped for want of a place among the conversations"
	case machine.ConntrackEarlyDrop:
		return "conversations ended early, as others wanted their places"
	case machine.ConntrackInsertFailed:
		return "new conversations dropped, as another had their place"
	case machine.ARPTableFulls:
		return "IPv4 hosts not reached for want of a place among the neighbours"
	case machine.NDiscTableFulls:
		return "IPv6 hosts not reached for want of a place among the neighbours"
	case machine.SoftnetDropped:
		return "packets dropped, as they came faster than this machine takes them"
	case machine.UDPReceiveBuffer:
		return "questions to services over IPv4 dropped, as they came too fast"
	case machine.UDP6ReceiveBuffer:
		return "questions to services over IPv6 dropped, as they came too fast"
	case machine.Reassembly:
		return "IPv4 packets dropped, as fragments of them were missing or too many"
	case machine.Reassembly6:
		return "IPv6 packets dropped, as fragments of them were missing or too many"
	case machine.ListenOverflows:
		return "TCP connections to services dropped, as they came too fast"
	case machine.OOMKills:
		return "processes killed for want of memory"
	}
	return "refused by the kernel, " + plain(string(c))
}

// refusedAdvice is where to look.
func refusedAdvice(c machine.Counter) string {
	switch c {
	case machine.ConntrackDrop, machine.ConntrackEarlyDrop, machine.ConntrackInsertFailed:
		return "gatehouse firewall top"
	case machine.ARPTableFulls, machine.NDiscTableFulls:
		return "ip neigh"
	case machine.UDPReceiveBuffer, machine.UDP6ReceiveBuffer:
		return "gatehouse dns, gatehouse time clients"
	case machine.Reassembly:
		return "who sends them: tcpdump -n 'ip[6:2] & 0x3fff != 0'"
	case machine.Reassembly6:
		return "who sends them: tcpdump -n 'ip6[6] == 44'"
	case machine.OOMKills:
		return "gatehouse log, ps"
	}
	return "gatehouse firewall top, ps"
}
