package system

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

func signalling() map[string]command.Command {
	const signal = "\t-SIG -s SIG\ta signal; -0: only ask whether it could be sent\n"
	const list = "\t-l\tsignals; the name of a number, the number of a name\n"
	return map[string]command.Command{
		"kill": {Usage: "[-SIG] PID... | -l [SIG]...", Help: signal + list + "\t-PID\ta process group\n",
			Raw: true, Run: kill},
		"killall": {Usage: "[-lq] [-SIG] NAME...", Help: signal + list + "\t-q\tno complaints\n", Raw: true,
			Run: killall},
		"nice": {
			Usage: "[-n ADJUSTMENT] [PROGRAM ARGS]", Raw: true, Trouble: 125, Run: nice,
			Help: "\t-n N\tadd N, not 10, to the niceness\n",
		},
		"renice": {
			Usage: "[-n] PRIORITY [[-p|g|u] ID...]...", Raw: true, Run: renice,
			Help: "\t-n\tadd PRIORITY to what it is\n\t-p -g -u\tIDs are processes, process groups, users\n",
		},
	}
}

// kill sends a signal. Its status is how many it could not be sent to.
func kill(c *command.Call) {
	if len(c.Args) > 0 && c.Args[0] == "-l" {
		translateSignals(c)
		return
	}
	signal, ok := signalArgument(c)
	if !ok {
		return
	}
	failed := 0
	for _, arg := range c.Args {
		pid, err := strconv.ParseInt(arg, 10, 32)
		switch {
		case err != nil:
			err = fmt.Errorf("%s: expected the number of a process", printable.String(arg))
		default:
			if err = unix.Kill(int(pid), signal); err != nil {
				err = fmt.Errorf("can't kill pid %d: %w", pid, err)
			}
		}
		if err != nil {
			c.Warn(err)
			failed++
		}
	}
	c.Exit(min(failed, 255))
}

// signalArgument takes a signal from the front of the arguments. Somebody must be left.
func signalArgument(c *command.Call) (signal unix.Signal, ok bool) {
	signal = unix.SIGTERM
	if len(c.Args) > 0 && len(c.Args[0]) > 0 && c.Args[0][0] == '-' {
		word := c.Args[0][1:]
		c.Args = c.Args[1:]
		if word == "s" && len(c.Args) > 0 {
			word, c.Args = c.Args[0], c.Args[1:]
		}
		if word != "-" {
			if signal, ok = signalNumber(word); !ok {
				c.Fail(noSignal(word))
				return 0, false
			}
			if len(c.Args) > 0 && c.Args[0] == "--" {
				c.Args = c.Args[1:]
			}
		}
	}
	if len(c.Args) == 0 {
		c.Misused("expected whom to signal")
		return 0, false
	}
	return signal, true
}

func noSignal(word string) error {
	return fmt.Errorf("%s: no such signal; kill -l lists them", printable.String(word))
}

// translateSignals is kill -l: names numbers, numbers names, or lists all. A status above 128 is that of a
// program which a signal ended.
func translateSignals(c *command.Call) {
	if len(c.Args) == 1 {
		listSignals(c)
		return
	}
	for _, word := range c.Args[1:] {
		if n, err := strconv.ParseUint(word, 10, 31); err == nil {
			c.Stdout.WriteString(signalName(unix.Signal(n&0x7f)) + "\n")
			continue
		}
		signal, ok := signalNumber(word)
		if !ok {
			c.Fail(noSignal(word))
			return
		}
		fmt.Fprintf(c.Stdout, "%d\n", int(signal))
	}
}

// killall sends a signal to all that run under a name. Its status is how many names and processes it did not
// reach.
func killall(c *command.Call) {
	if len(c.Args) > 0 && c.Args[0] == "-l" {
		translateSignals(c)
		return
	}
	quiet := len(c.Args) > 0 && c.Args[0] == "-q"
	if quiet {
		c.Args = c.Args[1:]
	}
	signal, ok := signalArgument(c)
	if !ok {
		return
	}
	all, err := processes(false)
	if err != nil {
		c.Fail(err)
		return
	}
	failed := 0
	fail := func(err error) {
		if failed++; !quiet {
			c.Warn(err)
		}
	}
	for _, name := range c.Args {
		found := named(all, name)
		if len(found) == 0 {
			fail(fmt.Errorf("%s: no process killed", printable.String(name)))
		}
		for _, pid := range found {
			if pid == os.Getpid() {
				continue
			}
			if err := unix.Kill(pid, signal); err != nil {
				fail(fmt.Errorf("can't kill pid %d: %w", pid, err))
			}
		}
	}
	c.Exit(min(failed, 255))
}
