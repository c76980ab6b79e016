package tty

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// shortest is the least time between two runs.
const shortest = 100 * time.Millisecond

// look is the time between two looks at the size: SIGWINCH is for the whole process, and this is a part of
// one.
const look = 200 * time.Millisecond

// keep is how much is kept of what a run prints, more than any screen shows.
const keep = 1 << 18

// A watcher runs a command again and again, and shows what it prints.
type watcher struct {
	c       *command.Call
	line    string // for the shell
	every   time.Duration
	heading bool
	marks   bool // of what has changed
	screen  screen.Screen
	text    string   // of the last run
	before  []string // lines of the one before it
	first   bool     // there was none before

	rows, columns int // of the screen, as it was painted
}

// watch runs until it is interrupted.
func watch(c *command.Call) {
	w := watcher{c: c, every: 2 * time.Second, heading: !c.Has('t'), marks: c.Has('d'), first: true}
	if text, given := c.Value('n'); given {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 0) {
			c.Misused("-n %s: expected a number of seconds", text)
			return
		}
		w.every = max(shortest, time.Duration(min(seconds, 1e9)*float64(time.Second)))
	}
	if len(c.Args) == 0 {
		c.Misused("expected a program")
		return
	}
	w.line = strings.Join(c.Args, " ")
	if err := w.run(); err != nil {
		c.Fail(err)
	}
}

func (w *watcher) run() error {
	if !isTerminal(1) {
		return w.plain()
	}
	for {
		began := time.Now()
		text, err := w.output()
		if err != nil {
			return err
		}
		w.before, w.text = w.lines(), text
		w.paint(began)
		w.first = false
		for end := time.Now().Add(w.every); time.Now().Before(end); {
			slept := time.Now()
			time.Sleep(min(look, time.Until(end)))
			rows, columns, _ := sizeOf(os.Stdout)
			stopped := time.Since(slept) > look+time.Second // by ^Z: others have written on the screen
			if stopped {
				w.screen.Forget()
			}
			if stopped || rows != w.rows || columns != w.columns {
				w.paint(began)
			}
			if w.c.Stdout.Err() != nil {
				return nil // whoever flushes says so
			}
		}
	}
}

// plain is for who is no terminal: nothing is cut, nor taken out.
func (w *watcher) plain() error {
	for w.c.Stdout.Err() == nil {
		w.c.Stdout.WriteString(clearScreen)
		if w.heading {
			w.c.Stdout.WriteString(w.title(time.Now(), columnsOf(os.Stderr)) + "\n\n")
		}
		if w.c.Stdout.Flush() != nil {
			break
		}
		p, err := w.start(os.Stdout, os.Stderr)
		if err == nil {
			_, err = p.Wait()
		}
		if err != nil {
			return err
		}
		time.Sleep(w.every)
	}
	return nil
}

func (w *watcher) start(out, complaints *os.File) (*os.Process, error) {
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", w.line},
		&os.ProcAttr{Files: []*os.File{os.Stdin, out, complaints}})
	if err != nil {
		return nil, command.Named("/bin/sh", err)
	}
	return p, nil
}

// output runs the command once. More than a screen can show is read, and not kept.
func (w *watcher) output() (string, error) {
	r, out, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	p, err := w.start(out, out)
	out.Close()
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	_, err = io.Copy(&text, io.LimitReader(r, keep))
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	_, waitErr := p.Wait()
	return text.String(), errors.Join(err, waitErr)
}

func (w *watcher) title(now time.Time, columns int) string {
	left := fmt.Sprintf("Every %.1fs: %s", w.every.Seconds(), w.line)
	right := now.Format("2006-01-02 15:04:05")
	if columns <= len(right)+1 {
		return left[:min(len(left), columns)]
	}
	room := columns - len(right) - 1
	return fmt.Sprintf("%-*.*s %s", room, room, left, right)
}

func (w *watcher) lines() []string { return strings.Split(strings.TrimSuffix(w.text, "\n"), "\n") }

// paint shows the last run, and leaves a line for the prompt behind it.
func (w *watcher) paint(began time.Time) {
	rows, columns, _ := sizeOf(os.Stdout)
	w.rows, w.columns = rows, columns
	f := screen.Frame{Rows: rows, Columns: columns}
	if w.heading {
		f.Lines = append(f.Lines, screen.Text(w.title(began, columns), ""), nil)
	}
	for i, line := range w.lines() {
		if len(f.Lines) >= rows-1 {
			break
		}
		cells := screen.Text(strings.TrimSuffix(line, "\r"), "")
		if w.marks && !w.first {
			w.mark(cells, i)
		}
		for len(cells) > columns {
			cut := columns
			if cells[cut].Text == "" && cut > 1 {
				cut-- // a wide character is not cut
			}
			f.Lines, cells = append(f.Lines, cells[:cut]), cells[cut:]
		}
		f.Lines = append(f.Lines, cells)
	}
	f.Lines = f.Lines[:min(len(f.Lines), rows-1)]
	f.Row = len(f.Lines)
	w.c.Stdout.Write(w.screen.Draw(f))
	w.c.Stdout.Flush()
}

// mark marks the cells of a line that were others in the run before.
func (w *watcher) mark(cells []screen.Cell, i int) {
	var was []screen.Cell
	if i < len(w.before) {
		was = screen.Text(w.before[i], "")
	}
	for j := range cells {
		if j >= len(was) || was[j].Text != cells[j].Text {
			cells[j].Style = screen.Reverse
		}
	}
}
