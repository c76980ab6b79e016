package sshadmin

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// sessionVariable is in the environment of all that a session starts, with a value that no other session has.
const sessionVariable = "GATEHOUSE_SESSION="

// killRounds bounds how often is looked for what a program has started meanwhile.
const killRounds = 10

// killRemains ends all that a session has started and that is still there when it is over: what runs in the
// background, ignores the hang-up, or has made itself a session of its own. What has got rid of its
// environment is not found.
func killRemains(session string) {
	for range killRounds {
		found := false
		for _, pid := range withVariable(sessionVariable + session) {
			// A number that was just read can be another's by now, but for that the kernel would have to have
			// given out all others since.
			found = unix.Kill(pid, unix.SIGKILL) == nil || found
		}
		if !found {
			return
		}
	}
}

// withVariable are the processes that were started with a variable (proc(5), environ).
func withVariable(variable string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is one
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		for v := range bytes.SplitSeq(environ, []byte{0}) {
			if string(v) == variable {
				if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}
