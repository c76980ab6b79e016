package sshadmin

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// signalTable are the signals that have a name on the wire (RFC 4254 section
// 6.10), without the ones that only a program's own fault raises.
func signalTable() map[string]unix.Signal {
	return map[string]unix.Signal{
		"ABRT": unix.SIGABRT, "ALRM": unix.SIGALRM, "FPE": unix.SIGFPE, "HUP": unix.SIGHUP,
		"ILL": unix.SIGILL, "INT": unix.SIGINT, "KILL": unix.SIGKILL, "PIPE": unix.SIGPIPE,
		"QUIT": unix.SIGQUIT, "SEGV": unix.SIGSEGV, "TERM": unix.SIGTERM,
		"USR1": unix.SIGUSR1, "USR2": unix.SIGUSR2,
	}
}

// signalNumber returns the signal of a name on the wire, 0 for none.
func signalNumber(name string) unix.Signal { return signalTable()[name] }

// signalName returns the name on the wire of the signal that ended a process;
// empty when it exited, or the signal has no name.
func signalName(status syscall.WaitStatus) string {
	if !status.Signaled() {
		return ""
	}
	for name, sig := range signalTable() {
		if sig == status.Signal() {
			return name
		}
	}
	return ""
}

// exitStatus is what exit-status carries: the status itself, or, for a signal
// without a name on the wire, what a shell would make of it.
func exitStatus(status syscall.WaitStatus) uint32 {
	if status.Signaled() {
		return 128 + uint32(status.Signal())
	}
	return uint32(status.ExitStatus())
}
