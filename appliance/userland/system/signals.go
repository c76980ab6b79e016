package system

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxSignal is the last of the real-time signals (signal(7)).
const maxSignal = 64

// signalNumber reads a signal: a number, or a name with or without SIG in any case.
func signalNumber(word string) (unix.Signal, bool) {
	if n, err := strconv.Atoi(word); err == nil {
		return unix.Signal(n), n >= 0 && n <= maxSignal
	}
	name := strings.ToUpper(word)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	s := unix.SignalNum(name)
	return s, s != 0
}

// signalName returns the name of a signal without SIG, else its number.
func signalName(s unix.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(s))
}

// signalList lists the signals that have a name: "1) HUP".
func signalList() string {
	var b strings.Builder
	for s := unix.Signal(1); s <= maxSignal; s++ {
		if unix.SignalName(s) != "" {
			b.WriteString(strconv.Itoa(int(s)) + ") " + signalName(s) + "\n")
		}
	}
	return b.String()
}
