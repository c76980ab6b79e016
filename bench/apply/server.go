package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// What everybody serves: hosts with addresses of their own, and a pool for others.
const (
	domain    = "net.example"
	poolFirst = "10.200.0.0"
	poolLast  = "10.200.15.255"
	lifetime  = time.Hour
)

// A host is one of the site.
type host struct {
	name string
	addr netip.Addr
	mac  lease.MAC
}

// hostAt returns the i-th host.
func hostAt(i int) host {
	const each = 250
	return host{
		name: fmt.Sprintf("host%d", i),
		addr: netip.AddrFrom4([4]byte{10, 1, byte(i / each), byte(1 + i%each)}),
		mac:  lease.MAC{0x02, 0x16, 0x3e, byte(i >> 16), byte(i >> 8), byte(i)},
	}
}

// A program is one of those compared.
type program struct {
	name string
	// prepare makes it ready to be started in a network, with n hosts and its files in dir.
	prepare func(t tools, w *wire.Network, dir string, n int) (instance, error)
}

// An instance is a program with its configuration.
type instance struct {
	cmd *exec.Cmd
	// ready reports whether it is up, beside that it answers; nil: it always is.
	ready func() bool
	// edit writes the configuration for n hosts to where enter takes it.
	edit func(n int) error
	// enter makes it take that configuration. It may set running, to a command that does so.
	enter func(ctx context.Context, running func(pid int)) error
	// after ends a change, before the next.
	after func(ctx context.Context) error
	// push makes the change from a workstation, and returns how long all of it took; nil: there is no such thing.
	push func(ctx context.Context, n int) (time.Duration, error)
}

// A server is a program that runs.
type server struct {
	name string
	instance
	wire    *wire.Network
	clients *clients
	next    int // the host to be added
	out     bytes.Buffer
	done    chan struct{} // closed when its process has ended
}

// patience is how long something may take that takes long.
const patience = time.Minute

func (b *bench) start(ctx context.Context, p program, n int) (s *server, err error) {
	s = &server{name: p.name, next: n, done: make(chan struct{})}
	dir, err := os.MkdirTemp(b.tools.dir, "server-")
	if err != nil {
		return s, err
	}
	if s.wire, err = wire.New(ctx, p.name); err != nil {
		return nil, err
	}
	if s.instance, err = p.prepare(b.tools, s.wire, dir, n); err != nil {
		return s, err
	}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		return s, err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended does not matter
		close(s.done)
	}()
	if s.clients, err = newClients(s.wire); err != nil {
		return s, err
	}
	for end := time.Now().Add(patience); ; {
		up := s.ready == nil || s.ready()
		switch {
		case up && s.clients.offered(hostAt(0)):
			return s, s.clients.takeAll(ctx, n)
		case ctx.Err() != nil:
			return s, ctx.Err()
		case s.ended() || time.Now().After(end):
			return s, fmt.Errorf("it does not serve: %s", s.out.String())
		}
	}
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// end ends a server in order.
func (s *server) end() error {
	var errs []error
	if s.clients != nil {
		s.clients.Close()
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(patience):
			_ = s.cmd.Process.Kill()
			<-s.done
			errs = append(errs, fmt.Errorf("%s did not end:\n%s", s.name, s.out.String()))
		}
	}
	return errors.Join(append(errs, s.wire.Remove())...)
}
