// Package system has the commands about processes and the machine: ps and kill. They take the options that a person at a
// router types, and refuse all others. But for kill they change nothing on the machine.
package system

import (
	"fmt"
	"io"
)

// Exit statuses that all commands share.
const (
	exitOK     = 0
	exitFailed = 1 // the command ran, the answer is no
	exitUsage  = 2 // the command could not run
)

// fail writes one line for people about err and returns status.
func fail(stderr io.Writer, status int, command string, err error) int {
	fmt.Fprintf(stderr, "%s: %v\n", command, err)
	return status
}
