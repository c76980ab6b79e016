package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// family returns a process and its descendants.
func family(pid int) (all []int, err error) {
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
	return all, nil
}

// calls returns what a process of the appliance is: the service that it runs, or "init".
func calls(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	if len(words) > 2 && words[1] == "service" {
		return words[2]
	}
	return "init"
}

// cpu returns the time that processes have computed, in the kernel too.
func cpu(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		// The clock of another process: clock_getcpuclockid(3), as the kernel has it in include/linux/posix-timers.h.
		const sched = 2
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}

// memory is that of a process in bytes: proc_pid_status(5).
type memory struct {
	resident, peak int // VmRSS, VmHWM
	own, mapped    int // RssAnon, and RssFile: the program's pages, which processes of one program share
}

func memoryOf(pid int) (m memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	return parseMemory(string(text))
}

func parseMemory(status string) (m memory, err error) {
	found := 0
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		into := map[string]*int{"VmRSS:": &m.resident, "VmHWM:": &m.peak, "RssAnon:": &m.own, "RssFile:": &m.mapped}[f[0]]
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

// together is the memory of processes of one program: its pages count once.
func together(each []memory) int {
	sum, mapped := 0, 0
	for _, m := range each {
		sum += m.own
		mapped = max(mapped, m.mapped)
	}
	return sum + mapped
}

// forgetPeak makes the peak of a process what it has now.
func forgetPeak(pid int) error {
	const hwm = "5"
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte(hwm), 0)
}
