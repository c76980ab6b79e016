package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Uptime is how long the machine has been up.
func Uptime(fsys fs.FS) (time.Duration, error) {
	text, err := fs.ReadFile(fsys, "uptime")
	if err != nil {
		return 0, fmt.Errorf("read /proc: %w", err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil || seconds < 0 || seconds > 1e9 {
		return 0, fmt.Errorf("/proc/uptime: %q is no number of seconds", first)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// Memory is what /proc/meminfo says: octets by name.
func Memory(fsys fs.FS) (map[string]int, error) {
	text, err := fs.ReadFile(fsys, "meminfo")
	if err != nil {
		return nil, fmt.Errorf("read /proc: %w", err)
	}
	all := map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(rest)
		if len(words) == 0 {
			continue
		}
		n, err := strconv.Atoi(words[0])
		if err != nil {
			return nil, fmt.Errorf("/proc/meminfo: %s: %q is no number", name, words[0])
		}
		if len(words) > 1 && words[1] == "kB" {
			n <<= 10
		}
		all[name] = n
	}
	if all["MemTotal"] <= 0 {
		return nil, errors.New("/proc/meminfo does not say MemTotal")
	}
	return all, nil
}

// Load is the line of /proc/loadavg: three averages, processes that run and all, the last number.
func Load(fsys fs.FS) ([]string, error) {
	text, err := fs.ReadFile(fsys, "loadavg")
	if err != nil {
		return nil, fmt.Errorf("read /proc: %w", err)
	}
	words := strings.Fields(string(text))
	if len(words) < 3 {
		return nil, fmt.Errorf("/proc/loadavg: %d words, expected 3 or more", len(words))
	}
	return words, nil
}

// CPU is what a processor, or all, have done since boot, in ticks of 10 ms.
type CPU struct{ User, Nice, System, Idle, Wait, IRQ, SoftIRQ, Steal int }

// Total is all time.
func (c CPU) Total() int {
	return c.User + c.Nice + c.System + c.Idle + c.Wait + c.IRQ + c.SoftIRQ + c.Steal
}

// Busy is the time with something to do.
func (c CPU) Busy() int { return c.Total() - c.Idle - c.Wait }

// Since is what was done since before.
func (c CPU) Since(before CPU) CPU {
	return CPU{
		c.User - before.User, c.Nice - before.Nice, c.System - before.System, c.Idle - before.Idle,
		c.Wait - before.Wait, c.IRQ - before.IRQ, c.SoftIRQ - before.SoftIRQ, c.Steal - before.Steal,
	}
}

// CPUs are all processors together, and each.
func CPUs(fsys fs.FS) (all CPU, each []CPU, err error) {
	text, err := fs.ReadFile(fsys, "stat")
	if err != nil {
		return all, nil, fmt.Errorf("read /proc: %w", err)
	}
	found := false
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 5 || !strings.HasPrefix(words[0], "cpu") {
			continue
		}
		var c CPU
		for i, to := range []*int{&c.User, &c.Nice, &c.System, &c.Idle, &c.Wait, &c.IRQ, &c.SoftIRQ,
			&c.Steal} {
			if i+1 == len(words) {
				break
			}
			if *to, err = strconv.Atoi(words[i+1]); err != nil {
				return all, nil, fmt.Errorf("/proc/stat: %s: %w", words[0], err)
			}
		}
		if words[0] == "cpu" {
			all, found = c, true
		} else {
			each = append(each, c)
		}
	}
	if !found {
		return all, nil, errors.New("/proc/stat does not say cpu")
	}
	return all, each, nil
}
