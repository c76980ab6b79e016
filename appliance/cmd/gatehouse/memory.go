package main

import (
	"os"
	"runtime/debug"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/machine"
)

// memoryShare is how much of the machine's memory init has, and a command, in percent. The services have
// theirs from the roster; the rest is the kernel's, which keeps the program itself in it.
const memoryShare = 16

// leastMemory is what any process may have, in bytes: one that does nothing has 4 MB, and with less than
// twice that it would collect garbage all the time.
const leastMemory = 8 << 20

// commandFirst is the oom_score_adj of a command: it goes before the shell that started it, which then says
// so.
const commandFirst = 700

// limitMemory has this process collect garbage sooner when it has its share of the machine, in percent. It is
// no bound: what is needed stays, and garbage takes at most half of the time of a CPU
// (runtime/debug.SetMemoryLimit).
func limitMemory(share int) {
	if m, err := machine.ReadMemory(); err == nil && m.Total > 0 {
		debug.SetMemoryLimit(max(leastMemory, int64(m.Total)*int64(share)/100))
	}
}

// standInLine sets when this process is killed for memory, before others or after them: oom_score_adj of
// proc(5).
func standInLine(score int) error {
	return os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, int64(score), 10), 0)
}
