// Package edit has the commands that fill the screen: vi, less and more. Each is an engine of its own (vi,
// pager), which makes of keys a state and of that a frame; what is here opens files and the terminal, asks
// for keys and draws.
//
//	terminal ── keys ──▶ engine ── requests ──▶ files
//	    ▲                  │
//	    └──── screen ◀── frame
package edit

import (
	"io"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"less": {Usage: lessUsage, Help: lessHelp, Letters: "EFIMmNSRh~", CannotOpen: true, Run: runLess},
		"more": {Usage: "[FILE]...", CannotOpen: true, Run: runMore},
		"vi":   {Usage: viUsage, Help: viHelp, Letters: "c:RHh", Run: runVi},
	}
}

// The alternate screen leaves what was on the terminal before as it was.
const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
)

// A display is standard output as a screen.
type display struct {
	out    *command.Writer
	screen screen.Screen
}

func (d *display) draw(f screen.Frame) error {
	if _, err := d.out.Write(d.screen.Draw(f)); err != nil {
		return err
	}
	return d.out.Flush()
}

// leave ends it; the cursor is on the last line where there is no alternate screen.
func (d *display) leave(f screen.Frame) {
	f = screen.Frame{Rows: f.Rows, Columns: f.Columns, Lines: f.Lines[:max(0, min(len(f.Lines), f.Rows-1))],
		Row: f.Rows - 1}
	_ = d.draw(f) // whoever flushes says so
	_, _ = d.out.WriteString(leaveScreen)
}

// keyboard is where keys come from: standard input, or the terminal where that is what is read.
func keyboard(stdin io.Reader, read bool) (*os.File, error) {
	if f, ok := stdin.(*os.File); ok && !read {
		return f, nil
	}
	return os.OpenFile("/dev/tty", os.O_RDWR, 0)
}
