package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Addresses on the wire: the server's, and the generator's, which is the relay agent.
const (
	serverAddr = "10.0.0.1"
	relayAddr  = "10.0.0.2"
	serverLink = "s0"
	relayLink  = "c0"
)

// A network is two namespaces and the wire between them.
type network struct {
	server, clients string
	run             int // perfdhcp runs so far: each has clients of its own
}

func newNetwork(ctx context.Context) (*network, error) {
	n := &network{server: fmt.Sprintf("ghbench%d-server", os.Getpid()), clients: fmt.Sprintf("ghbench%d-clients", os.Getpid())}
	for _, args := range [][]string{
		{"netns", "add", n.server},
		{"netns", "add", n.clients},
		{"-n", n.server, "link", "add", serverLink, "type", "veth", "peer", "name", relayLink, "netns", n.clients},
		{"-n", n.server, "addr", "add", serverAddr + "/8", "dev", serverLink},
		{"-n", n.clients, "addr", "add", relayAddr + "/8", "dev", relayLink},
		{"-n", n.server, "link", "set", "lo", "up"},
		{"-n", n.server, "link", "set", serverLink, "up"},
		{"-n", n.clients, "link", "set", relayLink, "up"},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out), n.remove())
		}
	}
	return n, nil
}

func (n *network) remove() error {
	var errs []error
	for _, name := range []string{n.server, n.clients} {
		if _, err := os.Stat("/run/netns/" + name); err == nil {
			errs = append(errs, exec.Command("ip", "netns", "del", name).Run())
		}
	}
	return errors.Join(errs...)
}

// A process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan error
}

// start starts a server and waits until it answers.
func (n *network) start(ctx context.Context, s server, dir string) (*process, error) {
	args, env, err := s.command(dir)
	if err != nil {
		return nil, err
	}
	// ip-netns(8) executes the program: the process is the server itself.
	p := &process{cmd: exec.Command("ip", append([]string{"netns", "exec", n.server}, args...)...), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- p.cmd.Wait() }()
	for range 50 {
		if rep, err := n.perfdhcp(ctx, 10, time.Second); err == nil && rep.rate > 0 {
			return p, nil
		}
		select {
		case err := <-p.done:
			return nil, fmt.Errorf("it ended: %w\n%s", err, p.out.String())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), p.stop())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, errors.Join(errors.New("it does not answer"), p.stop(), errors.New(p.out.String()))
}

// stop ends the server, by force if need be. How it ends does not matter.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return nil
}

// rss returns the resident memory of a process in kB.
func rss(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, errors.New("no VmRSS in the status of the process")
}
