package sockets

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Holder is a process that has a socket open.
type Holder struct {
	Name     string // of its program, at most 15 bytes, which it may choose itself
	PID, FD  int
	Argument string // the first of its command line
}

// Holders are those of each socket, by its inode, as far as they may be seen. Of one that ends meanwhile, or
// is another user's, nothing is said.
func Holders() map[uint32][]Holder {
	all := map[uint32][]Holder{}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	slices.SortFunc(processes, func(a, b string) int { return pid(a) - pid(b) })
	for _, process := range processes {
		files, err := os.ReadDir(process + "/fd")
		if err != nil {
			continue
		}
		h := Holder{PID: pid(process)}
		for _, file := range files {
			target, err := os.Readlink(process + "/fd/" + file.Name())
			number, isSocket := strings.CutPrefix(target, "socket:[")
			if err != nil || !isSocket {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
			if err != nil {
				continue
			}
			if h.Name == "" {
				h.Name, h.Argument = name(process), argument(process)
			}
			h.FD, _ = strconv.Atoi(file.Name())
			all[uint32(inode)] = append(all[uint32(inode)], h)
		}
	}
	return all
}

// pid is the number of a process.
func pid(process string) int {
	n, _ := strconv.Atoi(filepath.Base(process))
	return n
}

// name is that of a process.
func name(process string) string {
	b, _ := os.ReadFile(process + "/comm")
	return strings.TrimSuffix(string(b), "\n")
}

// argument is the first of a process.
func argument(process string) string {
	b, _ := os.ReadFile(process + "/cmdline")
	return text(b)
}
