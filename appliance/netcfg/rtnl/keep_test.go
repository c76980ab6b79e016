package rtnl

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// The tests in this file are with the kernel's own notices.

const patience = 20 * time.Second

// record is what a Keep says.
type record struct {
	mu             sync.Mutex
	states         int
	missing, wrong error
	lines          []string
}

func (s *record) tell() netcfg.Tell {
	return netcfg.Tell{
		State: func(missing, wrong error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.states, s.missing, s.wrong = s.states+1, missing, wrong
		},
		Log: func(line string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lines = append(s.lines, line)
		},
	}
}

// says waits until a line was logged n times.
func (s *record) says(t *testing.T, line string, n int) {
	t.Helper()
	testnet.Eventually(t, patience, line, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return n == len(slices.DeleteFunc(slices.Clone(s.lines), func(l string) bool { return l != line }))
	})
}

// keeping runs Keep in a new namespace with eth0 and eth1, and waits for the first application.
func keeping(t *testing.T, plan netcfg.Config) (ns *testnet.Namespace, s *record) {
	ns, s = testnet.New(t, "keep"), new(record)
	for _, name := range []string{"eth0", "eth1"} {
		plug(ns, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ns.Do(func() error { return keep(ctx, plan, s.tell()) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	testnet.Eventually(t, patience, "the plan is applied", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.states > 0
	})
	return ns, s
}

// keep keeps one plan until ctx ends.
func keep(ctx context.Context, plan netcfg.Config, tell netcfg.Tell) error {
	k, err := Open(tell)
	if err != nil {
		return err
	}
	go k.Set(ctx, plan) // whose answer is also told
	k.Run(ctx)
	return nil
}

func plug(ns *testnet.Namespace, name string) {
	ns.Run("ip", "link", "add", name, "type", "veth", "peer", "name", name+"-peer")
	ns.Run("ip", "link", "set", name+"-peer", "up")
}

// expectAll compares the kernel with the plan as ip(8) sees it.
func expectAll(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	addrs, routes := ns.Run("ip", "-o", "addr", "show"), ns.Run("ip", "-4", "route")+ns.Run("ip", "-6", "route")
	for _, want := range []string{"eth0    inet 192.0.2.10/24", "eth0    inet6 2001:db8::10/64", "eth1    inet 192.168.32.1/24"} {
		if !strings.Contains(addrs, want) {
			t.Errorf("%q is missing in\n%s", want, addrs)
		}
	}
	for _, want := range []string{"default via 192.0.2.1 dev eth0", "10.9.0.0/16 via 192.168.32.2 dev eth1", "198.51.100.0/24 dev eth1", "default via 2001:db8::1 dev eth0"} {
		if !strings.Contains(routes, want) {
			t.Errorf("%q is missing in\n%s", want, routes)
		}
	}
	ns.Run("ip", "link", "show", "up", "dev", "eth1")
}

func keepPlan() netcfg.Config {
	c := plain()
	c.Links[0].Network, c.Links[1].Network = "wan", "lan"
	return c
}

// TestKeep takes cards out and puts them in again, as Xen does by xl network-detach and network-attach.
func TestKeep(t *testing.T) {
	ns, s := keeping(t, keepPlan())
	expectAll(t, ns)
	for i := range 3 {
		ns.Run("ip", "link", "del", "eth1")
		s.says(t, "eth1 (lan) is gone", i+1)
		testnet.Eventually(t, patience, "it is missing", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return strings.Contains(fmt.Sprint(s.missing), "link eth1 does not exist") && s.wrong == nil
		})
		plug(ns, "eth1")
		s.says(t, "eth1 (lan) is back and configured", i+1)
		expectAll(t, ns)
	}
	ns.Run("ip", "link", "del", "eth0") // and at once
	plug(ns, "eth0")
	s.says(t, "eth0 (wan) is back and configured", 1)
	expectAll(t, ns)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missing != nil || s.wrong != nil || len(s.lines) != 8 {
		t.Errorf("missing %v, wrong %v, logged %q", s.missing, s.wrong, s.lines)
	}
}

// TestKeepSetDown: the kernel forgets routes and IPv6 addresses of a link that was down, however short.
func TestKeepSetDown(t *testing.T) {
	ns, s := keeping(t, keepPlan())
	ns.Run("ip", "-batch", batch(t, "link set eth0 down\nlink set eth0 up\n"))
	s.says(t, "eth0 (wan) is up again and configured", 1)
	expectAll(t, ns)
}

// batch is a file of commands for ip(8).
func batch(t *testing.T, commands string) string {
	name := t.TempDir() + "/batch"
	if err := os.WriteFile(name, []byte(commands), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWatch: it tells of links and addresses.
func TestWatch(t *testing.T) {
	ns := testnet.New(t, "watch")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var changed <-chan struct{}
	if err := ns.Do(func() (err error) { changed, err = Watch(ctx); return err }); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"link add eth0 type veth peer name eth1", "addr add 192.0.2.1/24 dev eth0",
		"addr add 2001:db8::1/64 dev eth0", "link del eth0"} {
		ns.Run("ip", strings.Fields(line)...)
		select {
		case <-changed:
		case <-time.After(patience):
			t.Fatalf("nothing was told of %q", line)
		}
	}
}

// TestOverrun: a socket that is not read in time loses notices, and says so.
func TestOverrun(t *testing.T) {
	ns := testnet.New(t, "overrun")
	var m *monitor
	if err := ns.Do(func() (err error) { m, err = openMonitor(unix.RTMGRP_LINK); return err }); err != nil {
		t.Fatal(err)
	}
	plug(ns, "eth0")
	ns.Run("ip", "-batch", batch(t, strings.Repeat("link set eth0 up\nlink set eth0 down\n", 1000)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lost, down atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.follow(ctx, func(n netcfg.Notice) {
			if n.Lost {
				lost.Store(true)
			}
			if n.Down != 0 && lost.Load() {
				down.Store(true)
			}
		})
	}()
	testnet.Eventually(t, patience, "the loss is told", lost.Load)
	down.Store(false)
	plug(ns, "eth1")
	testnet.Eventually(t, patience, "it goes on", down.Load)
	cancel()
	<-ended
}

// TestKeepInAStorm: what matters is found among much that does not.
func TestKeepInAStorm(t *testing.T) {
	ns, s := keeping(t, keepPlan())
	var flood strings.Builder
	for i := range 300 {
		fmt.Fprintf(&flood, "link add x%d type veth peer name y%d\nlink del x%d\n", i, i, i)
	}
	flood.WriteString("link set eth0 down\nlink set eth0 up\n")
	ns.Run("ip", "-batch", batch(t, flood.String()))
	s.says(t, "eth0 (wan) is up again and configured", 1)
	expectAll(t, ns)
}

func FuzzNotice(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, noticeLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := parseNotice(b); n.Lost || len(b) < noticeLen && n.Down != 0 {
			t.Errorf("%+v", n)
		}
	})
}
