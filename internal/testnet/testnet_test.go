package testnet

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTopology builds a router between a bridge with two clients and an outside,
// and has them reach each other.
func TestTopology(t *testing.T) {
	Need(t, "ping", "iputils-ping")
	var names []string
	t.Run("network", func(t *testing.T) {
		router, a, b, wan := New(t, "router"), New(t, "a"), New(t, "b"), New(t, "wan")
		names = []string{router.Name(), a.Name()}
		router.Bridge("lan")
		router.AddAddr("lan", "192.168.32.1/24")
		router.Plug("lan", a, "eth0")
		router.Plug("lan", b, "eth0")
		router.Tap("tap0", "lan")
		router.Connect("wan", wan, "eth0")
		router.AddAddr("wan", "192.0.2.10/24")
		router.Sysctl("ipv4.ip_forward", "1")
		for n, addr := range map[*Namespace]string{a: "192.168.32.100/24", b: "192.168.32.101/24"} {
			n.AddAddr("eth0", addr)
			n.AddRoute("default", "192.168.32.1")
		}
		mac, _ := net.ParseMAC("00:00:5e:00:53:01")
		wan.SetMAC("eth0", mac)
		wan.AddAddr("eth0", "192.0.2.1/24")
		wan.AddRoute("192.168.32.0/24", "192.0.2.10")

		a.Run("ping", "-c1", "-w10", "192.168.32.101")
		a.Run("ping", "-c1", "-w10", "192.0.2.1")
		if wan.MAC("eth0").String() != mac.String() || a.Addrs("eth0")[0] != "192.168.32.100/24" {
			t.Errorf("%v %v", wan.MAC("eth0"), a.Addrs("eth0"))
		}
		b.Down("eth0")
		if out, err := a.Try("ping", "-c1", "-w1", "192.168.32.101"); err == nil {
			t.Errorf("a link that is down answers: %s", out)
		}
		p := a.Start(exec.Command("sh", "-c", "echo here; sleep 1000"))
		Eventually(t, 10*time.Second, "the process speaks", func() bool { return strings.Contains(p.Output(), "here") })
	})
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(netnsDir, name)); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

func TestProcessEnds(t *testing.T) {
	n := New(t, "one")
	if err := n.Start(exec.Command("false")).Wait(t.Context()); err == nil {
		t.Error("false has succeeded")
	}
	p := n.Start(exec.Command("sleep", "1000"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Wait(ctx); err != context.DeadlineExceeded {
		t.Errorf("waiting for a sleeper: %v", err)
	}
}

func TestStaleNamespacesAreRemoved(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	name := "gh" + strconv.Itoa(dead.Process.Pid) + "-1-killed"
	if out, err := exec.Command(Need(t, "ip", "iproute2"), "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	New(t, "next")
	if _, err := os.Stat(filepath.Join(netnsDir, name)); err == nil {
		t.Errorf("%s was left behind", name)
	}
}
