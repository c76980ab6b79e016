package run_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// has waits until the client's card has the address.
func (c *client) has(addr string) {
	c.t.Helper()
	testnet.Eventually(c.t, patience, c.Name()+" has "+addr, func() bool { return slices.Contains(c.Addrs("eth0"), addr) })
}

// lost waits until the client's card has no address.
func (c *client) lost() {
	c.t.Helper()
	testnet.Eventually(c.t, patience, c.Name()+" has no address", func() bool { return len(c.Addrs("eth0")) == 0 })
}

// exchanges waits until the service has had that many exchanges of the kind with the
// client, and returns the last of them. State and reply may be empty.
func (l *lan) exchanges(c *client, n int, kind, state, reply string) (last run.Exchange) {
	l.t.Helper()
	mac := lease.MAC(c.MAC("eth0"))
	testnet.Eventually(l.t, patience, strings.Join([]string{c.Name(), "has said", kind, state, "and heard", reply}, " "), func() bool {
		all, err := l.s.Recent(l.t.Context(), &mac)
		if err != nil {
			l.t.Fatal(err)
		}
		seen := 0
		for _, x := range all {
			if x.Type == kind && x.State == state && x.Reply == reply {
				seen, last = seen+1, x
			}
		}
		return seen >= n
	})
	return last
}

// released waits until the client's lease is over.
func (l *lan) released(c *client) {
	l.t.Helper()
	testnet.Eventually(l.t, patience, "the lease of "+c.Name()+" is released", func() bool { return l.lease(c.MAC("eth0")).State == "free" })
}

// TestDhcpcd: a lease that it takes, prolongs, remembers, and gives back.
func TestDhcpcd(t *testing.T) {
	t.Parallel()
	unchanged(t, "/etc/resolv.conf")
	l := newLAN(t)
	l.serve()
	c := l.client("web1", "00:16:3e:20:00:11")
	checksums := c.sniff()
	d := c.dhcpcd("-A")
	want := map[string]string{
		"new_ip_address": "192.168.32.11", "new_subnet_cidr": "24", "new_routers": "192.168.32.1", "new_host_name": "web1",
		"new_domain_name": "home.example", "new_domain_name_servers": "192.0.2.53", "new_ntp_servers": "192.0.2.123",
		"new_dhcp_lease_time": "43200", "new_broadcast_address": "192.168.32.255",
	}
	c.expect(c.told("BOUND"), want)
	c.has("192.168.32.11/24")
	d.Signal(syscall.SIGUSR1)
	l.exchanges(c, 1, "REQUEST", "RENEWING", "ACK")
	c.told("RENEW")
	d.Signal(syscall.SIGHUP) // it rebinds
	l.exchanges(c, 2, "REQUEST", "RENEWING", "ACK")
	c.told("RENEW")
	c.stop(d.Process)
	d = c.dhcpcd("-A") // it remembers
	c.expect(c.told("REBOOT"), want)
	l.exchanges(c, 1, "REQUEST", "INIT-REBOOT", "ACK")
	checksums(5)
	d.Signal(syscall.SIGALRM)
	l.released(c)
	c.lost()
}

// TestNetworkd: the same of systemd-networkd.
func TestNetworkd(t *testing.T) {
	t.Parallel()
	unchanged(t, "/etc/resolv.conf")
	l := newLAN(t)
	l.serve()
	c := l.client("c", "")
	checksums := c.sniff()
	d := c.networkd("")
	c.has("192.168.32.100/24")
	d.Within("networkctl", "renew", "eth0")
	l.exchanges(c, 1, "REQUEST", "RENEWING", "ACK")
	checksums(3)
	d.kill()
	again := l.exchanges(c, 2, "DISCOVER", "", "OFFER")
	if again.Addr != ip("192.168.32.100") {
		t.Errorf("started anew it was offered %s", again.Addr)
	}
	l.exchanges(c, 2, "REQUEST", "SELECTING", "ACK")
	c.has("192.168.32.100/24")
	d.Within("sed", "-i", "s/^DHCP=.*/DHCP=no/", "/run/systemd/network/eth0.network")
	d.Within("networkctl", "reload")
	l.released(c)
	c.lost()
}

