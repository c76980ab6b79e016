package run_test

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestDeclines: a client finds the address that it got in use, gives it back, and
// gets another. Nobody gets the first one. (networkd 252 means to, with SendDecline:
// it takes the address off the card and then fails to send from it.)
func TestDeclines(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(c *client){
		"udhcpc": func(c *client) { c.udhcpc("-a") },
		"dhclient": func(c *client) {
			c.write("look", "", 0o644)
			c.dhclient("timeout 60;\nretry 1;\n")
		},
		"dhcpcd": func(c *client) { c.dhcpcd() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			l.client("squatter", "").AddAddr("eth0", "192.168.32.100/24")
			l.serve()
			c := l.client("c", "")
			start(c)
			c.has("192.168.32.101/24")
			declined := l.exchanges(c, 1, "DECLINE", "", "")
			if declined.Asked != ip("192.168.32.100") || declined.Drop != "" {
				t.Errorf("it declined %+v", declined)
			}
			states := map[netip.Addr]string{}
			all, err := l.s.Leases(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range all {
				states[i.Addr] = i.State
			}
			if states[ip("192.168.32.100")] != "declined" || states[ip("192.168.32.101")] != "bound" {
				t.Errorf("leases are %v", states)
			}
			other := l.client("other", "")
			other.udhcpc("-r", "192.168.32.100") // asks for it by name
			other.expect(other.told("bound"), map[string]string{"ip": "192.168.32.102"})
		})
	}
}

// TestMoved: a client is plugged in elsewhere and holds on to its address, if it is
// of that kind: it is told at once, and has an address of where it is.
func TestMoved(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		start func(c *client) *testnet.Process
		// again has the client notice.
		again func(l *lan, c *client, p *testnet.Process)
		state string // of the REQUEST that is refused; empty: it sends none
	}{
		"udhcpc": {
			func(c *client) *testnet.Process { return c.udhcpc() },
			func(_ *lan, _ *client, p *testnet.Process) { p.Signal(syscall.SIGUSR1) }, "RENEWING",
		},
		"dhclient": {
			func(c *client) *testnet.Process { return c.dhclient("timeout 60;\nretry 1;\n") },
			func(_ *lan, c *client, p *testnet.Process) {
				testnet.Eventually(c.t, patience, "it has noted its lease", func() bool { return strings.Contains(p.Output(), "bound to") })
				c.stop(p)
				c.dhclient("timeout 60;\nretry 1;\n")
			}, "INIT-REBOOT",
		},
		"dhcpcd":   {func(c *client) *testnet.Process { return c.dhcpcd("-A").Process }, replug, "INIT-REBOOT"},
		"networkd": {func(c *client) *testnet.Process { return c.networkd("").Process }, replug, ""},
		"ipconfig": {
			func(c *client) *testnet.Process { c.ipconfig(); return nil },
			func(_ *lan, c *client, _ *testnet.Process) { c.ipconfig() }, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			l.conf.Subnets = append(l.conf.Subnets, l.guests())
			l.serve()
			c := l.client("c", "")
			p := tc.start(c)
			c.has("192.168.32.100/24")
			l.router.Run("ip", "link", "set", firstPort, "master", "eth2")
			tc.again(l, c, p)
			c.has("192.168.33.50/24")
			if tc.state != "" {
				if x := l.exchanges(c, 1, "REQUEST", tc.state, "NAK"); x.Asked != ip("192.168.32.100") || x.Subnet != "guests" {
					t.Errorf("refused was %+v", x)
				}
			}
		})
	}
}

// guests is a second network of the router, on eth2, which is made.
func (l *lan) guests() (s dhcp.Subnet) {
	l.router.Bridge("eth2")
	l.router.AddAddr("eth2", "192.168.33.1/24")
	s = l.conf.Subnets[0]
	s.Name, s.Interface, s.Address, s.Router = "guests", "eth2", ip("192.168.33.1"), ip("192.168.33.1")
	s.Prefix, s.Domain = netip.MustParsePrefix("192.168.33.0/24"), "guests.example"
	s.Pool = []lease.Range{{First: ip("192.168.33.50"), Last: ip("192.168.33.60")}}
	return s
}

// firstPort is the port of a bridge that the first client is plugged into.
const firstPort = "port1"

// replug pulls the cable out and puts it in again.
func replug(l *lan, c *client, _ *testnet.Process) {
	l.router.Down(firstPort)
	testnet.Eventually(l.t, patience, "the client sees that the cable is out", func() bool {
		var up bool
		if err := c.Do(func() error {
			i, err := net.InterfaceByName("eth0")
			up = err == nil && i.Flags&net.FlagRunning != 0
			return err
		}); err != nil {
			l.t.Fatal(err)
		}
		return !up
	})
	l.router.Up(firstPort)
}
