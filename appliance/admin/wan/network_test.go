package wan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestNetwork asks a real gateway through a real kernel: it answers, then it is gone.
func TestNetwork(t *testing.T) {
	router, provider := testnet.New(t, "box"), testnet.New(t, "provider")
	router.Connect("eth0", provider, "eth0")
	router.AddAddr("eth0", "198.51.100.23/24")
	provider.AddAddr("eth0", "198.51.100.1/24")
	b := (&box{toml: static}).start(t)
	b.env.Ping, b.env.Routes = nil, nil
	ask := func() (out string, err error) {
		_ = router.Do(func() error {
			out, err = command(t, b.env, "")
			return nil
		})
		return out, err
	}
	out, err := ask()
	if !errors.Is(err, cli.ErrProblems) || !strings.Contains(out, "no default route leads there\n") ||
		!strings.Contains(out, "; answers a ping in ") {
		t.Errorf("without a route: %v\n%s", err, out)
	}
	router.AddRoute("0.0.0.0/0", "198.51.100.1")
	if out, err := ask(); err != nil || !strings.Contains(out, "198.51.100.1, answers ARP; answers a ping in ") {
		t.Errorf("with a route: %v\n%s", err, out)
	}
	provider.Sysctl("ipv4.icmp_echo_ignore_all", "1")
	if out, err := ask(); err != nil || !strings.Contains(out, "198.51.100.1, answers ARP; ping: no reply within 1s") {
		t.Errorf("without ping: %v\n%s", err, out)
	}
	provider.Sysctl("ipv4.conf.eth0.arp_ignore", "8")
	router.Run("ip", "neigh", "flush", "dev", "eth0")
	out, err = ask()
	if !errors.Is(err, cli.ErrProblems) || !strings.Contains(out, "! the gateway 198.51.100.1 on eth0 does not answer ARP\n") {
		t.Errorf("without ARP: %v\n%s", err, out)
	}
}
