package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// view is what the columns are computed from beside the process.
type view struct {
	machine
	now  time.Time
	user func(uid int) string
}

// column is one column of the table.
type column struct {
	header string
	right  bool // numbers stand on the right
	cell   func(v *view, p process) string
}

// psColumns are the columns by the names of ps(1).
func psColumns() map[string]column {
	number := func(header string, of func(process) int) column {
		return column{header, true, func(_ *view, p process) string { return strconv.Itoa(of(p)) }}
	}
	text := func(header string, of func(*view, process) string) column { return column{header, false, of} }
	percent := func(header string, of func(*view, process) float64) column {
		return column{header, true, func(v *view, p process) string { return fmt.Sprintf("%.1f", of(v, p)) }}
	}
	args := func(_ *view, p process) string { return p.command() }
	name := func(_ *view, p process) string { return printable.String(p.name) }
	return map[string]column{
		"pid":  number("PID", func(p process) int { return p.pid }),
		"ppid": number("PPID", func(p process) int { return p.ppid }),
		"uid":  number("UID", func(p process) int { return p.uid }),
		"nlwp": number("NLWP", func(p process) int { return p.threads }),
		"vsz":  number("VSZ", func(p process) int { return p.virtual >> 10 }),
		"rss":  number("RSS", func(p process) int { return p.resident >> 10 }),
		"user": text("USER", func(v *view, p process) string { return v.user(p.uid) }),
		"stat": text("STAT", func(_ *view, p process) string { return p.state }),
		"tty":  text("TTY", func(_ *view, p process) string { return p.tty }),
		"comm": text("COMMAND", name),
		"args": text("COMMAND", args), "cmd": text("CMD", args), "command": text("COMMAND", args),
		"pcpu":  percent("%CPU", (*view).cpuShare),
		"pmem":  percent("%MEM", (*view).memoryShare),
		"time":  {"TIME", true, func(_ *view, p process) string { return cpuTime(p.cpu) }},
		"etime": {"ELAPSED", true, func(v *view, p process) string { return elapsed(v.age(p)) }},
		"stime": {"START", true, (*view).start},
	}
}

// age is how long p has been running.
func (v *view) age(p process) time.Duration { return max(0, v.uptime-p.started) }

// cpuShare is the share of one processor over the life of p, in percent.
func (v *view) cpuShare(p process) float64 {
	if v.age(p) == 0 {
		return 0
	}
	return 100 * p.cpu.Seconds() / v.age(p).Seconds()
}

// memoryShare is the share of the memory that p holds, in percent.
func (v *view) memoryShare(p process) float64 {
	if v.memory == 0 {
		return 0
	}
	return 100 * float64(p.resident) / float64(v.memory)
}

// start is the time of day when p started, or the day when that was long ago.
func (v *view) start(p process) string {
	began := v.boot.Add(p.started)
	switch {
	case v.now.Sub(began) < 24*time.Hour:
		return began.Format("15:04")
	case began.Year() == v.now.Year():
		return began.Format("Jan02")
	default:
		return began.Format("2006")
	}
}

// cpuTime writes processor time as [DD-]hh:mm:ss.
func cpuTime(d time.Duration) string {
	s := int(d / time.Second)
	clock := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%d-%s", days, clock)
	}
	return clock
}

// elapsed writes a time as [[DD-]hh:]mm:ss.
func elapsed(d time.Duration) string {
	if d < time.Hour {
		s := int(d / time.Second)
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	return cpuTime(d)
}

// command is the command line, or the kernel's name in brackets for a process
// that has none. A process names itself as it likes.
func (p process) command() string {
	if len(p.argv) == 0 {
		return "[" + printable.String(p.name) + "]"
	}
	return printable.String(strings.Join(p.argv, " "))
}

// table lays the processes out in columns, as wide as their widest cell.
func (v *view) table(all []process, columns []column) string {
	rows := make([][]string, 0, len(all)+1)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.header
	}
	if strings.Join(header, "") != "" {
		rows = append(rows, header)
	}
	for _, p := range all {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.cell(v, p)
		}
		rows = append(rows, row)
	}
	var out strings.Builder
	widths := columnWidths(rows, len(columns))
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if columns[i].right {
				line.WriteString(pad + cell + " ")
			} else {
				line.WriteString(cell + pad + " ")
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}

// columnWidths returns the widest cell of each of n columns, in characters.
func columnWidths(rows [][]string, n int) []int {
	widths := make([]int, n)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
