// Package top is what the command top shows, as an engine: samples of the machine and keys make lines. How
// they are taken and shown is left to others. It looks as busybox's does, but for memory: it shows what a
// process holds of it (RSS), not its address space, which with programs in Go says nothing.
package top

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

// A Row is a process or a thread, and how others show parts of it.
type Row struct {
	*proc.Process
	User, State, Line string // State has three places; none has what acts on a terminal
}

// A Sample is the machine at a moment.
type Sample struct {
	All    proc.CPU
	Each   []proc.CPU
	Memory map[string]int // octets, as /proc/meminfo names them
	Load   []string
	Rows   []*Row
}

// An Order is by what rows are sorted.
type Order int

// Orders: the most of each is first.
const (
	ByCPU Order = iota
	ByMemory
	ByTime
	ByNumber
)

// Top is what is shown.
type Top struct {
	Threads bool // whoever takes samples reads it

	order         Order
	reverse, each bool
	scroll, page  int
	now, before   Sample
	share         map[int]float64 // of all processors, in percent, by number
}

// Take takes a sample. Shares are since the one before.
func (t *Top) Take(s Sample) {
	t.before, t.now = t.now, s
	was := map[int]*proc.Process{}
	for _, r := range t.before.Rows {
		was[r.ID] = r.Process
	}
	total := time.Duration(s.All.Since(t.before.All).Total()) * 10 * time.Millisecond
	t.share = map[int]float64{}
	for _, r := range s.Rows {
		if p, ok := was[r.ID]; ok && p.Started == r.Started && total > 0 {
			t.share[r.ID] = min(100*float64(r.CPU-p.CPU)/float64(total), 100)
		}
	}
	t.sort()
}

// sort puts the rows in order; of two that are equal, by the other orders, the one with the higher number is
// first.
func (t *Top) sort() {
	keys := func(r *Row) [4]int {
		k := [4]int{ByCPU: int(1000 * t.share[r.ID]), ByMemory: r.Resident, ByTime: int(r.CPU),
			ByNumber: r.ID}
		k[0], k[t.order] = k[t.order], k[0]
		return k
	}
	slices.SortFunc(t.now.Rows, func(a, b *Row) int {
		x, y := keys(a), keys(b)
		if t.reverse {
			x, y = y, x
		}
		for i := range x {
			if x[i] != y[i] {
				return y[i] - x[i]
			}
		}
		return 0
	})
}

// An Answer is what a key asks for.
type Answer int

// Answers.
const (
	Show  Answer = iota // what is there, in another way
	Again               // a new sample
	Quit
)

// Key takes a key.
func (t *Top) Key(k key.Key) Answer {
	orders := map[key.Key]Order{'p': ByCPU, 'm': ByMemory, 't': ByTime, 'n': ByNumber}
	half := max(1, t.page/2)
	if k >= 'A' && k <= 'Z' {
		k += 'a' - 'A'
	}
	switch k {
	case 'q', key.Ctrl('C'), key.Ctrl('D'):
		return Quit
	case 'p', 'm', 't', 'n':
		t.order = orders[k]
		t.sort()
	case 'r':
		t.reverse = !t.reverse
		t.sort()
	case '1', 'c':
		t.each = !t.each
	case 'h':
		t.Threads = !t.Threads
		return Again
	case key.Up:
		t.scroll--
	case key.Down:
		t.scroll++
	case key.PageUp:
		t.scroll -= half
	case key.PageDown:
		t.scroll += half
	case key.Home:
		t.scroll = 0
	case key.End:
		t.scroll = len(t.now.Rows) - half
	default:
		return Again
	}
	return Show
}

// Header is the line above the rows.
const Header = "  PID  PPID USER     STAT   RSS %RSS %CPU COMMAND"

// Lines are what is seen: the machine, Header, and as many rows as there is place for, all if rows is 0. head
// is how many lines are before Header.
func (t *Top) Lines(rows int) (lines []string, head int) {
	lines = append(lines, t.memory())
	lines = append(lines, t.processors(rows)...)
	lines = append(lines, "Load average: "+strings.Join(t.now.Load, " "))
	head = len(lines)
	lines = append(lines, Header)
	t.page = max(rows-len(lines), 0)
	t.scroll = max(min(t.scroll, len(t.now.Rows)-1), 0)
	shown := t.now.Rows[t.scroll:]
	if rows > 0 {
		shown = shown[:min(len(shown), t.page)]
	}
	for _, r := range shown {
		lines = append(lines, t.row(r))
	}
	return lines, head
}

func (t *Top) memory() string {
	kib := func(names ...string) (n int) {
		for _, name := range names {
			n += t.now.Memory[name] >> 10
		}
		return n
	}
	return fmt.Sprintf("Mem: %dK used, %dK free, %dK shrd, %dK buff, %dK cached",
		kib("MemTotal")-kib("MemFree"), kib("MemFree"), kib("MemShared", "Shmem"), kib("Buffers"), kib("Cached"))
}

// processors are one line for all, or one for each, as many as half the rows have place for.
func (t *Top) processors(rows int) (lines []string) {
	if !t.each || len(t.now.Each) != len(t.before.Each) {
		return []string{processor("", t.now.All.Since(t.before.All))}
	}
	for i, c := range t.now.Each {
		if rows > 0 && i >= max(1, rows/2) {
			break
		}
		lines = append(lines, processor(fmt.Sprint(i), c.Since(t.before.Each[i])))
	}
	return lines
}

func processor(name string, c proc.CPU) string {
	line := "CPU" + name + ":"
	for _, part := range []struct {
		ticks int
		name  string
	}{{c.User, "usr"}, {c.System, "sys"}, {c.Nice, "nic"}, {c.Idle, "idle"}, {c.Wait, "io"}, {c.IRQ, "irq"},
		{c.SoftIRQ, "sirq"}} {
		line += fmt.Sprintf("%4d%% %s", max(0, 100*part.ticks/max(c.Total(), 1)), part.name)
	}
	return line
}

// row is the line of a process.
func (t *Top) row(r *Row) string {
	user := []rune(r.User)
	return fmt.Sprintf("%5d%6d %-8s %s  %s%4.0f%%%4.0f%% %s", r.ID, r.Parent,
		string(user[:min(len(user), 8)]), r.State, proc.KiB(r.Resident, 5),
		100*float64(r.Resident)/float64(max(t.now.Memory["MemTotal"], 1)), t.share[r.ID], r.Line)
}
