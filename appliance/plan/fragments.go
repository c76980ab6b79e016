package plan

import (
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// Rules see packets whole, so the kernel keeps fragments until the others are there. What is never whole it
// keeps until the time is over, and with 4 MiB for each family, for 30 s and 60 s (Linux), anybody takes 10
// MB of a machine that has 20 left, by one fragment each 20 ms: programs are then read from the disk again
// and again, and no service answers. Less memory for a shorter time has room for as many a second.
const (
	leastFragments = 512 << 10 // five datagrams of 64 kB, or 150 of which a part is missing
	mostFragments  = 4 << 20   // Linux's own
	fragmentShare  = 128       // one part of so many of the memory, for each family
	// The kernel looks at the lower mark no more, but takes no upper one below it.
	lowFragments = leastFragments / 2
	// fragmentSeconds is how long they are kept. RFC 6146 4 has a translator keep them for two at least; 60
	// (RFC 1122 3.3.2, RFC 8200 4.5) are for who is their destination.
	fragmentSeconds = 5
)

// fragments bounds what is kept of packets that are not whole, in a machine with so many bytes of memory.
func fragments(memory uint64) (all []netcfg.Sysctl) {
	most := min(max(leastFragments, memory/fragmentShare), mostFragments)
	for _, f := range []struct{ prefix, time string }{
		{"net.ipv4.ipfrag_", "time"},
		{"net.netfilter.nf_conntrack_frag6_", "timeout"},
		{"net.ipv6.ip6frag_", "time"}, // of what conntrack has not put together before
	} {
		all = append(all,
			netcfg.Sysctl{Key: f.prefix + "low_thresh", Value: strconv.Itoa(lowFragments)},
			netcfg.Sysctl{Key: f.prefix + "high_thresh", Value: strconv.FormatUint(most, 10)},
			netcfg.Sysctl{Key: f.prefix + f.time, Value: strconv.Itoa(fragmentSeconds)})
	}
	return all
}
