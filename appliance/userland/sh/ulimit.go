package sh

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A limit of a process.
type limit struct {
	letter   byte
	resource int
	unit     uint64 // bytes, in which it is counted
	what     string
}

func limits() []limit {
	return []limit{
		{'c', unix.RLIMIT_CORE, 512, "core file size (blocks)"},
		{'d', unix.RLIMIT_DATA, 1024, "data seg size (kb)"},
		{'e', unix.RLIMIT_NICE, 1, "scheduling priority"},
		{'f', unix.RLIMIT_FSIZE, 512, "file size (blocks)"},
		{'i', unix.RLIMIT_SIGPENDING, 1, "pending signals"},
		{'l', unix.RLIMIT_MEMLOCK, 1024, "max locked memory (kb)"},
		{'m', unix.RLIMIT_RSS, 1024, "max memory size (kb)"},
		{'n', unix.RLIMIT_NOFILE, 1, "open files"},
		{'q', unix.RLIMIT_MSGQUEUE, 1, "POSIX message queues (bytes)"},
		{'r', unix.RLIMIT_RTPRIO, 1, "real-time priority"},
		{'s', unix.RLIMIT_STACK, 1024, "stack size (kb)"},
		{'t', unix.RLIMIT_CPU, 1, "cpu time (seconds)"},
		{'u', unix.RLIMIT_NPROC, 1, "max user processes"},
		{'v', unix.RLIMIT_AS, 1024, "virtual memory (kb)"},
		{'x', unix.RLIMIT_LOCKS, 1, "file locks"},
	}
}

// ulimit prints or sets limits of the shell and what it starts.
func ulimit(s *shell, args []string) int {
	known := "HSa"
	for _, l := range limits() {
		known += string(l.letter)
	}
	options, rest, err := letters(args, known, "")
	if err != nil || len(rest) > 1 {
		s.misused("ulimit", "%v", err)
		return exitFailure
	}
	hard, soft := options['H'] != "", options['S'] != ""
	chosen := limits()[3]
	for _, l := range limits() {
		if options['a'] != "" {
			s.printf("%-40s%s\n", l.what+" (-"+string(l.letter)+")", l.value(hard))
		}
		if options[l.letter] != "" {
			chosen = l
		}
	}
	switch {
	case options['a'] != "":
		return 0
	case len(rest) == 0:
		s.printf("%s\n", chosen.value(hard))
		return 0
	}
	if err := chosen.set(rest[0], hard || !soft, soft || !hard); err != nil {
		s.print("sh: %s\n", command.Message(err))
		return exitFailure
	}
	return 0
}

func (l limit) value(hard bool) string {
	var r unix.Rlimit
	if err := unix.Getrlimit(l.resource, &r); err != nil {
		return err.Error()
	}
	n := r.Cur
	if hard {
		n = r.Max
	}
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n/l.unit, 10)
}

func (l limit) set(word string, hard, soft bool) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(l.resource, &r); err != nil {
		return err
	}
	n := uint64(unix.RLIM_INFINITY)
	if !strings.HasPrefix("unlimited", word) || word == "" {
		var err error
		if n, err = strconv.ParseUint(word, 10, 53); err != nil {
			return fmt.Errorf("invalid number '%s'", word)
		}
		n *= l.unit
	}
	if hard {
		r.Max = n
	}
	if soft {
		r.Cur = n
	}
	if err := unix.Prlimit(0, l.resource, &r, nil); err != nil {
		return fmt.Errorf("error setting limit: %w", err)
	}
	return nil
}
