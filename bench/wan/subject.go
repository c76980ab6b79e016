package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// A subject is a client of those compared, with all that makes a router of it.
type subject struct {
	name string
	// prepare makes it ready to be started in a network, with its files in dir.
	prepare func(t tools, n *network, dir string) (*instance, error)
}

func subjects() []subject {
	return []subject{
		{"gatehouse", ours},
		{"udhcpc", udhcpc("")}, {"udhcpc -a", udhcpc("-a")},
		{"networkd", networkd("")}, {"networkd, ACD", networkd("SendDecline=yes\n")},
	}
}

// An instance is a subject that can be started once.
type instance struct {
	cmd *exec.Cmd
	// ready reports whether it waits for carrier.
	ready func() bool
	// carrier tells it that there is carrier, or none, if it does not look itself.
	carrier func(up bool)
	// renew has it renew its lease; it may wait for what comes of it.
	renew func(context.Context) error
	end   func() error // before it is ended; nil: there is nothing to do
}

// Times of a round.
const (
	patience = 30 * time.Second
	// calm is how long nothing happens before each step, so that the last one is over and what it left is
	// done.
	calm = 1500 * time.Millisecond
	look = time.Millisecond
)

// A round is one subject with its provider, and a host that talks.
type round struct {
	*instance
	*network
	provider *provider
	watch    *watch
	done     chan struct{}
	ended    sync.WaitGroup
	stopTalk context.CancelFunc
	failed   chan error // of what runs beside
	out      bytes.Buffer
}

// start starts a subject, and waits until it waits for carrier.
func (b *bench) start(ctx context.Context, s subject) (r *round, err error) {
	r = &round{done: make(chan struct{}), failed: make(chan error, 4), stopTalk: func() {}}
	dir, err := os.MkdirTemp(b.tools.dir, "subject-")
	if err != nil {
		return nil, err
	}
	if r.network, err = newNetwork(ctx); err != nil {
		return r, err
	}
	if r.instance, err = s.prepare(b.tools, r.network, dir); err != nil {
		return r, err
	}
	if r.provider, err = newProvider(r.isp); err != nil {
		return r, err
	}
	r.beside(func() error { return r.provider.serve(r.done) })
	r.watch = &watch{carrier: r.carrier}
	if err := r.watch.start(r.box, r.done); err != nil {
		return r, err
	}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		return r, err
	}
	if err := r.until(ctx, "it is not ready", r.ready); err != nil {
		return r, err
	}
	var talking context.Context
	talking, r.stopTalk = context.WithCancel(context.Background())
	r.beside(func() error { return talk(talking, r.lan) })
	return r, nil
}

// beside runs something until the round ends.
func (r *round) beside(f func() error) {
	r.ended.Go(func() {
		if err := f(); err != nil {
			r.failed <- err
		}
	})
}

// until waits.
func (r *round) until(ctx context.Context, complaint string, f func() bool) error {
	for end := time.Now().Add(patience); !f(); time.Sleep(look) {
		select {
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s within %v", complaint, patience)
		}
	}
	return nil
}

// cable puts the cable to the provider in, or pulls it, and returns when that was: Unix time in nanoseconds.
func (r *round) cable(in bool) (at int64, err error) {
	ns, err := netns.GetFromName(r.isp)
	if err != nil {
		return 0, err
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	link, err := h.LinkByName(farLink)
	if err != nil {
		return 0, err
	}
	set := h.LinkSetDown
	if in {
		set = h.LinkSetUp
	}
	at = time.Now().UnixNano()
	return at, set(link)
}

// close ends everything.
func (r *round) close() error {
	var errs []error
	r.stopTalk()
	if r.instance != nil && r.cmd.Process != nil {
		if r.instance.end != nil {
			errs = append(errs, r.instance.end())
		}
		errs = append(errs, endProcess(r.cmd))
	}
	close(r.done)
	r.ended.Wait()
	if r.network != nil {
		errs = append(errs, r.network.remove())
	}
	return errors.Join(errs...)
}

// endProcess ends a subject in order, if it does so in time: what the appliance has started would outlive it.
func endProcess(cmd *exec.Cmd) error {
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended does not matter
		close(over)
	}()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-over:
		return nil
	case <-time.After(10 * time.Second):
	}
	_ = cmd.Process.Kill()
	<-over
	return errors.New("it did not end when it was asked to")
}
