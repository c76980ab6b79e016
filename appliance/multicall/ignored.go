package multicall

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A process ignores what the one that has started it does (execve(2)), but Go's runtime takes signals that
// are ignored at its start, except SIGHUP and SIGINT, and nobody can see that they were. So sh says it in
// what the runtime leaves alone and programs hand on, the mask: who has real-time signal 33+n blocked ignores
// signal n. That is from SIGQUIT (36) to SIGSYS (64), of which no program here makes use.
const told = 33

// Ignored are the signals that the process shall ignore, because whoever has started it does. It is for a
// main, before anything else: in the millisecond before, Go's actions are the default ones.
func Ignored() (all []os.Signal) {
	var mask unix.Sigset_t
	if unix.PthreadSigmask(unix.SIG_BLOCK, nil, &mask) != nil { // it fails for bad arguments alone
		return nil
	}
	for sig := unix.SIGQUIT; sig <= unix.SIGSYS; sig++ {
		if mask.Val[0]&bit(sig) != 0 {
			all = append(all, sig)
		}
	}
	return all
}

// StartIgnoring is for the start of a process which shall ignore signals that this one does; after is for
// when it has started.
func StartIgnoring(signals []unix.Signal) (after func()) {
	runtime.LockOSThread()
	var before unix.Sigset_t
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, nil, &before)
	mask := before
	for sig := unix.SIGQUIT; sig <= unix.SIGSYS; sig++ {
		mask.Val[0] &^= bit(sig)
	}
	for _, sig := range signals {
		mask.Val[0] |= bit(sig)
	}
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &mask, nil)
	return func() {
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
		runtime.UnlockOSThread()
	}
}

// bit is that of a mask that says that a signal is ignored.
func bit(sig unix.Signal) uint64 { return 1 << (told + int(sig) - 1) }
