package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan error
	// took is the time from its start to its first OFFER.
	took time.Duration
}

const (
	// askEvery is how often a client asks a server that has just been started.
	askEvery = 10 * time.Millisecond
	// patience is how long it does so.
	patience = 20 * time.Second
)

// start starts a server whose files are in dir and waits until it answers.
func (n *network) start(ctx context.Context, p program, dir string) (*process, error) {
	c, err := p.command(dir)
	if err != nil {
		return nil, err
	}
	// ip-netns(8) executes the program: the process is the server itself.
	run := &process{cmd: exec.Command("ip", append([]string{"netns", "exec", n.Server}, c.args...)...),
		done: make(chan error, 1)}
	run.cmd.Env = append(os.Environ(), c.env...)
	input := filepath.Join(dir, "stdin") // ours reads it again when it is told to
	if err := os.WriteFile(input, c.stdin, 0o600); err != nil {
		return nil, err
	}
	stdin, err := os.Open(input)
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	run.cmd.Stdin, run.cmd.Stdout, run.cmd.Stderr = stdin, &run.out, &run.out
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	run.cmd.ExtraFiles = []*os.File{null} // where ours says that it is ready
	began := time.Now()
	if err := run.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { run.done <- run.cmd.Wait() }()
	if err := run.answers(ctx, n); err != nil {
		return nil, errors.Join(err, run.stop(), errors.New(run.out.String()))
	}
	run.took = time.Since(began)
	return run, nil
}

// answers waits for an OFFER.
func (p *process) answers(ctx context.Context, n *network) error {
	g, err := newGenerator(n)
	if err != nil {
		return err
	}
	defer g.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if g.offered(askEvery) {
			return nil
		}
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
	}
	return errNoAnswer
}

var errNoAnswer = fmt.Errorf("it does not answer within %s", patience)

// stop ends the server, by force if need be. How it ends does not matter.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return nil
}

// rss returns the resident memory of the server in bytes.
func (p *process) rss() (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kB, err := strconv.Atoi(f[1])
			return kB << 10, err
		}
	}
	return 0, errors.New("no VmRSS in the status of the process")
}

// cpu returns the time that the server has computed, in the kernel too, by its CPU clock:
// clock_getcpuclockid(3).
func (p *process) cpu() (time.Duration, error) { return cpuOf(p.cmd.Process.Pid) }

func cpuOf(pid int) (time.Duration, error) {
	const allThreads = 2 // as the scheduler counts: CPUCLOCK_SCHED of the kernel
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid)<<3|allThreads, &t)
	return time.Duration(t.Nano()), os.NewSyscallError("CPU clock of the server", err)
}
