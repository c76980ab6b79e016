package system

import (
	"os"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/screen"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/terminal"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/top"
)

const topHelp = "\t-b\tprint lines, all of them, and read no keys\n\t-n COUNT\tend after so many times\n\t-d SECONDS\tfrom one to the next\n" +
	"\t-H\tthreads\nkeys: P M T N\tby CPU, memory, time, number; R the other way round\n" +
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
	r.Threads = c.Has('H')
	for _, o := range c.Options {
		switch o.Letter {
		case 'd':
			s, err := strconv.ParseFloat(o.Value, 64)
			if err != nil || s < 0 || s > 1e6 {
				c.Misused("-d: expected a number of seconds")
				return
			}
			r.pause = max(time.Duration(s*float64(time.Second)), topLeast)
		case 'n':
			n, err := strconv.ParseUint(o.Value, 10, 31)
			if err != nil || n == 0 {
				c.Misused("-n: expected a number")
				return
			}
			r.rounds = int(n)
		}
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
		t := terminal.Open(in)
		err = r.show(t)
		t.Close()
		c.Stdout.WriteString("\r\n")
	}
	if err != nil {
		c.Fail(err)
	}
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
		s.Rows = append(s.Rows, &top.Row{Process: p, User: clean(user(p.UID)), State: state(p), Line: line(p)})
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

// show is top for a person:
//
//	sample ──► draw ──► wait ──► a key of another view, another size: draw
//	  ▲                  │
//	  └──────────────────┘ the pause is over, any other key
func (r *topRun) show(t *terminal.Terminal) error {
	var s screen.Screen
	blind := false // no more keys come
	end := time.Now().Add(topFirst)
	for shown := false; ; shown = true {
		if shown {
			r.draw(&s, t)
			if r.last() {
				return nil
			}
			end = time.Now().Add(r.pause)
		}
	waiting:
		for {
			left := time.Until(end)
			if left <= 0 {
				break
			}
			var event terminal.Event
			if blind {
				select {
				case <-r.Done():
					return nil
				case <-time.After(left):
				}
				break
			}
			switch event = t.Next(r.Context, left); event.Kind {
			case terminal.Ended:
				if r.Err() != nil {
					return nil
				}
				blind = true
			case terminal.Ticked:
				break waiting
			case terminal.Resized:
				r.draw(&s, t)
			case terminal.Pressed:
				switch r.key(event.Key, t, &s) {
				case top.Quit:
					return nil
				case top.Again:
					break waiting
				}
				if shown {
					r.draw(&s, t)
				}
			}
			if r.Stdout.Err() != nil {
				return nil
			}
		}
		if err := r.take(); err != nil {
			return err
		}
	}
}

// key takes a key; some are for the terminal.
func (r *topRun) key(k key.Key, t *terminal.Terminal, s *screen.Screen) top.Answer {
	switch k {
	case key.Ctrl('Z'):
		t.Suspend()
		s.Forget()
	case key.Ctrl('L'):
		s.Forget()
	default:
		return r.Key(k)
	}
	return top.Show
}

// draw draws what there is.
func (r *topRun) draw(s *screen.Screen, t *terminal.Terminal) {
	rows, columns := t.Size()
	lines, head := r.Lines(rows)
	f := screen.Frame{Rows: rows, Columns: columns}
	for i, l := range lines[:min(len(lines), rows)] {
		style := screen.Style("")
		if i == head {
			style = screen.Reverse
		}
		f.Lines = append(f.Lines, screen.Window(screen.Text(l, style), 0, columns))
	}
	f.Row = min(len(f.Lines), rows-1)
	r.Stdout.Write(s.Draw(f))
	_ = r.Stdout.Flush() // an error stays
}
