// Package proc measures the processes of a server from outside: who they are, what they have computed, and
// the memory that they have. It is for benchmarks, and changes nothing but the peak that it is told to
// forget.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Family returns a process and its descendants.
func Family(pid int) (all []int, err error) {
	all = []int{pid}
	for i := 0; i < len(all); i++ {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a thread that has ended
			}
			if err != nil {
				return nil, err
			}
			for _, word := range strings.Fields(string(text)) {
				child, err := strconv.Atoi(word)
				if err != nil {
					return nil, err
				}
				all = append(all, child)
			}
		}
	}
	slices.Sort(all[1:]) // the same order at each change
	return all, nil
}

// CPU returns the time that processes have computed, in the kernel too.
func CPU(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		// The clock of another process: clock_getcpuclockid(3), as the kernel has it in
		// include/linux/posix-timers.h.
		const sched = 2
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}

// A Memory is that of a process in bytes: proc_pid_status(5).
type Memory struct {
	Resident, Peak int // VmRSS, VmHWM
	Own, Mapped    int // RssAnon, and RssFile: the program's pages, which processes of one program share
}

// MemoryOf returns the memory of a process.
func MemoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	return parseMemory(string(text))
}

func parseMemory(status string) (m Memory, err error) {
	found := 0
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		into := map[string]*int{"VmRSS:": &m.Resident, "VmHWM:": &m.Peak, "RssAnon:": &m.Own,
			"RssFile:": &m.Mapped}[f[0]]
		if into == nil {
			continue
		}
		kB, err := strconv.Atoi(f[1])
		if err != nil {
			return m, err
		}
		*into = kB << 10
		found++
	}
	if found != 4 {
		return m, errors.New("the status of the process does not say what memory it has")
	}
	return m, nil
}

// Together is the memory of processes of one program: its pages count once.
func Together(each []Memory) int {
	sum, mapped := 0, 0
	for _, m := range each {
		sum += m.Own
		mapped = max(mapped, m.Mapped)
	}
	return sum + mapped
}

// ForgetPeak makes the peak of a process what it has now.
func ForgetPeak(pid int) error {
	const hwm = "5"
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte(hwm), 0)
}