// kill kills the networkd of a daemon, which is started again.
func (d *daemon) kill() {
	d.c.t.Helper()
	pid, err := os.ReadFile(d.c.dir + "/pid")
	if err != nil {
		d.c.t.Fatal(err)
	}
	d.Within("kill", "-KILL", strings.TrimSpace(string(pid)))
}

// ipconfig runs klibc's to its end, as the initramfs of Debian does for ip=dhcp, and
// returns what it leaves for those who come after it.
func (c *client) ipconfig() map[string]string {
	c.t.Helper()
	program := "/usr/lib/klibc/bin/ipconfig"
	if _, err := os.Stat(program); err != nil {
		c.t.Fatalf("%v: apt-get install klibc-utils", err)
	}
	d := c.alone("/bin/sh", "-c", program+" -t 60 -c dhcp -d eth0 && cp /run/net-eth0.conf .")
	if err := d.Wait(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	conf, err := os.ReadFile(c.dir + "/net-eth0.conf")
	if err != nil {
		c.t.Fatal(err)
	}
	m := map[string]string{}
	for line := range strings.Lines(string(conf)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		m[key] = strings.Trim(value, "'")
	}
	return m
}

// TestIpconfig: klibc's takes a lease and is gone: it neither renews nor releases.
func TestIpconfig(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	c := l.client("web1", "00:16:3e:20:00:11")
	checksums := c.sniff()
	for range 2 { // the machine boots again
		c.expect(c.ipconfig(), map[string]string{
			"IPV4ADDR": "192.168.32.11", "IPV4NETMASK": "255.255.255.0", "IPV4GATEWAY": "192.168.32.1", "IPV4DNS0": "192.0.2.53",
			"HOSTNAME": "web1", "DNSDOMAIN": "home.example", "ROOTSERVER": "192.168.32.10", "IPV4BROADCAST": "192.168.32.255",
			"ROOTPATH": "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root",
		})
		c.has("192.168.32.11/24")
	}
	checksums(4)
}

// TestOneCardManyPrograms is a machine on its way up, with an initramfs and then one
// system after the other: each program calls itself something else, and the card
// keeps its address, whether it is reserved or of the pool.
func TestOneCardManyPrograms(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	l.client("other", "").ipconfig() // has the first address of the pool
	for mac, want := range map[string]netip.Addr{"00:16:3e:20:00:11": ip("192.168.32.11"), "00:00:5e:00:53:31": ip("192.168.32.101")} {
		t.Run(mac, func(t *testing.T) {
			t.Parallel()
			c := l.client("c", mac)
			c.t = t
			ids := map[string]bool{}
			for _, start := range []func() *testnet.Process{
				func() *testnet.Process { c.ipconfig(); return nil },
				func() *testnet.Process { return c.udhcpc("-x", "0x3d:ff00112233") },
				func() *testnet.Process { return c.dhclient("send dhcp-client-identifier \"a name\";\n") },
				func() *testnet.Process { return c.dhcpcd("-A").Process },
				func() *testnet.Process { return c.networkd("").Process },
			} {
				p := start()
				testnet.Eventually(t, patience, "it has an address", func() bool { return len(c.Addrs("eth0")) > 0 })
				if got := c.Addrs("eth0")[0]; got != want.String()+"/24" {
					t.Errorf("got %s, want %s", got, want)
				}
				ids[clientID(l.exchanges(c, 1, "REQUEST", "SELECTING", "ACK"))] = true
				if p != nil {
					c.stop(p)
				}
				c.Run("ip", "addr", "flush", "dev", "eth0")
			}
			if len(ids) < 5 {
				t.Errorf("they were to have an identifier each, but these were all: %v", ids)
			}
		})
	}
}

// clientID returns the client identifier in a message.
func clientID(x run.Exchange) string {
	i := slices.IndexFunc(x.Says, func(s string) bool { return strings.HasPrefix(s, "61 ") })
	if i < 0 {
		return ""
	}
	return x.Says[i]
}
