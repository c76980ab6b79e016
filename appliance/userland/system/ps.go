package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

const psUsage = `usage: ps            the programs, without the threads of the kernel
       ps aux        everything, with memory and CPU
       ps -ef        everything, with parents
options: -p PID,…    only these      -o COLUMN,…  these columns ("COLUMN=" has no header)`

// psOptions are the options of one run.
type psOptions struct {
	kernel  bool  // also the threads of the kernel
	pids    []int // only these; nil: all
	columns []column
}

// Ps prints the processes like ps of procps. Lines are not cut at the width of
// the terminal. The status is 1 when -p names no process that exists.
func Ps(_ context.Context, args []string, stdout, stderr io.Writer) int {
	const command = "ps"
	o, err := parsePs(args[1:])
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, psUsage))
	}
	proc := os.DirFS("/proc")
	all, err := readProcesses(proc, os.Getpagesize())
	if err != nil {
		return fail(stderr, exitFailed, command, err)
	}
	m, err := readMachine(proc, time.Now())
	if err != nil {
		return fail(stderr, exitFailed, command, err)
	}
	shown := slices.DeleteFunc(all, func(p process) bool {
		if o.pids != nil {
			return !slices.Contains(o.pids, p.pid)
		}
		return p.kernel && !o.kernel
	})
	v := &view{machine: m, now: time.Now(), user: userNames()}
	fmt.Fprint(stdout, v.table(shown, o.columns))
	if len(shown) == 0 {
		return exitFailed
	}
	return exitOK
}

// parsePs reads the arguments after the command's name, in the styles of BSD
// (aux) and Unix (-ef).
func parsePs(args []string) (psOptions, error) {
	o := psOptions{}
	format := "pid,user,stat,rss,time,args"
	options, operands, err := getopt.Parse(args, "eAfwauxp:o:")
	if err != nil {
		return o, err
	}
	var chosen []string
	for _, opt := range options {
		switch opt.Letter {
		case 'e', 'A':
			o.kernel = true
		case 'f':
			format = "user,pid,ppid,pcpu,stime,tty,time,args"
		case 'o':
			chosen = append(chosen, opt.Value)
		case 'p':
			if o.pids, err = pidList(o.pids, opt.Value); err != nil {
				return o, err
			}
		default: // ps -aux means ps aux
			operands = append(operands, string(opt.Letter))
		}
	}
	for _, letter := range strings.Join(operands, "") {
		switch letter {
		case 'a', 'x':
			o.kernel = true
		case 'u':
			format = "user,pid,pcpu,pmem,vsz,rss,tty,stat,stime,time,args"
		case 'w':
		default:
			return o, fmt.Errorf("unknown option %c", letter)
		}
	}
	if chosen != nil {
		format = strings.Join(chosen, ",")
	}
	o.columns, err = columnsOf(format)
	return o, err
}

// pidList appends the process ids of a list like 1,42 to pids.
func pidList(pids []int, list string) ([]int, error) {
	for word := range strings.SplitSeq(list, ",") {
		pid, err := strconv.Atoi(word)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("-p %s: expected process ids", list)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// userNames returns a function that names user ids: from passwd(5), else the number.
func userNames() func(uid int) string {
	known := map[int]string{}
	return func(uid int) string {
		name, ok := known[uid]
		if !ok {
			name = strconv.Itoa(uid)
			if u, err := user.LookupId(name); err == nil {
				name = u.Username
			}
			known[uid] = name
		}
		return name
	}
}

// columnsOf reads a list of columns like pid,comm=.
func columnsOf(list string) ([]column, error) {
	known := psColumns()
	var columns []column
	for word := range strings.SplitSeq(list, ",") {
		name, header, renamed := strings.Cut(word, "=")
		c, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("-o %s: no such column; there are %s", word, strings.Join(columnNames(known), " "))
		}
		if renamed {
			c.header = header
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 {
		return nil, errors.New("-o: expected columns")
	}
	return columns, nil
}

// columnNames lists the names of columns in order.
func columnNames(known map[string]column) []string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
