package command

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// AvailableMemory is how many bytes the machine has to give before it must end a process (MemAvailable of
// proc(5)); where it does not say, more than any command takes.
func AvailableMemory() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if kilobytes, found := strings.CutPrefix(line, "MemAvailable:"); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kilobytes), " kB"), 10, 64)
			if err == nil && n >= 0 && n < math.MaxInt64>>10 {
				return n << 10
			}
		}
	}
	return math.MaxInt64
}
