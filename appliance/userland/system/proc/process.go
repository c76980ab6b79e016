// Package proc reads processes and the machine from a tree like /proc (proc(5)). A process may end while it
// is read: then it is not there, and that is no error. Processes choose their names and arguments: what is
// read is as they wrote it, and whoever shows it makes it printable.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTicks is USER_HZ: the unit of times in /proc, the same on all architectures that Go supports
// (proc(5)).
const clockTicks = 100

// Process is one, or one of its threads.
type Process struct {
	ID, Parent, Group, Session int
	Main                       int    // of a thread: its process; of a process: itself
	Name                       string // the kernel's, at most 15 bytes
	Args                       []string
	State                      byte // R S D Z T …
	Terminal                   Device
	Foreground                 int // process group in the foreground of its terminal
	Kernel                     bool
	Nice, Threads              int
	CPU                        time.Duration
	Started                    time.Duration // since boot
	Virtual, Resident          int           // octets
	UID, GID                   int           // effective
	RealUID, RealGID           int
}

// A Device is a number of a device file, as stat(2) has it on x86 and as /proc/PID/stat has that of a
// terminal.
type Device int

// Major and Minor are its parts.
func (d Device) Major() int { return int(d) >> 8 & 0xfff }

// Minor is the other.
func (d Device) Minor() int { return int(d)&0xff | int(d)>>12&0xfff00 }

// Limits of what is read of a process, in bytes: it may have megabytes of arguments, and there may be many of
// it.
const (
	maxArgs        = 4096
	maxEnvironment = 64 << 10
)

// readFirst reads the first bytes of a file.
func readFirst(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// errGone says that a process has ended while it was looked at.
var errGone = errors.New("process is gone")

// Processes reads all, in the order of their numbers; threads: all threads instead. pageSize is in octets.
func Processes(fsys fs.FS, threads bool, pageSize int) ([]*Process, error) {
	ids, err := numbers(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read /proc: %w", err)
	}
	var all []*Process
	for _, id := range ids {
		dirs := []string{strconv.Itoa(id)}
		if threads {
			tasks, err := numbers(fsys, path.Join(dirs[0], "task"))
			if err != nil {
				continue // gone
			}
			dirs = dirs[:0]
			for _, task := range tasks {
				dirs = append(dirs, path.Join(strconv.Itoa(id), "task", strconv.Itoa(task)))
			}
		}
		for _, dir := range dirs {
			p, err := readProcess(fsys, dir, pageSize)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			p.Main = id
			all = append(all, p)
		}
	}
	return all, nil
}

// numbers are the names in a directory that are numbers, sorted.
func numbers(fsys fs.FS, dir string) ([]int, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n >= 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// readProcess reads one from its directory.
func readProcess(fsys fs.FS, dir string, pageSize int) (*Process, error) {
	stat, err := fs.ReadFile(fsys, path.Join(dir, "stat"))
	if err != nil {
		return nil, errGone // ENOENT, or ESRCH from the read
	}
	p, err := parseStat(string(stat), pageSize)
	if err != nil {
		return nil, fmt.Errorf("/proc/%s/stat: %w", dir, err)
	}
	status, err := fs.ReadFile(fsys, path.Join(dir, "status"))
	if err != nil {
		return nil, errGone
	}
	if err := p.parseStatus(string(status)); err != nil {
		return nil, fmt.Errorf("/proc/%s/status: %w", dir, err)
	}
	line, err := readFirst(fsys, path.Join(dir, "cmdline"), maxArgs)
	if err != nil {
		return nil, errGone
	}
	if line = bytes.TrimRight(line, "\x00"); len(line) > 0 {
		p.Args = strings.Split(string(line), "\x00")
	}
	return p, nil
}

// parseStat reads /proc/PID/stat. The name in it may contain blanks and parentheses, so it ends at the last
// ")".
func parseStat(stat string, pageSize int) (*Process, error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 1 || end < open {
		return nil, errors.New("no name in parentheses")
	}
	words := strings.Fields(stat[end+1:])
	const first, last = 3, 24 // the numbers of proc(5) of words[0] and of the last that is used
	if len(words) < last-first+1 {
		return nil, fmt.Errorf("%d fields, expected %d or more", len(words)+2, last)
	}
	var field [last + 1]int
	for i := first + 1; i <= last; i++ {
		n, err := strconv.Atoi(words[i-first])
		if err != nil {
			return nil, err
		}
		field[i] = n
	}
	id, err := strconv.Atoi(strings.TrimSpace(stat[:open]))
	if err != nil {
		return nil, errors.New("no process id")
	}
	const kernelThread = 0x00200000 // PF_KTHREAD of linux/sched.h
	const tick = time.Second / clockTicks
	return &Process{
		ID: id, Name: stat[open+1 : end], State: words[0][0],
		Parent: field[4], Group: field[5], Session: field[6], Terminal: Device(field[7]),
		Foreground: field[8], Kernel: field[9]&kernelThread != 0,
		CPU: time.Duration(field[14]+field[15]) * tick, Nice: field[19], Threads: field[20],
		Started: time.Duration(field[22]) * tick, Virtual: field[23], Resident: field[24] * pageSize,
	}, nil
}

// parseStatus reads the owners from /proc/PID/status.
func (p *Process) parseStatus(status string) error {
	found := 0
	for line := range strings.Lines(status) {
		name, ids, _ := strings.Cut(line, ":")
		if name != "Uid" && name != "Gid" {
			continue
		}
		words := strings.Fields(ids)
		if len(words) < 2 {
			break
		}
		realID, err := strconv.Atoi(words[0])
		effective, err2 := strconv.Atoi(words[1])
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		if found++; name == "Uid" {
			p.RealUID, p.UID = realID, effective
		} else {
			p.RealGID, p.GID = realID, effective
		}
	}
	if found != 2 {
		return errors.New("no user and group ids")
	}
	return nil
}

// Command is the name that the process was called by, without its directory; "" for a thread of the kernel or
// a zombie.
func (p *Process) Command() string {
	if len(p.Args) == 0 {
		return ""
	}
	return p.Args[0][strings.LastIndexByte(p.Args[0], '/')+1:]
}

// Executable is the path of the program that a process runs; "": none, or it may not be known.
func Executable(fsys fs.FS, id int) string {
	target, err := fs.ReadLink(fsys, path.Join(strconv.Itoa(id), "exe"))
	if err != nil {
		return ""
	}
	return target
}

// Environment is that of a process when it was started, without what it may not be asked for.
func Environment(fsys fs.FS, id int) []string {
	text, err := readFirst(fsys, path.Join(strconv.Itoa(id), "environ"), maxEnvironment)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\x00")
}
