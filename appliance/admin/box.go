package admin

import (
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/machine/growth"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
)

// Box is what process 1 answers to "box": how it started, and what it keeps watch over.
type Box struct {
	Boot boot.Report `json:"boot"`
	// Watchdog is nil while nothing is guarded: no service runs that must answer.
	Watchdog *watchdog.Status `json:"watchdog,omitempty"`
	Site     box.Running      `json:"site"`
	Problems []string         `json:"problems,omitempty"` // of process 1: network, firewall, site
	// Refused is what the kernel has refused lately: what is worth a word of it.
	Refused []growth.Grown[machine.Counter] `json:"refused,omitempty"`
}

// permDir is where everything is that must last.
const permDir = "/perm"

// memoryDirs are in memory: of interest when they are full, for nobody else gets it back.
var memoryDirs = []string{"/run", "/tmp"}

// ReadMachine reads what the running kernel knows, and the use of the disks of an appliance.
func ReadMachine() (machine.Facts, error) {
	return machine.Read(append([]string{"/", permDir}, memoryDirs...)...)
}
