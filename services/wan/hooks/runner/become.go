package runner

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// What one process of a program may use (setrlimit(2)), on a machine that may have 96 MB. They are sane for
// scripts of the appliance's own shell and commands, each of which counts some 75 MB of what it never
// touches, and has about ten threads.
const (
	maxData = 128 << 20 // bytes of memory that it can write
	// bytes of a stack: a C library maps one for each thread, and it counts as memory
	maxStack     = 1 << 20
	maxThreads   = 128     // of all processes of the user together
	maxFiles     = 64      // open at once
	maxFile      = 1 << 20 // bytes of a file that it writes
	maxProcessor = 10      // seconds of processor time
	// niceness has everything else of the appliance come first, as far as that goes (nice(2)), and firstToDie
	// has the kernel kill it first when there is no memory left (proc_pid_oom_score_adj(5)).
	niceness   = 10
	firstToDie = "1000"
)

// Become is the other end of Options.Through: this process limits itself and becomes the program argv[0]. It
// returns only with an error.
func Become(argv []string) error {
	if len(argv) == 0 || os.Getuid() == 0 {
		return errors.New("expected to be nobody, and a program")
	}
	runtime.LockOSThread() // niceness is a thread's
	errs := []error{
		os.WriteFile("/proc/self/oom_score_adj", []byte(firstToDie), 0),
		os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)),
	}
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_CPU, maxProcessor}, {unix.RLIMIT_FSIZE, maxFile},
		{unix.RLIMIT_NOFILE, maxFiles}, {unix.RLIMIT_NPROC, maxThreads}, {unix.RLIMIT_DATA, maxData},
		{unix.RLIMIT_STACK, maxStack},
	} {
		err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit})
		errs = append(errs, os.NewSyscallError(fmt.Sprintf("setrlimit %d", l.resource), err))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return &os.PathError{Op: "exec", Path: argv[0], Err: syscall.Exec(argv[0], argv, os.Environ())}
}
