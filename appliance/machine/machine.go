// Package machine says how the machine is that this program runs on: its name and age, memory, disks and
// clock, by which gateways it reaches the world, and how full the kernel's tables of conversations and
// neighbours are.
//
// Everything is read once, at the moment of asking, from the kernel and from the network namespace of the
// calling thread. Nothing is sent, changed or waited for, with one exception: a disk that has gone may keep
// its caller waiting. What this kernel does not have is zero; what it has and does not tell is an error,
// beside the facts that it told. What of it is good or bad is left to who asks.
package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Facts are what the running kernel knows.
type Facts struct {
	Name     string        `json:"name"`
	Version  string        `json:"version"`   // of this program
	Kernel   string        `json:"kernel"`    // "Linux 6.1.192"
	Platform string        `json:"platform"`  // "Xen PVH", "QEMU"
	Uptime   time.Duration `json:"uptime_ns"` // since the kernel started, whatever happened to the clock
	CPUs     int           `json:"cpus"`
	// processes that run or wait for a disk: over 1, 5 and 15 minutes
	Load          [3]float64   `json:"load"`
	Memory        Memory       `json:"memory"`
	Disks         []Disk       `json:"disks"`
	Routes        []Route      `json:"default_routes"`
	Neighbours    []Neighbours `json:"neighbours"`
	Conversations Table        `json:"conversations"` // of conntrack
	Clock         Clock        `json:"clock"`
}

// Memory of the machine in bytes.
type Memory struct {
	Total     uint64 `json:"total"`
	Available uint64 `json:"available"` // MemAvailable of proc(5)
}

// Table is how full a table of the kernel is. Above the limit there is no place for anybody.
type Table struct {
	Used  int `json:"used"`
	Limit int `json:"limit"` // 0: not known
}

// Read reads everything, and the use of the disks that have dirs; a directory that does not exist is left
// out.
func Read(dirs ...string) (Facts, error) {
	f := Facts{Version: Version(), Platform: platform(os.ReadFile), CPUs: runtime.NumCPU()}
	var u unix.Utsname
	errs := []error{unix.Uname(&u)}
	f.Name, f.Kernel = unix.ByteSliceToString(u.Nodename[:]), "Linux "+unix.ByteSliceToString(u.Release[:])
	note := func(err error) { errs = append(errs, err) }

	var err error
	f.Uptime, err = readProc("uptime", parseUptime)
	note(err)
	f.Load, err = readProc("loadavg", parseLoad)
	note(err)
	f.Memory, err = ReadMemory()
	note(err)
	f.Disks, err = readDisks(dirs)
	note(err)
	f.Routes, f.Neighbours, err = readNetwork()
	note(err)
	f.Conversations, err = readTable("netfilter/nf_conntrack_count", "netfilter/nf_conntrack_max")
	note(err)
	f.Clock, err = readClock()
	note(err)
	return f, errors.Join(errs...)
}

// ReadMemory reads how much memory there is.
func ReadMemory() (Memory, error) { return readProc("meminfo", parseMemory) }

// readProc reads a file of proc(5).
func readProc[T any](name string, parse func(string) (T, error)) (T, error) {
	data, err := os.ReadFile("/proc/" + name)
	if err != nil {
		var none T
		return none, err
	}
	v, err := parse(string(data))
	if err != nil {
		return v, fmt.Errorf("/proc/%s: %w", name, err)
	}
	return v, nil
}

// readTable reads two settings below net. A kernel without them, or a network namespace that leaves them to
// the first one, has none.
func readTable(used, limit string) (t Table, err error) {
	n, err1 := setting(used)
	most, err2 := setting(limit)
	return Table{n, most}, errors.Join(err1, err2)
}

// setting reads a number below /proc/sys/net, 0 if there is none.
func setting(name string) (int, error) {
	n, err := readProc("sys/net/"+name, func(text string) (int, error) {
		return strconv.Atoi(strings.TrimSpace(text))
	})
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return n, err
}
