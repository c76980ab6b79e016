package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/proc"
	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// A program is one of those compared.
type program struct {
	name string
	// command makes what it needs in a directory, and returns how to start it.
	command func(dir string) ([]string, error)
}

// A server is a program that runs, and the clients that ask it.
type server struct {
	program
	net     *wire.Network
	cmd     *exec.Cmd
	out     bytes.Buffer
	done    chan struct{}
	clients *clients
}

// start starts a program, and waits until it answers.
func start(ctx context.Context, dir string, p program) (s *server, err error) {
	s = &server{program: p, done: make(chan struct{})}
	if dir, err = os.MkdirTemp(dir, "server-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if s.net, err = wire.New(ctx, "ntp-"+p.name); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"-n", s.net.Clients, "link", "set", "lo", "up"},
		{"-n", s.net.Clients, "route", "add", "local", network, "dev", "lo"},
		// one neighbour, however many clients
		{"-n", s.net.Server, "route", "add", network, "via", wire.RelayAddr},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return s, fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	if s.clients, err = newClients(s.net); err != nil {
		return s, err
	}
	args, err := p.command(dir)
	if err != nil {
		return s, err
	}
	// ip-netns(8) executes the program: the process is the server itself.
	s.cmd = exec.Command("ip", append([]string{"netns", "exec", s.net.Server}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		return s, err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended does not matter
		close(s.done)
	}()
	return s, s.await(ctx)
}

// await waits until it tells the time.
func (s *server) await(ctx context.Context) error {
	for range 50 {
		r, err := s.clients.pace(ctx, 1, 1)
		if err != nil {
			return err
		}
		if r.answered == 1 && r.strange == 0 {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it has ended: " + s.out.String())
		default:
		}
	}
	return errors.New("it tells nobody the time: " + s.out.String())
}

// floodTime and paceTime are how long one round asks.
const (
	floodTime = 2 * time.Second
	paceTime  = 2 * time.Second
)

// measure is one round.
func (s *server) measure(ctx context.Context, pace int) (one sample, err error) {
	var r result
	cpu, err := s.cpu(func() (err error) { r, err = s.clients.flood(ctx, floodTime, s.sent); return err })
	if err != nil || r.answered == 0 {
		return one, errors.Join(err, s.ended())
	}
	one.perSecond, one.floodCPU = float64(r.answered)/r.took.Seconds(), cpu/time.Duration(r.answered)
	asked := int(paceTime.Seconds() * float64(pace))
	cpu, err = s.cpu(func() (err error) { r, err = s.clients.pace(ctx, asked, pace); return err })
	if err != nil || r.answered == 0 {
		return one, errors.Join(err, s.ended())
	}
	one.paceCPU, one.p50, one.p99 = cpu/time.Duration(r.answered), r.percentile(50), r.percentile(99)
	one.lost = asked - r.answered
	one.strange = r.strange
	return one, nil
}

// cpu is what the server's processes compute while f runs.
func (s *server) cpu(f func() error) (time.Duration, error) {
	family, err := proc.Family(s.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	before, err := proc.CPU(family)
	if err = errors.Join(err, f()); err != nil {
		return 0, err
	}
	after, err := proc.CPU(family)
	return after - before, err
}

// sent is how many datagrams the server's namespace has sent: all are its answers.
func (s *server) sent() (n int, err error) {
	err = wire.In(s.net.Server, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names, values []string
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); f[0] == "Udp:" {
				names, values = values, f
			}
		}
		i := slices.Index(names, "OutDatagrams")
		if i < 0 {
			return errors.New("the kernel does not count datagrams")
		}
		n, err = strconv.Atoi(values[i])
		return err
	})
	return n, err
}

func (s *server) ended() error { return errors.New("no answers: " + s.out.String()) }

// end ends the program and removes its network.
func (s *server) end() error {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(6 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	if s.clients != nil {
		_ = s.clients.close()
	}
	return s.net.Remove()
}
