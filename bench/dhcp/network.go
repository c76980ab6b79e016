package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Addresses on the wire: the server's, and the clients', which is a relay agent's.
const (
	serverAddr = "10.0.0.1"
	relayAddr  = "10.0.0.2"
	serverLink = "s0"
	relayLink  = "c0"
)

// A network is two namespaces and the wire between them.
type network struct {
	server, clients string
	run             int    // perfdhcp runs so far: each has clients of its own
	next            uint32 // client of our own generator
}

func newNetwork(ctx context.Context, name string) (*network, error) {
	prefix := fmt.Sprintf("ghbench%d-%s", os.Getpid(), strings.ReplaceAll(name, " ", "-"))
	n := &network{server: prefix + "-server", clients: prefix + "-clients"}
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

// among runs f among the clients, on a thread that ends with it.
func (n *network) among(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is not used again
		done <- func() error {
			ns, err := os.Open("/run/netns/" + n.clients)
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("namespace of the clients: %w", err)
			}
			return f()
		}()
	}()
	return <-done
}
