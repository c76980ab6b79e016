package run

import "time"

// A Report is how the clock is. Nobody needs to be told of a step: who dates something looks at the kernel's
// clock beside that since the boot, which nobody sets, and sees by himself that the first was set, by
// whomever.
type Report struct {
	Synchronised bool          `json:"synchronised"`
	Since        time.Duration `json:"since_ns"` // that it is so, as uptime
	Stratum      uint8         `json:"stratum"`  // 0: not synchronised
	// Offset is what was measured last, of the sources to the clock.
	Offset time.Duration `json:"offset_ns"`
	// Steps is how often the clock was set since the service started, LastStep by how much the last time.
	Steps    int           `json:"steps"`
	LastStep time.Duration `json:"last_step_ns"`
}
