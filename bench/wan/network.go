package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// The links of a subject, and what is on the other ends.
const (
	wanLink, lanLink = "eth0", "eth1"
	farLink          = "eth0" // of the provider, and of the host on the LAN
	lanAddr          = "192.168.32.1/24"
	hostAddr         = "192.168.32.200"
)

// The cards of a subject; those of the provider are in provider.go.
func wanCard() ethernet.MAC { return ethernet.MAC{0x00, 0x00, 0x5e, 0x00, 0x53, 0x10} }
func lanCard() ethernet.MAC { return ethernet.MAC{0x00, 0x00, 0x5e, 0x00, 0x53, 0x11} }

// A network is a subject between its provider and a host of its LAN: three namespaces, by their names for
// ip-netns(8). The cable to the provider is not in yet.
type network struct{ box, isp, lan string }

func newNetwork(ctx context.Context) (*network, error) {
	prefix := fmt.Sprintf("ghbench%d-wan-", os.Getpid())
	n := &network{box: prefix + "box", isp: prefix + "isp", lan: prefix + "lan"}
	veth := func(link string, card ethernet.MAC, far string) []string {
		return []string{"-n", n.box, "link", "add", link, "address", card.String(),
			"type", "veth", "peer", "name", farLink, "netns", far}
	}
	return n, n.run(ctx,
		[]string{"netns", "add", n.box}, []string{"netns", "add", n.isp}, []string{"netns", "add", n.lan},
		[]string{"-n", n.box, "link", "set", "lo", "up"},
		veth(wanLink, wanCard(), n.isp), veth(lanLink, lanCard(), n.lan),
		[]string{"-n", n.lan, "link", "set", farLink, "up"},
		[]string{"-n", n.lan, "addr", "add", hostAddr + "/24", "dev", farLink},
	)
}

// run runs ip(8).
func (n *network) run(ctx context.Context, commands ...[]string) error {
	for _, args := range commands {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// remove removes the namespaces, and what is in them.
func (n *network) remove() error {
	var errs []error
	for _, name := range []string{n.box, n.isp, n.lan} {
		if _, err := os.Stat("/run/netns/" + name); err == nil {
			errs = append(errs, n.run(context.Background(), []string{"netns", "del", name}))
		}
	}
	return errors.Join(errs...)
}
