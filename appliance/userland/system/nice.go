package system

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// nicest is what getpriority(2) counts from: the kernel returns 20 less the niceness, so that no answer is
// negative.
const nicest = 20

// niceness is that of a process, a group or a user: the lowest of theirs.
func niceness(which, who int) (int, error) {
	n, err := unix.Getpriority(which, who)
	return nicest - n, err
}

// nice becomes a program of another niceness. That is the thread's, so the thread must be the one that
// becomes it.
func nice(c *command.Call) {
	runtime.LockOSThread()
	old, err := niceness(unix.PRIO_PROCESS, 0)
	if err != nil {
		c.Fail(err)
		return
	}
	if len(c.Args) == 0 {
		fmt.Fprintln(c.Stdout, old)
		return
	}
	adjustment, ok := niceArguments(c)
	if !ok {
		return
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, old+adjustment); err != nil {
		// the program runs all the same, as POSIX has it
		c.Warn(fmt.Errorf("niceness %d: %w", old+adjustment, err))
	}
	program, err := exec.LookPath(c.Args[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		if err = unix.Exec(program, c.Args, os.Environ()); err == unix.ENOEXEC {
			err = unix.Exec("/bin/sh", append([]string{"sh", program}, c.Args[1:]...), os.Environ())
		}
	}
	const cannotRun, notFound = 126, 127
	status := cannotRun
	if errors.Is(err, unix.ENOENT) || errors.Is(err, exec.ErrNotFound) {
		status, err = notFound, unix.ENOENT
	}
	c.Fail(command.Cannot("execute", printable.String(c.Args[0]), err))
	c.Exit(status)
}

// niceArguments takes the adjustment from the front: -n N, -nN, --adjustment=N, -N, where N may be negative
// itself.
func niceArguments(c *command.Call) (adjustment int, ok bool) {
	text := "10"
	for len(c.Args) > 0 && strings.HasPrefix(c.Args[0], "-") && c.Args[0] != "-" {
		word := c.Args[0]
		c.Args = c.Args[1:]
		if word == "--" {
			break
		}
		switch {
		case strings.HasPrefix(word, "--adjustment="):
			text = word[len("--adjustment="):]
		case word == "-n" || word == "--adjustment":
			if len(c.Args) == 0 {
				c.Misused("option -n needs a value")
				return 0, false
			}
			text, c.Args = c.Args[0], c.Args[1:]
		case strings.HasPrefix(word, "-n"):
			text = word[2:]
		default:
			text = word[1:]
		}
	}
	adjustment, err := strconv.Atoi(text)
	switch {
	case err != nil:
		c.Misused("%s: expected a number to add to the niceness", printable.String(text))
	case len(c.Args) == 0:
		c.Misused("expected a program")
	default:
		return min(max(adjustment, -2*nicest), 2*nicest), true
	}
	return 0, false
}

// renice reads its arguments itself: numbers may be negative, and -p, -g, -u are for those that follow.
func renice(c *command.Call) {
	args := c.Args
	relative := false
	if len(args) > 0 && strings.HasPrefix(args[0], "-n") {
		relative = true
		if args[0] = args[0][2:]; args[0] == "" {
			args = args[1:]
		}
	}
	if len(args) == 0 {
		c.Misused("expected a priority")
		return
	}
	priority, err := strconv.Atoi(args[0])
	if err != nil || priority < math.MinInt32/2 || priority > math.MaxInt32/2 {
		c.Fail(fmt.Errorf("%s: expected a priority", printable.String(args[0])))
		return
	}
	which := unix.PRIO_PROCESS
	for _, arg := range args[1:] {
		if len(arg) > 1 && arg[0] == '-' {
			if kind, ok := map[byte]int{'p': unix.PRIO_PROCESS, 'g': unix.PRIO_PGRP,
				'u': unix.PRIO_USER}[arg[1]]; ok {
				if which, arg = kind, arg[2:]; arg == "" {
					continue
				}
			}
		}
		if err := reniceOne(which, arg, priority, relative); err != nil {
			c.Fail(fmt.Errorf("%s: %w", printable.String(arg), err))
		}
	}
}

func reniceOne(which int, id string, priority int, relative bool) error {
	who, err := userID(id)
	if which != unix.PRIO_USER {
		var n uint64
		n, err = strconv.ParseUint(id, 10, 31)
		who = int(n)
	}
	if err != nil {
		return errors.New("expected a number, with -u a user")
	}
	if relative {
		old, err := niceness(which, who)
		if err != nil {
			return err
		}
		priority += old
	}
	if which == unix.PRIO_PROCESS {
		return reniceThreads(who, priority)
	}
	return unix.Setpriority(which, who, priority)
}

// reniceThreads does it to all threads of a process: the kernel does it to one.
func reniceThreads(id, priority int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, id, priority); err != nil || id == 0 {
		return err
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", id))
	if err != nil {
		return nil // a thread was meant, or it has ended
	}
	for _, t := range threads {
		if n, err := strconv.Atoi(t.Name()); err == nil && n != id {
			_ = unix.Setpriority(unix.PRIO_PROCESS, n, priority) // it may have ended
		}
	}
	return nil
}
