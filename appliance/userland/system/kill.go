package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const killUsage = `usage: kill [-SIGNAL | -s SIGNAL] PID…   (-GROUP after a signal or -- is a process group)
       kill -l [SIGNAL…]`

// killOptions are the options of one run.
type killOptions struct {
	signal unix.Signal
	list   bool
	names  []string // with list: only these
	pids   []int    // negative: process groups
}

// Kill sends a signal, SIGTERM unless told, to processes and process groups. With
// signal 0 it only looks whether it could. The status is 1 when it could not reach
// one of them. It refuses 0 and -1, its own group and everything on the box: on the
// console that ends the session, or the services.
func Kill(_ context.Context, args []string, stdout, stderr io.Writer) int {
	const command = "kill"
	o, err := parseKill(args[1:])
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, killUsage))
	}
	if o.list {
		return listSignals(o.names, stdout, stderr)
	}
	status := exitOK
	for _, pid := range o.pids {
		if err := unix.Kill(pid, o.signal); err != nil {
			status = fail(stderr, exitFailed, command, fmt.Errorf("(%d): %w", pid, err))
		}
	}
	return status
}

// parseKill reads the arguments after the command's name. getopt cannot: here -9 is
// a signal and, after one, a process group.
func parseKill(args []string) (killOptions, error) {
	o := killOptions{signal: unix.SIGTERM}
	args, err := o.parseSignal(args)
	if err != nil || o.list {
		return o, err
	}
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		if err != nil || pid == 0 || pid == -1 || pid != int(int32(pid)) {
			return o, fmt.Errorf("%s: expected the number of a process, or -N for process group N", arg)
		}
		o.pids = append(o.pids, pid)
	}
	if o.pids == nil {
		return o, errors.New("expected the number of a process")
	}
	return o, nil
}

// parseSignal reads the one option that may come first, and returns the rest.
func (o *killOptions) parseSignal(args []string) ([]string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "-") {
		return args, nil
	}
	word := args[0][1:]
	args = args[1:]
	switch {
	case word == "-":
		return args, nil
	case word == "l" || word == "L":
		o.list, o.names = true, args
		return nil, nil
	case word == "s" || word == "n":
		if len(args) == 0 {
			return nil, fmt.Errorf("option -%s needs a signal", word)
		}
		word, args = args[0], args[1:]
	}
	signal, ok := signalNumber(word)
	if !ok {
		return nil, fmt.Errorf("%s: no such signal; kill -l lists them", word)
	}
	o.signal = signal
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	return args, nil
}

// listSignals names the numbers and numbers the names among words; without words
// it lists all signals. A status above 128 is that of a program which a signal ended.
func listSignals(words []string, stdout, stderr io.Writer) int {
	if len(words) == 0 {
		fmt.Fprint(stdout, signalList())
		return exitOK
	}
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err == nil && n > 128 {
			word = strconv.Itoa(n - 128)
		}
		signal, ok := signalNumber(word)
		switch {
		case !ok:
			return fail(stderr, exitUsage, "kill", fmt.Errorf("%s: no such signal; kill -l lists them", word))
		case err == nil:
			fmt.Fprintln(stdout, signalName(signal))
		default:
			fmt.Fprintln(stdout, int(signal))
		}
	}
	return exitOK
}
