package files

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// starting has the commands that start another in circumstances of its own.
func starting() map[string]command.Command {
	return map[string]command.Command{
		"nohup": {Usage: "PROGRAM [ARGS]", Letters: "+", Trouble: nohupFailed, Run: nohup},
		"setsid": {Usage: "[-c] PROGRAM [ARGS]", Help: "\t-c\tthe terminal becomes that of the session\n",
			Letters: "+c", Run: setsid},
		"chroot": {Usage: "DIRECTORY [PROGRAM [ARGS]]", Letters: "+", Run: chroot},
		"time": {
			Usage: "[-vpa] [-o FILE] [-f FORMAT] PROGRAM [ARGS]", Letters: "+vpao:f:", Run: timeCommand,
			Help: "\t-v -p\tall there is to say; as POSIX has it\n\t-f FORMAT\t%E %U %S %P %M ... are replaced\n\t-o FILE\tsay it there; -a: behind what is in it\n",
		},
	}
}

// nohupFailed is the status where the program was not started; and what could not be run has its own.
const nohupFailed = 125

// nohup starts a program that does not end with the terminal: what would be read from it is not there, and
// what would be written to it goes to nohup.out.
func nohup(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	in, out, complaints := isTerminal(0), isTerminal(1), isTerminal(2)
	var told []string
	if in {
		if err := redirect(0, "/dev/null", os.O_WRONLY); err != nil { // to read is an error
			c.Fail(err)
			return
		}
		told = append(told, "ignoring input")
	}
	if out {
		name, err := nohupOut()
		if err != nil {
			c.Fail(err)
			return
		}
		told = append(told, "appending output to '"+name+"'")
	} else if complaints {
		told = append(told, "redirecting stderr to stdout")
	}
	if len(told) > 0 {
		c.Warn(fmt.Errorf("%s", strings.Join(told, " and ")))
	}
	if complaints {
		saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			err = unix.Dup3(1, 2, 0)
		}
		if err != nil {
			c.Fail(err)
			return
		}
		c.Stderr = os.NewFile(uintptr(saved), "stderr") // for its own complaints
	}
	if err := c.Ignore(unix.SIGHUP); err != nil {
		c.Fail(err)
		return
	}
	become(c, os.Environ())
}

// nohupOut makes nohup.out standard output: here, or at home where that cannot be.
func nohupOut() (name string, err error) {
	const how = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	name = "nohup.out"
	if err = redirect(1, name, how); err == nil {
		return name, nil
	}
	home, given := os.LookupEnv("HOME")
	if !given {
		return "", err
	}
	name = join(home, name)
	if redirect(1, name, how) != nil {
		return "", err
	}
	return name, nil
}

// redirect makes a file a descriptor of this process and of what it becomes.
func redirect(fd int, name string, how int) error {
	f, err := os.OpenFile(name, how, 0o600)
	if err != nil {
		return command.Cannot("open", name, err)
	}
	defer f.Close()
	return command.Named(name, unix.Dup3(int(f.Fd()), fd, 0))
}

// setsid starts a program in a session of its own. Who leads a group of processes cannot begin one: then it
// is another process, which is not waited for.
func setsid(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	if unix.Getpgrp() != os.Getpid() {
		_, err := unix.Setsid()
		if err == nil && c.Has('c') {
			err = unix.IoctlSetInt(0, unix.TIOCSCTTY, 1)
		}
		if err != nil {
			c.Fail(err)
			return
		}
		become(c, os.Environ())
		return
	}
	_, err := start(c.Args, &syscall.SysProcAttr{Setsid: true, Setctty: c.Has('c')})
	if err != nil {
		failStart(c, err)
	}
}

// start starts a program beside this one.
func start(args []string, sys *syscall.SysProcAttr) (*os.Process, error) {
	e := environment(os.Environ())
	file, err := program(args[0], e)
	if err != nil {
		return nil, err
	}
	return os.StartProcess(file, args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: sys})
}

func chroot(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	dir := c.Args[0]
	err := unix.Chroot(dir)
	if err == nil {
		err = unix.Chdir("/")
	}
	if err != nil {
		c.Fail(command.Cannot("change root directory to", dir, err))
		return
	}
	e := environment(os.Environ())
	if c.Args = c.Args[1:]; len(c.Args) == 0 {
		shell, given := e.get("SHELL")
		if !given {
			shell = "/bin/sh"
		}
		c.Args = []string{shell, "-i"}
	}
	become(c, e)
}

const (
	usualTimes = "real\t%E\nuser\t%u\nsys\t%T"
	posixTimes = "real %e\nuser %U\nsys %S"
	allTimes   = "\tCommand being timed: \"%C\"\n\tUser time (seconds): %U\n\tSystem time (seconds): %S\n" +
		"\tPercent of CPU this job got: %P\n\tElapsed (wall clock) time (h:mm:ss or m:ss): %E\n" +
		"\tAverage shared text size (kbytes): %X\n\tAverage unshared data size (kbytes): %D\n" +
		"\tAverage stack size (kbytes): %p\n\tAverage total size (kbytes): %K\n" +
		"\tMaximum resident set size (kbytes): %M\n\tAverage resident set size (kbytes): %t\n" +
		"\tMajor (requiring I/O) page faults: %F\n\tMinor (reclaiming a frame) page faults: %R\n" +
		"\tVoluntary context switches: %w\n\tInvoluntary context switches: %c\n\tSwaps: %W\n" +
		"\tFile system inputs: %I\n\tFile system outputs: %O\n\tSocket messages sent: %s\n" +
		"\tSocket messages received: %r\n\tSignals delivered: %k\n\tPage size (bytes): %Z\n\tExit status: %x"
)

// timeCommand runs a program, and says how long it took.
func timeCommand(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	format, given := os.LookupEnv("TIME")
	if !given {
		format = usualTimes
	}
	if text, given := c.Value('f'); given {
		format = text
	}
	if c.Has('v') {
		format = allTimes
	}
	if c.Has('p') {
		format = posixTimes
	}
	out := os.Stderr
	if name, given := c.Value('o'); given {
		how := os.O_TRUNC
		if c.Has('a') {
			how = os.O_APPEND
		}
		var err error
		if out, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o666); err != nil {
			c.Fail(command.Cannot("open", name, err))
			return
		}
	}
	began := time.Now()
	p, err := start(c.Args, nil)
	if err != nil {
		failStart(c, err)
		return
	}
	err = c.Ignore(unix.SIGINT, unix.SIGQUIT) // they are for the program
	state, waitErr := p.Wait()
	if err = errors.Join(err, waitErr); err != nil {
		c.Fail(err)
		return
	}
	took := timed{args: c.Args, elapsed: time.Since(began), usage: state.SysUsage().(*syscall.Rusage),
		status: state.ExitCode()}
	if wait := state.Sys().(syscall.WaitStatus); wait.Signaled() {
		took.status = int(wait.Signal())
		took.how = fmt.Sprintf("Command terminated by signal %d\n", took.status)
	} else if took.status != 0 {
		took.how = fmt.Sprintf("Command exited with non-zero status %d\n", took.status)
	}
	c.Exit(took.status)
	if _, err := out.WriteString(took.text(format)); err != nil {
		c.Fail(err)
	}
}
