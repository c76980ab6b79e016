package plan

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// What rules with long lists need while they are loaded: the kernel holds a set twice until the transaction
// is committed, beside the messages that it came in. It panics when it runs out of memory there, so a site
// too large for its machine is refused before. Measured: 22,000 networks are well at 96 MB, 38,000 at 128 MB,
// and 45,000 are not.
const (
	elementMemory = 2 << 10  // of one address or network on a list
	leastMemory   = 36 << 20 // for all else: what all services have when nobody asks them for anything
)

// fits reports why the rules are too many for a machine of so many bytes of memory; 0 is unknown, and enough.
func fits(t firewall.Table, memory uint64) error {
	elements := 0
	for _, s := range t.Sets {
		elements += len(s.Elements)
	}
	for _, m := range t.Maps {
		elements += len(m.Elements)
	}
	needs := leastMemory + uint64(elements)*elementMemory
	if memory == 0 || needs <= memory {
		return nil
	}
	return fmt.Errorf("the sets of the firewall have %d addresses and networks, which takes %d MB of memory, "+
		"and the machine has %d: give it more (memory in firewall.cfg), or shorten the files of [firewall.list]",
		elements, megabytes(needs), megabytes(memory))
}

// megabytes rounds up.
func megabytes(bytes uint64) uint64 { return (bytes + 1<<20 - 1) >> 20 }
