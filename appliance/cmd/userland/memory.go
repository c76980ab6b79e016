package main

import (
	"runtime/debug"
	"syscall"
)

// memoryShare is how much of the machine's memory a command has, in percent, before it collects garbage
// sooner.
const memoryShare = 25

// leastMemory is what any process may have, in bytes.
const leastMemory int64 = 8 << 20

// limitMemory has this process collect garbage sooner when it has its share of the machine. It is no bound:
// what is needed stays, and garbage takes at most half of the time of a CPU (runtime/debug.SetMemoryLimit).
func limitMemory() {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		debug.SetMemoryLimit(max(leastMemory, int64(info.Totalram)*int64(info.Unit)*memoryShare/100))
	}
}
