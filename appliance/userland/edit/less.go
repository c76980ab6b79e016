package edit

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/pager"
	"github.com/gatehouse-os/gatehouse/appliance/userland/terminal"
)

const (
	lessUsage = "[-EFIMmNSR~] [+F | +G | +LINE | +/PATTERN] [FILE]..."
	lessHelp  = "  -E  ends at the end\n  -F  ends at once if all fits on a screen\n  -I  ignores case in searches\n" +
		"  -M  -m  says where one is\n  -N  numbers lines\n  -S  cuts long lines\n  -R  shows colours\n" +
		"  -~  no ~ behind the end\n  +F  follows what is added\n"
)

// followPause is the time between two looks at a file that is followed.
const followPause = 200 * time.Millisecond

// A reader is less at work.
type reader struct {
	*pager.Pager
	options  pager.Options
	call     *command.Call
	terminal *terminal.Terminal
	display  display
	names    []string
	at       int
	source   io.ReadCloser
	stop     context.CancelFunc // of who reads it
	regular  bool
	entered  bool
	fits     bool   // -F
	start    string // what a + said
}

// runLess is the command less.
func runLess(c *command.Call) {
	var start string
	var names []string
	for _, arg := range c.Args {
		if len(arg) > 1 && arg[0] == '+' {
			start = arg[1:]
		} else {
			names = append(names, arg)
		}
	}
	c.Args = names
	in, isFile := c.Stdin.(*os.File)
	if len(names) == 0 && isFile && terminal.Is(in) {
		c.Misused("expected a file")
		return
	}
	keys, err := keyboard(c.Stdin, !isFile || !terminal.Is(in))
	if !terminal.Is(os.Stdout) || err != nil {
		copyAll(c)
		return
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	r := &reader{call: c, names: names, start: start, fits: c.Has('F'), options: pager.Options{
		Numbers: c.Has('N'), Chop: c.Has('S'), Color: c.Has('R'), IgnoreCase: c.Has('I'),
		Status: c.Has('M') || c.Has('m'), NoTildes: c.Has('~'), QuitAtEnd: c.Has('E'),
	}}
	r.display.out = c.Stdout
	r.run(keys)
}

// copyAll is what less and more do where nobody looks: what cat does.
func copyAll(c *command.Call) {
	c.Each(func(_ string, r io.Reader) error {
		_, err := io.Copy(c.Stdout, r)
		return err
	})
}

// run shows the files.
func (r *reader) run(keys *os.File) {
	// The first file that can be opened: before there is a screen, so that one can read why not.
	for ; r.at < len(r.names); r.at++ {
		if r.open() {
			break
		}
	}
	if r.at == len(r.names) {
		return
	}
	r.terminal = terminal.Open(keys)
	defer r.terminal.Close()
	r.begin()
	for r.step() {
	}
	if r.entered {
		r.display.leave(r.Frame())
	}
	r.stop()
	r.source.Close()
}

// open opens the file that it is at.
func (r *reader) open() bool {
	name := r.names[r.at]
	source, err := r.call.Open(name)
	if err == nil {
		if f, ok := source.(*os.File); ok {
			info, statErr := f.Stat()
			if r.regular = statErr == nil && info.Mode().IsRegular(); statErr == nil && info.IsDir() {
				f.Close()
				err = command.Named(name, unix.EISDIR)
			}
		}
	}
	if err != nil {
		if r.entered {
			r.Say(command.Message(err))
		} else {
			r.call.Fail(err)
		}
		return false
	}
	if r.source != nil {
		r.source.Close()
	}
	r.source = source
	return true
}

// begin shows the file that was opened.
func (r *reader) begin() {
	name := r.names[r.at]
	if name == "-" {
		name = ""
	}
	rows, columns := r.terminal.Size()
	r.Pager = pager.New(name, rows, columns, r.options)
	r.terminal.Data = r.read()
}

// read reads the source to its end.
func (r *reader) read() <-chan []byte {
	if r.stop != nil {
		r.stop()
	}
	ctx, stop := context.WithCancel(r.call.Context)
	pieces, source := make(chan []byte), r.source
	r.stop = stop
	go func() {
		defer close(pieces)
		for {
			chunk := make([]byte, 64<<10)
			n, err := source.Read(chunk)
			if n > 0 {
				select {
				case pieces <- chunk[:n]:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return pieces
}

// ready reports whether it is time to draw: with -F, when it is known that not all fits.
func (r *reader) ready() bool {
	if r.entered {
		return !r.terminal.Waiting()
	}
	if r.fits && r.terminal.Data != nil && !r.Full() {
		return false
	}
	r.entered = true
	_, _ = r.call.Stdout.WriteString(enterScreen)
	return true
}

// step waits for something and does it; false: that is the end.
func (r *reader) step() bool {
	if r.ready() && r.display.draw(r.Frame()) != nil {
		return false // whoever flushes says so
	}
	var tick time.Duration
	if r.Following && r.terminal.Data == nil {
		tick = followPause
	}
	switch event := r.terminal.Next(r.call.Context, tick); event.Kind {
	case terminal.Ended:
		return false
	case terminal.Resized:
		r.Resize(r.terminal.Size())
	case terminal.Ticked:
		if r.regular {
			r.terminal.Data = r.read()
		}
	case terminal.Came:
		return r.came(event.Data)
	case terminal.Pressed:
		return r.perform(r.Key(event.Key))
	}
	return true
}

// came takes text; nil is its end.
func (r *reader) came(data []byte) bool {
	if data != nil {
		r.Feed(data)
		r.startAt(false)
		return true
	}
	r.End()
	if r.fits && !r.entered && !r.Following && r.Fits() {
		f := r.Frame()
		for _, line := range f.Lines[:len(f.Lines)-1] {
			if text := plain(line); text != "~" {
				_, _ = r.call.Stdout.WriteString(text + "\n")
			}
		}
		return false
	}
	r.startAt(true)
	return true
}

// startAt does what was said with a +, as soon as the text is there.
func (r *reader) startAt(all bool) {
	switch n, err := strconv.Atoi(r.start); {
	case r.start == "":
		return
	case r.start == "F":
		r.Key('F')
	case r.start == "G":
		r.Key('G')
	case !all:
		return
	case err == nil && n > 0:
		for _, k := range r.start {
			r.Key(keyOf(k))
		}
		r.Key('g')
	case strings.HasPrefix(r.start, "/"):
		r.Search(r.start[1:], true)
	}
	r.start = ""
}

// perform does what the pager wants; false: to end.
func (r *reader) perform(wanted pager.Request) bool {
	switch wanted {
	case pager.Quit:
		return false
	case pager.Next:
		return r.turn(1)
	case pager.Prev:
		return r.turn(-1)
	case pager.Suspend:
		r.display.leave(r.Frame())
		_ = r.call.Stdout.Flush()
		r.terminal.Suspend()
		_, _ = r.call.Stdout.WriteString(enterScreen)
		fallthrough
	case pager.Redraw:
		r.display.screen.Forget()
		r.Resize(r.terminal.Size())
	}
	return true
}

// turn goes to another file.
func (r *reader) turn(by int) bool {
	was := r.at
	if r.at += by; r.at < 0 || r.at >= len(r.names) {
		r.at = was
		r.Say("no such file")
		return true
	}
	if !r.open() {
		r.at = was
		return true
	}
	r.begin()
	return true
}
