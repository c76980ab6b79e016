package plan

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

// What a site needs while its rules are loaded: the kernel holds all of a list in its transaction, beside the
// messages that it came in. It panics when it runs out of memory there, so a site too large for its machine
// is refused before. Measured with all services: TestLargeSite of image/vmtest has as many as may be.
const (
	elementMemory = 2 << 10  // of one address or network on a list
	hostMemory    = 4 << 10  // of one host, in all that know it and in a command that reads the site
	leastMemory   = 42 << 20 // for all else: what all services have when nobody asks them for anything
)

// fits reports why hosts and rules are too many for a machine of so many bytes of memory; 0 is unknown, and
// enough.
func fits(t firewall.Table, hosts int, memory uint64) error {
	elements := 0
	for _, s := range t.Sets {
		elements += len(s.Elements)
	}
	for _, m := range t.Maps {
		elements += len(m.Elements)
	}
	needs := leastMemory + uint64(hosts)*hostMemory + uint64(elements)*elementMemory
	if memory == 0 || needs <= memory {
		return nil
	}
	return fmt.Errorf("the sets of the firewall have %d addresses and networks, which with %d hosts takes %d MB of memory, "+
		"and the machine has %d: give it more (memory in firewall.cfg), or shorten the files of [firewall.list]",
		elements, hosts, megabytes(needs), megabytes(memory))
}

// hosts is how many the site has.
func (p Plan) hosts() int {
	for _, s := range p.Services {
		if c, ok := s.Config.(dhcp.Config); ok {
			return len(c.Hosts)
		}
	}
	return 0
}

// megabytes rounds up.
func megabytes(bytes uint64) uint64 { return (bytes + 1<<20 - 1) >> 20 }
