// Package tty has the commands that are about the terminal itself: which one it is, its modes, its screen.
// What they do is busybox's, see package command. What a command prints that is watched reaches the terminal
// as text only.
package tty

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"clear": {Run: func(c *command.Call) { c.Stdout.WriteString(clearScreen) }},
		"reset": {Run: reset},
		"tty": {Usage: "[-s]", Help: "\t-s\tsay nothing: the status tells\n", Letters: "s", Trouble: 2,
			Run: tty},
		"stty": {Usage: "[-F DEVICE] [-a | -g | SETTING...]", Help: sttyHelp, Raw: true, Run: stty},
		"watch": {
			Usage: "[-n SECONDS] [-dt] PROGRAM [ARGS]", Letters: "+dtn:", Run: watch,
			Help: "\t-n SECONDS\tso long between two runs, 2 if nothing is said\n\t-d\tmark what has changed\n\t-t\twithout a heading\n",
		},
	}
}

const (
	clearScreen = "\x1b[H\x1b[J"
	// resetScreen is: as after power-on, ASCII, no attributes, nothing below, a cursor.
	resetScreen = "\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h"
)

// reset makes a terminal that shows strange things usable, its screen and its modes.
func reset(c *command.Call) {
	if !isTerminal(1) {
		return
	}
	c.Stdout.WriteString(resetScreen)
	if c.Stdout.Flush() != nil {
		return // whoever flushes says so
	}
	modes, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err == nil {
		sane(modes)
		err = unix.IoctlSetTermios(0, unix.TCSETSW, modes)
	}
	if err != nil {
		c.Fail(command.Named("standard input", err))
	}
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// tty says which terminal standard input is.
func tty(c *command.Call) {
	if len(c.Args) > 0 {
		c.Warn(fmt.Errorf("too many operands: %q", c.Args[0]))
	}
	name, err := os.Readlink("/proc/self/fd/0")
	switch {
	case !isTerminal(0):
		name = "not a tty"
		c.Exit(1)
	case err != nil:
		c.Fail(err)
		return
	}
	if !c.Has('s') {
		c.Stdout.WriteString(name + "\n")
	}
}
