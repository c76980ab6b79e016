package system

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"
)

// clockTicks is USER_HZ: the unit of times in /proc, the same on all
// architectures that Go supports (proc(5)).
const clockTicks = 100

// process is what ps shows of one process.
type process struct {
	pid, ppid, uid, threads int
	name                    string   // the kernel's name, at most 15 bytes
	argv                    []string // empty for a kernel thread or a zombie
	state                   string   // as STAT of ps(1)
	tty                     string   // "?" for none
	cpu                     time.Duration
	started                 time.Duration // since boot
	virtual, resident       int           // octets
	kernel                  bool          // a thread of the kernel
}

// machine is what ps needs to know beside the processes.
type machine struct {
	boot   time.Time
	uptime time.Duration
	memory int // octets
}

// readProcesses reads all processes from a tree like /proc, in order of their
// ids. A process that ends meanwhile is left out. pageSize is in octets.
func readProcesses(proc fs.FS, pageSize int) ([]process, error) {
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil, fmt.Errorf("read /proc: %w", err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := readProcess(proc, pid, pageSize)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].pid < all[j].pid })
	return all, nil
}

// errGone says that a process has ended while it was looked at.
var errGone = errors.New("process is gone")

// readProcess reads one process.
func readProcess(proc fs.FS, pid, pageSize int) (process, error) {
	dir := strconv.Itoa(pid)
	stat, err := fs.ReadFile(proc, path.Join(dir, "stat"))
	if err != nil {
		return process{}, errGone // ENOENT, or ESRCH from the read
	}
	p, err := parseStat(string(stat), pageSize)
	if err != nil {
		return process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	status, err := fs.ReadFile(proc, path.Join(dir, "status"))
	if err != nil {
		return process{}, errGone
	}
	if p.uid, err = parseUID(status); err != nil {
		return process{}, fmt.Errorf("/proc/%d/status: %w", pid, err)
	}
	line, err := fs.ReadFile(proc, path.Join(dir, "cmdline"))
	if err != nil {
		return process{}, errGone
	}
	if line = bytes.TrimRight(line, "\x00"); len(line) > 0 {
		p.argv = strings.Split(string(line), "\x00")
	}
	return p, nil
}

// parseStat reads /proc/PID/stat (proc(5)). The name in it may contain blanks
// and parentheses, so it ends at the last ")".
func parseStat(stat string, pageSize int) (process, error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 1 || end < open {
		return process{}, errors.New("no name in parentheses")
	}
	words := strings.Fields(stat[end+1:])
	const first, last = 3, 24 // the numbers of proc(5) of words[0] and of the last that is used
	if len(words) < last-first+1 {
		return process{}, fmt.Errorf("%d fields, expected %d or more", len(words)+2, last)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(stat[:open]))
	if err != nil {
		return process{}, errors.New("no process id")
	}
	field := func(number int) int {
		n, ferr := strconv.Atoi(words[number-first])
		err = errors.Join(err, ferr)
		return n
	}
	ticks := func(n int) time.Duration { return time.Duration(n) * time.Second / clockTicks }
	const kernelThread = 0x00200000 // PF_KTHREAD of linux/sched.h
	p := process{
		pid: pid, name: stat[open+1 : end], ppid: field(4), tty: ttyName(field(7)),
		cpu: ticks(field(14) + field(15)), threads: field(20), started: ticks(field(22)),
		virtual: field(23), resident: field(24) * pageSize,
		kernel: field(9)&kernelThread != 0,
	}
	p.state = words[0] + stateFlags(p, field(19), field(6), field(5), field(8))
	return p, err
}

// stateFlags are the letters that ps(1) puts after the state.
func stateFlags(p process, nice, session, group, foreground int) string {
	flags := ""
	switch {
	case nice < 0:
		flags += "<"
	case nice > 0:
		flags += "N"
	}
	if session == p.pid {
		flags += "s"
	}
	if p.threads > 1 {
		flags += "l"
	}
	if group == foreground {
		flags += "+"
	}
	return flags
}

// ttyName returns the name under /dev of a terminal's device number
// (Documentation/admin-guide/devices.txt of Linux).
func ttyName(device int) string {
	major, minor := device>>8&0xfff, device&0xff|device>>12&0xfff00
	switch {
	case device == 0:
		return "?"
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	case major == 5 && minor == 1:
		return "console"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 204 && minor >= 64 && minor < 80:
		return fmt.Sprintf("ttyAMA%d", minor-64)
	case major == 229:
		return fmt.Sprintf("hvc%d", minor)
	default:
		return fmt.Sprintf("%d,%d", major, minor)
	}
}

// parseUID returns the effective user id of /proc/PID/status.
func parseUID(status []byte) (int, error) {
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			words := strings.Fields(ids)
			if len(words) < 2 {
				break
			}
			return strconv.Atoi(words[1])
		}
	}
	return 0, errors.New("no user id")
}

// readMachine reads what is common to all processes. now is the present time.
func readMachine(proc fs.FS, now time.Time) (machine, error) {
	var m machine
	uptime, err := fs.ReadFile(proc, "uptime")
	if err != nil {
		return m, fmt.Errorf("read /proc: %w", err)
	}
	first, _, _ := strings.Cut(string(uptime), " ")
	secs, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return m, fmt.Errorf("/proc/uptime: %w", err)
	}
	m.uptime = time.Duration(secs * float64(time.Second))
	m.boot = now.Add(-m.uptime)
	f, err := proc.Open("meminfo")
	if err != nil {
		return m, fmt.Errorf("read /proc: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) >= 2 && words[0] == "MemTotal:" {
			kib, err := strconv.Atoi(words[1])
			m.memory = kib << 10
			return m, err
		}
	}
	return m, errors.New("/proc/meminfo does not say MemTotal")
}
