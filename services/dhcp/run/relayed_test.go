package run_test

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// TestRelays has clients behind a relay agent, of two makes. They get an address of
// their network, renew it past the agent, keep it, and give it back. One of the agents
// says where a client is plugged in, and drops answers that do not say it again.
func TestRelays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		program, debianPackage string
		args                   []string
		says                   bool // where clients are plugged in
		addr                   string
	}{
		"dhcrelay": {"dhcrelay", "isc-dhcp-relay", []string{"-d", "-4", "-a", "-D", "-id", "shop", "-iu", "uplink", "192.168.32.1"},
			true, "192.168.40.7"},
		"dnsmasq": {"dnsmasq", "dnsmasq-base", []string{"-d", "-C", "/dev/null", "-p", "0", "--dhcp-relay=192.168.40.1,192.168.32.1,uplink"},
			false, "192.168.40.100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			l.conf.Subnets = append(l.conf.Subnets, dhcp.Subnet{
				Name: "shop", Relayed: true, Prefix: netip.MustParsePrefix("192.168.40.0/24"), Router: ip("192.168.40.1"),
				Pool: []lease.Range{{First: ip("192.168.40.100"), Last: ip("192.168.40.199")}}, LeaseTime: time.Hour,
			})
			l.conf.Hosts = append(l.conf.Hosts, dhcp.Host{
				Name: "till", Addrs: []netip.Addr{ip("192.168.40.7")}, Ports: []dhcp.Port{{Circuit: []byte("shop")}},
			})
			agent := l.relay()
			l.serve()
			agent.Start(exec.Command(testnet.Need(t, tc.program, tc.debianPackage), tc.args...))
			c := l.client("c", "")
			l.behind(agent, c)

			p := c.dhclient("retry 1;\nsupersede dhcp-renewal-time 2;\n")
			want := map[string]string{"new_ip_address": tc.addr, "new_routers": "192.168.40.1", "new_dhcp_server_identifier": "192.168.32.1"}
			c.expect(c.told("BOUND"), want)
			x := l.exchanges(c, 1, "DISCOVER", "", "OFFER")
			if x.Subnet != "shop" || hasAgent(x.Says) != tc.says || hasAgent(x.Told) != tc.says {
				t.Errorf("the exchange through the agent: %+v", x)
			}
			c.AddRoute("default", "192.168.40.1")
			c.expect(c.told("RENEW"), want)
			l.renewedPast(c)
			c.stop(p)
			p = c.dhclient("retry 1;\n")
			c.expect(c.told("REBOOT"), want)
			c.stop(p)
			c.AddRoute("default", "192.168.40.1")
			u := c.udhcpc()
			c.expect(c.told("bound"), map[string]string{"ip": tc.addr})
			c.AddRoute("default", "192.168.40.1")
			u.Signal(syscall.SIGUSR2)
			l.released(c)
		})
	}
}

// relay makes a machine between the LAN and the shop's network, which forwards.
func (l *lan) relay() *testnet.Namespace {
	agent := testnet.New(l.t, "agent")
	l.router.Plug("eth1", agent, "uplink")
	agent.AddAddr("uplink", "192.168.32.2/24")
	agent.Bridge("shop")
	agent.AddAddr("shop", "192.168.40.1/24")
	agent.Sysctl("ipv4.ip_forward", "1")
	l.router.AddRoute("192.168.40.0/24", "192.168.32.2")
	return agent
}

// behind plugs a client out of the LAN and into the network behind the agent.
func (l *lan) behind(agent *testnet.Namespace, c *client) {
	c.Run("ip", "link", "del", "eth0")
	agent.Plug("shop", c.Namespace, "eth0")
}

// renewedPast waits for a renewal that no agent has touched. (dhcrelay takes those too
// that are not for it, and the server has them twice.)
func (l *lan) renewedPast(c *client) {
	l.t.Helper()
	mac := lease.MAC(c.MAC("eth0"))
	testnet.Eventually(l.t, patience, "the client renews past the agent", func() bool {
		all, err := l.s.Recent(l.t.Context(), &mac)
		if err != nil {
			l.t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(x run.Exchange) bool {
			return x.State == "RENEWING" && x.Reply == "ACK" && x.Subnet == "shop" && !hasAgent(x.Says) && !hasAgent(x.Told)
		})
	})
}

// hasAgent reports whether option 82 is among the options.
func hasAgent(options []string) bool {
	return slices.ContainsFunc(options, func(s string) bool { return strings.HasPrefix(s, "82 ") })
}
