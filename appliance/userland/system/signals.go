package system

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// maxSignal is the last of the real-time signals (signal(7)).
const maxSignal = 64

// signalNumber reads a signal: a number, or a name with or without SIG in any case. EXIT is 0, which only
// asks.
func signalNumber(word string) (unix.Signal, bool) {
	if n, err := strconv.ParseUint(word, 10, 16); err == nil {
		return unix.Signal(n), n <= maxSignal
	}
	name := strings.ToUpper(word)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	switch name {
	case "SIGEXIT":
		return 0, true
	case "SIGPOLL":
		return unix.SIGPOLL, true
	}
	s := unix.SignalNum(name)
	return s, s != 0
}

// signalName is the name of a signal without SIG, else its number.
func signalName(s unix.Signal) string {
	switch name := unix.SignalName(s); {
	case s == 0:
		return "EXIT"
	case s == unix.SIGPOLL:
		return "POLL"
	case name != "":
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(s))
}

// listSignals prints the signals that have a name.
func listSignals(c *command.Call) {
	for s := unix.Signal(1); s <= maxSignal; s++ {
		if unix.SignalName(s) != "" {
			c.Stdout.WriteString(pad(strconv.Itoa(int(s)), 2) + ") " + signalName(s) + "\n")
		}
	}
}

// pad puts a number on the right of a field.
func pad(s string, width int) string { return strings.Repeat(" ", max(0, width-len(s))) + s }
