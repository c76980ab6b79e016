// Package unit is the protocol between process 1 and a service, both ends of it.
//
//	init                                      the service, "gatehouse service NAME"
//	 │ descriptor 0: its Config as JSON         │
//	 ├── start ────────────────────────────────►│ reads the Config, opens what needs privilege, drops the rest
//	 │◄───────────────────── 3: "READY\n" ──────┤ serves
//	 │ writes another Config into descriptor 0  │
//	 ├── SIGHUP ───────────────────────────────►│ reads it, and changes what it serves
//	 │◄───────────────────── 3: "READY\n" ──────┤ serves by it
//	 │         or 3: "REFUSED why\n" ───────────┤ serves as before
//	 ├── SIGTERM ──────────────────────────────►│ ends within five seconds
//
// Descriptors 1 and 2 are log lines. The Config is a file in memory that is read by offset, so it can be read
// again after the privileges are gone, and it has no bound but memory: ten thousand hosts are 0.8 MB. Beside
// that, each unit answers questions on its control socket.
//
// [Exec] is init's end, [Main] the service's. A service has four names: a function that opens it, Run,
// Methods, and Reconfigure if the roster says that it reloads. What else it does is its own.
package unit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const (
	readyWord   = "READY"
	refusedWord = "REFUSED "
	// maxWord bounds what a unit says on descriptor 3 at once, in bytes.
	maxWord = 4096
)

// An Answer is what a unit says to a Config: that it serves by it, or why it does not.
type Answer struct{ Refused string }

// String is the line of the protocol, without its end.
func (a Answer) String() string {
	if a.Refused == "" {
		return readyWord
	}
	line := refusedWord + strings.Join(strings.Fields(a.Refused), " ")
	return line[:min(len(line), maxWord-1)]
}

// parseAnswer reads a line of the protocol.
func parseAnswer(line []byte) (Answer, error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	if string(line) == readyWord {
		return Answer{}, nil
	}
	if why, ok := bytes.CutPrefix(line, []byte(refusedWord)); ok && len(why) > 0 {
		return Answer{Refused: string(why)}, nil
	}
	return Answer{}, fmt.Errorf("%.40q is neither %s nor %swhy", line, readyWord, refusedWord)
}

// errNotReloaded is what a unit without Reconfigure answers to SIGHUP.
var errNotReloaded = errors.New("this service takes another configuration only when it starts")
