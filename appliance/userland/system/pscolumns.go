package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

// view is what the columns are computed from beside the process.
type view struct {
	uptime      time.Duration
	now         time.Time
	memory      int // octets of the machine
	user, group func(id int) string
}

// column is one column of ps: text on the left, cut at its width, or a number on the right.
type column struct {
	name   string
	header string
	width  int
	right  bool
}

// unbounded is the width of the last column.
const unbounded = 0

// psColumns are those of busybox, with its widths, and some of procps.
var psColumns = [...]column{
	{"user", "USER", 8, false}, {"group", "GROUP", 8, false}, {"comm", "COMMAND", 16, false},
	{"args", "COMMAND", unbounded, false}, {"cmd", "CMD", unbounded, false},
	{"pid", "PID", 5, true}, {"ppid", "PPID", 5, true}, {"pgid", "PGID", 5, true}, {"sid", "SID", 5, true},
	{"tid", "TID", 5, true},
	{"nice", "NI", 5, true}, {"nlwp", "NLWP", 4, true}, {"uid", "UID", 5, true},
	{"ruser", "RUSER", 8, false}, {"rgroup", "RGROUP", 8, false}, {"tty", "TT", 6, false},
	{"vsz", "VSZ", 4, false}, {"rss", "RSS", 4, false}, {"stat", "STAT", 4, false},
	{"time", "TIME", 5, false}, {"etime", "ELAPSED", 7, false}, {"stime", "STIME", 5, false},
	{"pcpu", "%CPU", 4, true}, {"pmem", "%MEM", 4, true},
}

// cell is what a column says of a process.
func (v *view) cell(name string, p *proc.Process) string {
	number := 0
	switch name {
	case "user":
		return clean(v.user(p.UID))
	case "group":
		return clean(v.group(p.GID))
	case "ruser":
		return clean(v.user(p.RealUID))
	case "rgroup":
		return clean(v.group(p.RealGID))
	case "comm":
		return clean(p.Name)
	case "args", "cmd":
		return line(p)
	case "tty":
		return terminalCell(p)
	case "vsz":
		return proc.KiB(p.Virtual, 4)
	case "rss":
		return proc.KiB(p.Resident, 4)
	case "stat":
		return state(p)
	case "time":
		return duration5(p.CPU)
	case "etime":
		return duration5(v.age(p))
	case "stime":
		return v.start(p)
	case "pcpu":
		return v.cpuShare(p)
	case "pmem":
		return v.memoryShare(p)
	case "pid", "tid":
		number = p.ID
	case "ppid":
		number = p.Parent
	case "pgid":
		number = p.Group
	case "sid":
		number = p.Session
	case "nice":
		number = p.Nice
	case "nlwp":
		number = p.Threads
	case "uid":
		number = p.UID
	}
	return strconv.Itoa(number)
}

func terminalCell(p *proc.Process) string {
	if p.Terminal == 0 {
		return "?"
	}
	return p.Terminal.Terminal()
}

// state is how a process is: what it does, W of what has no memory, and whether it is nice.
func state(p *proc.Process) string {
	s := string(rune(p.State)) // one byte, a letter
	if p.Virtual == 0 && p.State != 'Z' {
		s += "W"
	} else {
		s += " "
	}
	switch {
	case p.Nice < 0:
		s = strings.TrimSuffix(s, " ") + "<"
	case p.Nice > 0:
		s = strings.TrimSuffix(s, " ") + "N"
	}
	return s + strings.Repeat(" ", 3-len(s))
}

// duration5 writes a time in five places: mm:ss, 12h34, 12d03, 1234d.
func duration5(d time.Duration) string {
	s := int(d / time.Second)
	switch m, h, days := s/60, s/3600, s/86400; {
	case m < 60:
		return fmt.Sprintf("%2d:%02d", m, s%60)
	case h < 24:
		return fmt.Sprintf("%2dh%02d", h, m%60)
	case days < 100:
		return fmt.Sprintf("%2dd%02d", days, h%24)
	default:
		return fmt.Sprintf("%4dd", days)
	}
}

// age is how long p has been running.
func (v *view) age(p *proc.Process) time.Duration { return max(0, v.uptime-p.Started) }

// cpuShare is the share of one processor over the life of p, in percent.
func (v *view) cpuShare(p *proc.Process) string {
	if v.age(p) == 0 {
		return "0.0"
	}
	return fmt.Sprintf("%.1f", 100*p.CPU.Seconds()/v.age(p).Seconds())
}

// memoryShare is the share of the memory that p holds, in percent.
func (v *view) memoryShare(p *proc.Process) string {
	return fmt.Sprintf("%.1f", 100*float64(p.Resident)/float64(max(v.memory, 1)))
}

// start is the time of day when p started, or the day when that was long ago.
func (v *view) start(p *proc.Process) string {
	began := v.now.Add(-v.age(p))
	switch {
	case v.now.Sub(began) < 24*time.Hour:
		return began.Format("15:04")
	case began.Year() == v.now.Year():
		return began.Format("Jan02")
	default:
		return began.Format(" 2006")
	}
}

// header is the first line; "" if no column has one.
func (v *view) header(columns []column) string {
	if !strings.ContainsFunc(headers(columns), func(r rune) bool { return r != ' ' }) {
		return ""
	}
	return headers(columns)
}

func headers(columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		b.WriteString(c.header)
		if i+1 < len(columns) {
			b.WriteString(strings.Repeat(" ", max(0, c.width-len(c.header))+1))
		}
	}
	return b.String()
}

// row is the line of a process.
func (v *view) row(p *proc.Process, columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		cell := v.cell(c.name, p)
		if c.right {
			cell = pad(cell, c.width)
		} else if n := utf8.RuneCountInString(cell); c.width != unbounded && n > c.width {
			cell = string([]rune(cell)[:c.width])
		}
		if cell == "" {
			cell = "-"
		}
		b.WriteString(cell)
		if i+1 < len(columns) {
			b.WriteString(strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(cell))+1))
		}
	}
	return b.String()
}
