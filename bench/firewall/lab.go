package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// Addresses of a lab. What the box forwards has any address behind these hosts.
const (
	wanOwn, wanHost = "192.0.2.10", "192.0.2.1"
	lanOwn, lanHost = "192.168.32.1", "192.168.32.2"
)

// A lab is a box that forwards between two hosts, each in a namespace of its own:
//
//	lan eth0 ── eth1 box eth0 ── eth0 wan
//
// Both hosts are the routers of all networks beyond them. Raw frames that they get are dropped as soon as
// they are counted, because the box believes them to have other hardware addresses; hosts that talk TCP get
// the right ones by meet.
type lab struct {
	name          string
	lan, box, wan *space
	streams       []*stream
}

func boxMAC(link int) net.HardwareAddr  { return net.HardwareAddr{2, 0, 0, 0, 1, byte(link)} }
func sinkMAC(link int) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 3, byte(link)} }

// newLab makes a lab without rules.
func newLab(ctx context.Context, name string) (l *lab, err error) {
	l = &lab{name: name}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.remove())
		}
	}()
	for _, s := range []struct {
		at   **space
		name string
	}{{&l.lan, "lan"}, {&l.box, "box"}, {&l.wan, "wan"}} {
		if *s.at, err = newSpace(ctx, name+"-"+s.name); err != nil {
			return l, err
		}
	}
	if err := l.box.sysctl("ipv4/ip_forward", "1"); err != nil {
		return l, err
	}
	return l, errors.Join(l.join(ctx, fromWAN, l.wan, wanOwn, wanHost, "default"),
		l.join(ctx, fromLAN, l.lan, lanOwn, lanHost, "10.0.0.0/8"))
}

// join makes link i of the box, behind which are a host and, by it, the networks of a route.
func (l *lab) join(ctx context.Context, i int, host *space, own, gateway, route string) error {
	for _, args := range []string{
		fmt.Sprintf("-n %s link add eth%d address %s type veth peer name eth0 netns %s", l.box.name, i,
			boxMAC(i), host.name),
		fmt.Sprintf("-n %s link set eth%d up", l.box.name, i),
		fmt.Sprintf("-n %s link set eth0 up", host.name),
		fmt.Sprintf("-n %s addr add %s/24 dev eth%d", l.box.name, own, i),
		fmt.Sprintf("-n %s addr add %s/24 dev eth0", host.name, gateway),
		fmt.Sprintf("-n %s route add default via %s", host.name, own),
		fmt.Sprintf("-n %s neigh replace %s lladdr %s nud permanent dev eth%d", l.box.name, gateway,
			sinkMAC(i), i),
		fmt.Sprintf("-n %s route add %s via %s", l.box.name, route, gateway),
	} {
		if err := ip(ctx, args); err != nil {
			return err
		}
	}
	return nil
}

// meet lets the hosts talk to each other rather than drop everything.
func (l *lab) meet(ctx context.Context) error {
	for i, host := range []string{wanHost, lanHost} {
		if err := ip(ctx, fmt.Sprintf("-n %s neigh del %s dev eth%d", l.box.name, host, i)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) remove() error {
	var errs []error
	for _, s := range l.streams {
		errs = append(errs, s.sender.close())
	}
	for _, s := range []*space{l.lan, l.box, l.wan} {
		if s != nil {
			errs = append(errs, s.remove())
		}
	}
	return errors.Join(errs...)
}

// compile makes the tree of a policy and loads it into the box.
func (l *lab) compile(p firewall.Policy) error {
	return l.box.do(func() error {
		return compileAndLoad(p, firewall.Features{Links: nft.Links(p.Shortcuts())}) // as the appliance does
	})
}

// script loads a ruleset that was written by hand.
func (l *lab) script(ctx context.Context, text string) error {
	return l.box.run(ctx, text, "nft", "-f", "-")
}

// ip is ip(8).
func ip(ctx context.Context, args string) error {
	if out, err := exec.CommandContext(ctx, "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}

// A space is a network namespace that ip(8) knows by name.
type space struct {
	name   string
	handle netns.NsHandle
	nl     *netlink.Handle
}

func newSpace(ctx context.Context, name string) (*space, error) {
	s := &space{name: fmt.Sprintf("ghbench%d-%s", os.Getpid(), name)}
	err := onOwnThread(func() (err error) {
		s.handle, err = netns.NewNamed(s.name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", s.name, err)
	}
	if s.nl, err = netlink.NewHandleAt(s.handle, unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, ip(ctx, "-n "+s.name+" link set lo up")
}

func (s *space) remove() error {
	if s.nl != nil {
		s.nl.Close()
	}
	return errors.Join(s.handle.Close(), netns.DeleteNamed(s.name))
}

// do runs f in the namespace. Sockets that f opens stay in it.
func (s *space) do(f func() error) error {
	return onOwnThread(func() error {
		if err := netns.Set(s.handle); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", s.name, err)
		}
		return f()
	})
}

// run runs a program in the namespace, with input.
func (s *space) run(ctx context.Context, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", s.name}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (s *space) sysctl(key, value string) error {
	return s.do(func() error { return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0) })
}

// received is how many packets the link has got so far.
func (s *space) received(link string) (uint64, error) {
	l, err := s.nl.LinkByName(link)
	if err != nil {
		return 0, err
	}
	return l.Attrs().Statistics.RxPackets, nil
}

// onOwnThread runs f on a thread that ends with it.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock
		done <- f()
	}()
	return <-done
}
