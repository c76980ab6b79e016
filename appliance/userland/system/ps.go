package system

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const psHelp = "\t-o COLUMN,...\tuser group ruser rgroup comm args pid ppid pgid sid tid " +
	"tty vsz rss stat nice time etime pcpu pmem nlwp stime\n\t-p PID,...\tonly these\n\t-T\tthreads\n\taux, -ef, -l\tcolumns as those of procps\n\tw\tlong lines are not cut\n"

// Columns of ps without -o, of ps -f, ps u and ps -l.
const (
	usualColumns = "pid,user,args"
	fullColumns  = "user,pid,ppid,pcpu=C,stime,tty=TTY,time,args=CMD"
	userColumns  = "user,pid,pcpu,pmem,vsz,rss,tty=TTY,stat,stime=START,time,args"
	longColumns  = "stat,ruser,pid,ppid,nice,vsz,rss,tty=TTY,time,args=CMD"
)

// psOptions are the options of one run.
type psOptions struct {
	threads bool
	wide    bool
	pids    []int // only these; nil: all
	columns []column
}

// ps prints processes. On a terminal, lines are cut at its width.
func ps(c *command.Call) {
	o, err := parsePs(c.Args)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	v, all, err := viewOf(o.threads)
	if err != nil {
		c.Fail(err)
		return
	}
	width := 0
	if f, ok := c.Stdout.Underlying().(*os.File); ok && !o.wide {
		width = columnsOf(f) - 1
	}
	put := func(row string) {
		if width > 0 {
			row = cut(row, width)
		}
		c.Stdout.WriteString(row + "\n")
	}
	if header := v.header(o.columns); header != "" {
		put(header)
	}
	found := false
	for _, p := range all {
		if o.pids != nil && !slices.Contains(o.pids, p.Main) {
			continue
		}
		found = true
		put(v.row(p, o.columns))
	}
	if !found {
		c.Exit(1)
	}
}

// viewOf reads all processes and what the columns need beside.
func viewOf(threads bool) (*view, []*proc.Process, error) {
	all, err := processes(threads)
	if err != nil {
		return nil, nil, err
	}
	uptime, err := proc.Uptime(procFS())
	if err != nil {
		return nil, nil, err
	}
	memory, err := proc.Memory(procFS())
	return &view{uptime, time.Now(), memory["MemTotal"], userNames(), groupNames()}, all, err
}

// columnsOf is the width of a terminal; of what is none, 0.
func columnsOf(f *os.File) int {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case w.Col == 0:
		return 80
	}
	return int(w.Col)
}

// cut is what of a visible text is seen in some columns.
func cut(s string, columns int) string {
	if len(s) <= columns {
		return s
	}
	var b strings.Builder
	for _, cell := range screen.Window(screen.Text(s, ""), 0, columns) {
		b.WriteString(cell.Text)
	}
	return b.String()
}

// parsePs reads the arguments, in the styles of BSD (aux) and of Unix (-ef).
func parsePs(args []string) (psOptions, error) {
	o := psOptions{}
	options, operands, err := getopt.ParseLong(args, "o:*aAdeflTp:wux", nil)
	if err != nil {
		return o, err
	}
	chosen, format := "", usualColumns
	for _, opt := range options {
		switch opt.Letter {
		case 'o':
			chosen += "," + opt.Value
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
		case 'f':
			format = fullColumns
		case 'u':
			format = userColumns
		case 'l':
			format = longColumns
		case 'T', 'H':
			o.threads = true
		case 'w':
			o.wide = true
		}
	}
	if chosen != "" {
		format = chosen[1:]
	}
	o.columns, err = parseColumns(format)
	return o, err
}

// pidList appends the process ids of a list like 1,42 to pids.
func pidList(pids []int, list string) ([]int, error) {
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("-p %s: expected process ids", printable.String(list))
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// parseColumns reads a list of columns like pid,comm=NAME. The header is the rest of its word.
func parseColumns(list string) ([]column, error) {
	var columns []column
	for word := range strings.SplitSeq(list, ",") {
		name, header, renamed := strings.Cut(word, "=")
		i := 0
		for i < len(psColumns) && psColumns[i].name != name {
			i++
		}
		if i == len(psColumns) {
			return nil, fmt.Errorf("-o %s: no such column; --help lists them", printable.String(word))
		}
		c := psColumns[i]
		if renamed {
			if c.header = printable.String(header); c.width != unbounded {
				c.width = max(c.width, len(c.header)) // wider, as POSIX has it, not narrower
			}
		}
		columns = append(columns, c)
	}
	return columns, nil
}
