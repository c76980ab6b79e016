// Package wire is a server and a relay agent at the two ends of a veth pair, each in a network namespace of
// its own, and the messages of the clients behind the agent, for benchmarks. What runs at the server's end is
// its caller's.
package wire

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

// Addresses on the wire: the server's, and the clients', which is a relay agent's; all of 10.0.0.0/8 is on
// it.
const (
	ServerAddr = "10.0.0.1"
	RelayAddr  = "10.0.0.2"
	ServerLink = "s0"
	RelayLink  = "c0"
)

// A Network is two namespaces, by their names for ip-netns(8), and the wire between them.
type Network struct{ Server, Clients string }

// New makes a network; the name is for people.
func New(ctx context.Context, name string) (*Network, error) {
	prefix := fmt.Sprintf("ghbench%d-%s", os.Getpid(), strings.ReplaceAll(name, " ", "-"))
	n := &Network{Server: prefix + "-server", Clients: prefix + "-clients"}
	for _, args := range [][]string{
		{"netns", "add", n.Server},
		{"netns", "add", n.Clients},
		{"-n", n.Server, "link", "add", ServerLink, "type", "veth", "peer", "name", RelayLink, "netns",
			n.Clients},
		{"-n", n.Server, "addr", "add", ServerAddr + "/8", "dev", ServerLink},
		{"-n", n.Clients, "addr", "add", RelayAddr + "/8", "dev", RelayLink},
		{"-n", n.Server, "link", "set", "lo", "up"},
		{"-n", n.Server, "link", "set", ServerLink, "up"},
		{"-n", n.Clients, "link", "set", RelayLink, "up"},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out),
				n.Remove())
		}
	}
	return n, nil
}

// Remove removes the namespaces, and what is in them.
func (n *Network) Remove() error {
	var errs []error
	for _, name := range []string{n.Server, n.Clients} {
		if _, err := os.Stat("/run/netns/" + name); err == nil {
			errs = append(errs, exec.Command("ip", "netns", "del", name).Run())
		}
	}
	return errors.Join(errs...)
}

// Among runs f among the clients.
func (n *Network) Among(f func() error) error { return In(n.Clients, f) }

// In runs f in a namespace by its name for ip-netns(8), on a thread that ends with it.
func In(namespace string, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is not used again
		done <- func() error {
			ns, err := os.Open("/run/netns/" + namespace)
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("namespace %s: %w", namespace, err)
			}
			return f()
		}()
	}()
	return <-done
}
