package dom0

import (
	"context"
	"flag"
	"fmt"
	"testing"
)

// stepsFlag chooses what TestXen does: go test ./image/vmtest/dom0 -args -steps all.
var stepsFlag = flag.String("steps", "short", "the steps that TestXen takes on the Xen host: short or all")

// step is one thing that happens to the appliance.
type step struct {
	name string
	run  func(ctx context.Context, t *testing.T, l *lab)
}

// chosenSteps are the steps of a list.
func chosenSteps(list string) ([]step, error) {
	switch list {
	case "short":
		return shortSteps(), nil
	case "all":
		return allSteps(), nil
	}
	return nil, fmt.Errorf("-steps %q: want short or all", list)
}

// allSteps have the appliance be a PVH guest of one processor and at last of two, then, from a newer image, a
// PV guest of two. The first start is by the configuration alone, those after it with NativeTSC, for speed.
func allSteps() []step {
	return []step{
		{"PVH: the configuration starts it as it was written", startPVH},
		{"PVH: clients get their leases, checksums complete", leases},
		{"PVH: power cut right after an ACK", powerCut},
		{"PVH: a second guest gets its lease, and reaches the Internet", secondGuest},
		{"PVH: the firewall stands between the bridges", firewall},
		{"PVH: memory is taken and given back", balloonPVH},
		{"PVH: the way out is by DHCP, and renumbered while people talk", leasedWayOut},
		{"PVH: power cut, and back with the lease of the way out", keptWayOut},
		{"PVH: save and restore", saveRestore},
		{"PVH: the LAN's card is pulled out and plugged in", replug},
		{"PVH: shutdown leaves clean disks", shutdown},
		{"PVH: two processors, and a watchdog that ends what serves nobody", watchdog},
		{"PV: a new image, with its kernel inside and without its /perm disk", startPV},
		{"PV: the /perm disk is plugged in, and used after a reboot", attachPerm},
		{"PV: clients get their leases, checksums complete", leases},
		{"PV: guests boot from the network, as the appliance says", netbootGuests},
		{"PV: memory is given and taken", balloonPV},
		{"PV: save and restore", saveRestore},
		{"PV: shutdown leaves clean disks", shutdown},
	}
}

// shortSteps are what every change goes through: each type of guest is started, serves, and is shut down, and
// what Xen does to a guest behind its back is done to one of them.
func shortSteps() []step {
	return []step{
		{"PVH: the configuration starts it as it was written", startPVH},
		{"PVH: clients get their leases, checksums complete", leases},
		{"PVH: the way out is by DHCP, and renumbered while people talk", leasedWayOut},
		{"PVH: save and restore", saveRestore},
		{"PVH: shutdown leaves clean disks", shutdown},
		{"PV: the same disks serve a guest of the other type", changeType},
		{"PV: clients get their leases, checksums complete", leases},
		{"PV: a guest boots from the network, as the appliance says", netbootGuest},
		{"PV: shutdown leaves clean disks", shutdown},
	}
}
