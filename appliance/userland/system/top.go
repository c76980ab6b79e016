package system

import (
	"os"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/top"
	"github.com/gatehouse-os/gatehouse/appliance/userland/terminal"
)

const topHelp = "\t-b\tprint lines, all of them, and read no keys\n\t-n COUNT\tend after so many times\n\t-d SECONDS\tfrom one to the next\n" +
	"\t-H\tthreads\nKeys:\n\tP M T N\tby CPU, memory, time, number; R the other way round\n" +
	"\tH\tthreads\n\t1\teach CPU\n\tUp Down PgUp PgDn Home End\n\tQ\tend\n"

// How often top looks: as a rule, at least, and for the first time, when it has nothing to compare with.
const (
	topPause = 5 * time.Second
	topLeast = 100 * time.Millisecond
	topFirst = 100 * time.Millisecond
)

// A topRun is one of the command.
type topRun struct {
	*command.Call
	top.Top
	pause  time.Duration
	rounds int // left; 0: no end
}

// runTop shows who takes what, again and again.
func runTop(c *command.Call) {
	r := topRun{Call: c, pause: topPause}
	if !r.options() {
		return
	}
	if err := r.take(); err != nil {
		c.Fail(err)
		return
	}
	in, isFile := c.Stdin.(*os.File)
	out, _ := c.Stdout.Underlying().(*os.File)
	var err error
	if c.Has('b') || !isFile || out == nil || !terminal.Is(out) {
		err = r.print()
	} else {
		w := topWindow{topRun: &r, terminal: terminal.Open(in)}
		err = w.show()
		w.terminal.Close()
		c.Stdout.WriteString("\r\n")
	}
	if err != nil {
		c.Fail(err)
	}
}

// options reads them, and says itself what is wrong with one.
func (r *topRun) options() bool {
	r.Threads = r.Has('H')
	for _, o := range r.Options {
		switch o.Letter {
		case 'd':
			s, err := strconv.ParseFloat(o.Value, 64)
			if err != nil || !(s >= 0 && s <= 1e6) {
				r.Misused("-d: expected a number of seconds")
				return false
			}
			r.pause = max(time.Duration(s*float64(time.Second)), topLeast)
		case 'n':
			n, err := strconv.ParseUint(o.Value, 10, 31)
			if err != nil || n == 0 {
				r.Misused("-n: expected a number")
				return false
			}
			r.rounds = int(n)
		}
	}
	return true
}

// take takes a sample.
func (r *topRun) take() error {
	var s top.Sample
	fsys := procFS()
	all, err := processes(r.Threads)
	if err != nil {
		return err
	}
	if s.All, s.Each, err = proc.CPUs(fsys); err != nil {
		return err
	}
	if s.Memory, err = proc.Memory(fsys); err != nil {
		return err
	}
	if s.Load, err = proc.Load(fsys); err != nil {
		return err
	}
	user := userNames()
	for _, p := range all {
		s.Rows = append(s.Rows, &top.Row{Process: p, User: clean(user(p.UID)), State: state(p),
			Line: line(p)})
	}
	r.Take(s)
	return nil
}

// last reports whether this was the last round.
func (r *topRun) last() bool {
	if r.rounds == 0 {
		return false
	}
	r.rounds--
	return r.rounds == 0
}

// print is top for a file.
func (r *topRun) print() error {
	wait := topFirst
	for {
		select {
		case <-r.Done():
			return nil
		case <-time.After(wait):
		}
		if err := r.take(); err != nil {
			return err
		}
		lines, _ := r.Lines(0)
		for _, l := range lines {
			r.Stdout.WriteString(l + "\n")
		}
		if r.Stdout.Flush() != nil || r.last() {
			return nil // whoever flushes last says so
		}
		wait = r.pause
	}
}

// A topWindow is top for a person:
//
//	sample ──► draw ──► wait ──► a key of another view, another size: draw
//	  ▲                  │
//	  └──────────────────┘ the pause is over, any other key
type topWindow struct {
	*topRun
	terminal *terminal.Terminal
	screen   screen.Screen
	shown    bool // there is something to draw
	blind    bool // no more keys come
}

func (w *topWindow) show() error {
	for until := time.Now().Add(topFirst); w.wait(until); until = time.Now().Add(w.pause) {
		if err := w.take(); err != nil {
			return err
		}
		w.shown = true
		w.draw()
		if w.last() {
			break
		}
	}
	return nil
}

// wait takes keys until it is time for a sample. It reports whether there shall be one.
func (w *topWindow) wait(until time.Time) bool {
	for w.Stdout.Err() == nil { // whoever flushes last says so
		left := time.Until(until)
		if left <= 0 {
			return true
		}
		if w.blind {
			select {
			case <-w.Done():
				return false
			case <-time.After(left):
				return true
			}
		}
		switch event := w.terminal.Next(w.Context, left); event.Kind {
		case terminal.Ended:
			if w.Err() != nil {
				return false
			}
			w.blind = true
		case terminal.Ticked:
			return true
		case terminal.Resized:
			w.draw()
		case terminal.Pressed:
			switch w.key(event.Key) {
			case top.Quit:
				return false
			case top.Again:
				return true
			}
			w.draw()
		}
	}
	return false
}

// key takes a key; some are for the terminal.
func (w *topWindow) key(k key.Key) top.Answer {
	switch k {
	case key.Ctrl('Z'):
		w.terminal.Suspend()
		w.screen.Forget()
	case key.Ctrl('L'):
		w.screen.Forget()
	default:
		return w.Key(k)
	}
	return top.Show
}

// draw draws what there is.
func (w *topWindow) draw() {
	if !w.shown {
		return
	}
	rows, columns := w.terminal.Size()
	lines, head := w.Lines(rows)
	f := screen.Frame{Rows: rows, Columns: columns}
	for i, l := range lines[:min(len(lines), rows)] {
		style := screen.Style("")
		if i == head {
			style = screen.Reverse
		}
		f.Lines = append(f.Lines, screen.Window(screen.Text(l, style), 0, columns))
	}
	f.Row = min(len(f.Lines), rows-1)
	w.Stdout.Write(w.screen.Draw(f))
	_ = w.Stdout.Flush() // an error stays
}
