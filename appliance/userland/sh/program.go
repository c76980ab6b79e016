package sh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// youth is longer than a signal takes to reach the shell's goroutines.
const youth = time.Second

// exec runs a program. It is the interpreter's exec handler. The end of the
// command's context does not kill the program: an interrupt comes from the
// terminal to it as well. The end of the session does, by SIGHUP.
func (s *session) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	path, status, err := find(hc, args[0])
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: %s: %v\n", s.name, args[0], err)
		return status
	}
	kind := hc.Env.Get(jobVariable).String()
	if kind == "" {
		s.foreground.Add(1)
		defer s.foreground.Add(-1)
	}
	cmd, err := s.start(hc, path, args, kind != "")
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: %s: %v\n", s.name, args[0], cmp.Or(errors.Unwrap(err), err))
		return interp.ExitStatus(exitCannotExec)
	}
	defer s.pass(ctx, cmd.Process, kind == "")()
	over := make(chan struct{})
	go func() {
		defer close(over)
		// Its other errors are of the copying of output that nobody takes.
		_ = cmd.Wait()
	}()
	if kind == jobProgram {
		select {
		case <-over:
		case <-s.leaving:
			return nil
		}
	}
	<-over
	ended, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	endLine, _ := ctx.Value(lineKey{}).(context.CancelFunc)
	if ended.Signal() == syscall.SIGINT && kind == "" && s.tty != nil && endLine != nil {
		endLine() // the shell's own SIGINT may come later
	}
	return s.result(hc, args[0], ended)
}

// pass sends on to a program what ends the shell, and an interrupt if the program
// is so young that the terminal may have sent it before there was the program. The
// result ends that.
func (s *session) pass(ctx context.Context, p *os.Process, foreground bool) (stop func()) {
	started := time.Now()
	// Signal fails when the program has just ended.
	hangUp := context.AfterFunc(s.ctx, func() { _ = p.Signal(syscall.SIGHUP) })
	interrupt := context.AfterFunc(ctx, func() {
		if foreground && s.ctx.Err() == nil && time.Since(started) < youth {
			_ = p.Signal(syscall.SIGINT)
		}
	})
	return func() {
		hangUp()
		interrupt()
	}
}

// find looks for a program, and says with which status its absence ends.
func find(hc interp.HandlerContext, name string) (string, interp.ExitStatus, error) {
	path, err := interp.LookPathDir(hc.Dir, hc.Env, name)
	switch {
	case err == nil:
		return path, 0, nil
	case !strings.Contains(name, "/"):
		return "", exitNotFound, errors.New("not found")
	}
	if cause := errors.Unwrap(err); cause != nil {
		return "", exitNotFound, cause
	}
	return "", exitCannotExec, err
}

// start starts a program. A file that the kernel does not know, a script without
// its "#!" line, is run by another shell (execvp(3)).
func (s *session) start(hc interp.HandlerContext, path string, args []string, background bool) (*exec.Cmd, error) {
	cmd := &exec.Cmd{
		Path: path, Args: args, Env: environment(hc.Env), Dir: hc.Dir,
		Stdin: s.childInput(hc.Stdin), Stdout: hc.Stdout, Stderr: hc.Stderr,
		// A group of its own: ^C is for the foreground.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: background && s.tty != nil},
	}
	again := *cmd
	err := cmd.Start()
	if errors.Is(err, unix.ENOEXEC) && isText(path) {
		again.Path, again.Args = "/proc/self/exe", append([]string{"sh", path}, args[1:]...)
		return &again, again.Start()
	}
	return cmd, err
}

// isText reports whether the first line of a file is one, and not a program for
// another machine (XCU sh, "COMMAND FILE").
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head) // what cannot be read has no text
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	return n > 0 && bytes.IndexByte(line, 0) < 0 && !bytes.HasPrefix(line, []byte("\x7fELF"))
}

// childInput is the standard input of a program: the shell's own for that of the
// builtins, whose reads can be ended but which a program cannot share for that.
func (s *session) childInput(stdin io.Reader) io.Reader {
	if f, ok := stdin.(*os.File); ok && f == s.input.Load() {
		return s.stdin
	}
	return stdin
}

// environment returns the exported variables.
func environment(env expand.Environ) []string {
	exported := map[string]string{}
	for name, v := range env.Each {
		if v.IsSet() && v.Exported && v.Kind == expand.String && !strings.HasPrefix(name, "_sh_") {
			exported[name] = v.String()
		} else {
			delete(exported, name)
		}
	}
	list := make([]string, 0, len(exported))
	for name, value := range exported {
		list = append(list, name+"="+value)
	}
	return list
}

// result is the exit status of a program. It says by which signal one was killed,
// unless that is no news: SIGINT, and SIGPIPE.
func (s *session) result(hc interp.HandlerContext, name string, status syscall.WaitStatus) error {
	if status.Signaled() {
		sig := status.Signal()
		if sig != syscall.SIGINT && sig != syscall.SIGPIPE {
			fmt.Fprintf(hc.Stderr, "%s: %s: %s\n", s.name, name, words(sig))
		}
		return interp.ExitStatus(exitSignal + int(sig))
	}
	if code := status.ExitStatus(); code != 0 {
		return interp.ExitStatus(code)
	}
	return nil
}

// words are those of a signal. Whom the kernel kills for want of memory cannot say so himself.
func words(sig syscall.Signal) string {
	if sig == syscall.SIGKILL {
		return "killed, by somebody or for want of memory: dmesg"
	}
	return sig.String()
}
