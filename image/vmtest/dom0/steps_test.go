package dom0

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"
)

// stepsFlag chooses what TestXen does: go test ./image/vmtest/dom0 -args -steps all.
var stepsFlag = flag.String("steps", "short", "the steps that TestXen takes on the Xen host: short or all")

// step is one thing that happens to the appliance.
type step struct {
	name  string
	run   func(ctx context.Context, t *testing.T, l *lab)
	waits time.Duration // what it waits for by itself, where that is long
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
		{name: "PVH: the configuration starts it as it was written", run: startPVH},
		{name: "PVH: clients get their leases, checksums complete", run: leases},
		{name: "PVH: power cut right after an ACK", run: powerCut},
		{name: "PVH: a second guest gets its lease, and reaches the Internet", run: secondGuest},
		{name: "PVH: the firewall stands between the bridges", run: firewall},
		{name: "PVH: memory is taken and given back", run: balloonPVH},
		{name: "PVH: the way out is by DHCP, and renumbered while people talk", run: leasedWayOut},
		{name: "PVH: power cut, and back with the lease of the way out", run: keptWayOut},
		{name: "PVH: a pause, over which the clock goes on", run: paused},
		{name: "PVH: saved, and restored on a host whose clock is behind", run: restoredBehind},
		{name: "PVH: the LAN's card is pulled out and plugged in", run: replug},
		{name: "PVH: saved for ten minutes, and restored", run: savedLong, waits: longSave},
		{name: "PVH: migrated while it runs", run: migrated},
		{name: "PVH: shutdown leaves clean disks", run: shutdown},
		{name: "PVH: two processors, and a watchdog that ends what serves nobody", run: watchdog},
		{name: "PV: a new image, with its kernel inside and without its /perm disk", run: startPV},
		{name: "PV: the /perm disk is plugged in, and used after a reboot", run: attachPerm},
		{name: "PV: clients get their leases, checksums complete", run: leases},
		{name: "PV: guests boot from the network, as the appliance says", run: netbootGuests},
		{name: "PV: memory is given and taken", run: balloonPV},
		{name: "PV: a pause, over which the clock goes on", run: paused},
		{name: "PV: saved, and restored on a host whose clock is ahead", run: restoredAhead},
		{name: "PV: shutdown leaves clean disks", run: shutdown},
	}
}

// shortSteps are what every change goes through: each type of guest is started, serves, and is shut down, and
// what Xen does to a guest behind its back is done to one of them.
func shortSteps() []step {
	return []step{
		{name: "PVH: the configuration starts it as it was written", run: startPVH},
		{name: "PVH: clients get their leases, checksums complete", run: leases},
		{name: "PVH: the way out is by DHCP, and renumbered while people talk", run: leasedWayOut},
		{name: "PVH: a pause, over which the clock goes on", run: paused},
		{name: "PVH: saved, and restored on a host whose clock is behind", run: restoredBehind},
		{name: "PVH: shutdown leaves clean disks", run: shutdown},
		{name: "PV: the same disks serve a guest of the other type", run: changeType},
		{name: "PV: clients get their leases, checksums complete", run: leases},
		{name: "PV: a guest boots from the network, as the appliance says", run: netbootGuest},
		{name: "PV: shutdown leaves clean disks", run: shutdown},
	}
}
