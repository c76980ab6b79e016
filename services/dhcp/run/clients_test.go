package run_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// The tests in this file are with real clients over veth pairs.

const patience = 30 * time.Second

var ip = netip.MustParseAddr

// lan is a router with the service on a bridge, and clients on it.
type lan struct {
	t      *testing.T
	conf   dhcp.Config
	router *testnet.Namespace
	state  string // directory of the journal
	log    io.Writer
	change func(*run.Options) // nil: nothing
	s      *run.Service
	stop   func()
}

func newLAN(t *testing.T) *lan {
	l := &lan{t: t, router: testnet.New(t, "router"), state: t.TempDir(), log: t.Output()}
	l.router.Bridge("eth1")
	l.router.AddAddr("eth1", "192.168.32.1/24")
	l.conf = dhcp.Config{
		Subnets: []dhcp.Subnet{{
			Name: "lan", Interface: "eth1", Address: ip("192.168.32.1"), Prefix: netip.MustParsePrefix("192.168.32.0/24"),
			Router: ip("192.168.32.1"), DNS: []netip.Addr{ip("192.0.2.53")}, NTP: []netip.Addr{ip("192.0.2.123")}, Domain: "home.example",
			Pool: []lease.Range{{First: ip("192.168.32.100"), Last: ip("192.168.32.199")}}, LeaseTime: 12 * time.Hour,
		}},
		Hosts: []dhcp.Host{{Name: "web1", MACs: []lease.MAC{{0, 0x16, 0x3e, 0x20, 0, 0x11}}, Addrs: []netip.Addr{ip("192.168.32.11")}, Netboot: &dhcp.Netboot{
			Server: ip("192.168.32.10"), RootPath: "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root",
			Initiator: "iqn.2011-03.example.home:web1", Script: "http://192.168.32.10/boot.ipxe", BIOS: "undionly.kpxe",
		}}},
	}
	return l
}

// serve starts the service, or starts it again.
func (l *lan) serve() {
	l.t.Helper()
	err := l.router.Do(func() (err error) {
		o := run.Options{FS: leasefile.Dir(l.state), Log: slog.New(slog.NewTextHandler(l.log, nil))}
		if l.change != nil {
			l.change(&o)
		}
		l.s, err = run.Open(l.conf, o)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	s := l.s
	go func() {
		ended <- s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	stopped := false
	l.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			l.t.Errorf("the service: %v", err)
		}
	}
	l.t.Cleanup(l.stop)
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		l.t.Fatalf("the service ended: %v", err)
	}
}

// lease returns what the service knows of a card.
func (l *lan) lease(mac net.HardwareAddr) (found dhcp.LeaseInfo) {
	l.t.Helper()
	all, err := l.s.Leases(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, i := range all {
		if i.MAC.String() == mac.String() {
			found = i
		}
	}
	return found
}

// client is a machine on the LAN with one card, eth0.
type client struct {
	*testnet.Namespace
	t   *testing.T
	dir string
}

func (l *lan) client(name, mac string) *client {
	c := &client{Namespace: testnet.New(l.t, name), t: l.t, dir: l.t.TempDir()}
	l.router.Plug("eth1", c.Namespace, "eth0")
	if mac != "" {
		hw, err := net.ParseMAC(mac)
		if err != nil {
			l.t.Fatal(err)
		}
		c.SetMAC("eth0", hw)
	}
	// The script of both clients: remember what was told, and do what is needed. If a
	// file "look" is there it looks first whether the address is somebody's, for
	// dhclient, which has its script do that.
	script := fmt.Sprintf(`#!/bin/sh
PATH=/usr/sbin:/sbin:/usr/bin:/bin
event=${reason:-$1}
address=${new_ip_address:-$ip}
case $event in
bound|renew|BOUND|RENEW|REBIND|REBOOT)
	ip addr flush dev "$interface"
	[ ! -e %[1]s/look ] || busybox arping -q -D -c 2 -w 2 -I "$interface" "$address" || exit 1
	ip addr add "$address/24" dev "$interface" ;;
deconfig|RELEASE|EXPIRE|FAIL)
	ip addr flush dev "$interface" ;;
esac
env >%[1]s/new && mv %[1]s/new %[1]s/"$event"
`, c.dir)
	if err := testnet.WriteProgram(c.dir+"/script", []byte(script)); err != nil {
		l.t.Fatal(err)
	}
	return c
}

// told waits for an event of the script and returns what it was told.
func (c *client) told(event string) map[string]string {
	c.t.Helper()
	path := filepath.Join(c.dir, event)
	var b []byte
	testnet.Eventually(c.t, patience, c.Name()+" hears "+event, func() (ok bool) {
		var err error
		b, err = os.ReadFile(path)
		return err == nil
	})
	if err := os.Remove(path); err != nil {
		c.t.Fatal(err)
	}
	m := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		m[key] = value
	}
	return m
}

func (c *client) expect(got map[string]string, want map[string]string) {
	c.t.Helper()
	for k, v := range want {
		if got[k] != v {
			c.t.Errorf("%s was told %s=%q, want %q", c.Name(), k, got[k], v)
		}
	}
}

func (c *client) udhcpc(args ...string) *testnet.Process {
	c.t.Helper()
	path := testnet.Need(c.t, "udhcpc", "udhcpc")
	return c.Start(exec.Command(path, append([]string{"-f", "-i", "eth0", "-T1", "-A1", "-t30", "-s", c.dir + "/script"}, args...)...))
}

func (c *client) dhclient(conf string, args ...string) *testnet.Process {
	c.t.Helper()
	path := testnet.Need(c.t, "dhclient", "isc-dhcp-client")
	if err := os.WriteFile(c.dir+"/conf", []byte(conf), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return c.Start(exec.Command(path, append([]string{"-d", "-4", "-cf", c.dir + "/conf", "-lf", c.dir + "/leases",
		"-pf", c.dir + "/pid", "-sf", c.dir + "/script", "eth0"}, args...)...))
}

// sniff watches DHCP on the client's card and returns a function that checks that
// every reply had a good checksum, and that there were at least n.
func (c *client) sniff() func(n int) {
	c.t.Helper()
	p := c.Start(exec.Command(testnet.Need(c.t, "tcpdump", "tcpdump"), "-lnvv", "--immediate-mode", "-i", "eth0", "udp src port 67"))
	testnet.Eventually(c.t, patience, "tcpdump listens", func() bool { return strings.Contains(p.Output(), "listening on") })
	return func(n int) {
		c.t.Helper()
		testnet.Eventually(c.t, patience, "tcpdump has seen the replies", func() bool { return strings.Count(p.Output(), "BOOTP/DHCP, Reply") >= n })
		out := p.Output()
		if strings.Contains(out, "bad") || strings.Count(out, "[udp sum ok]") < n {
			c.t.Errorf("a checksum is bad:\n%s", out)
		}
	}
}

func TestUdhcpc(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	c := l.client("c", "")
	checksums := c.sniff()
	p := c.udhcpc("-R", "-x", "hostname:tablet", "-O", "ntpsrv")
	c.expect(c.told("bound"), map[string]string{
		"ip": "192.168.32.100", "mask": "24", "subnet": "255.255.255.0", "router": "192.168.32.1", "dns": "192.0.2.53",
		"domain": "home.example", "ntpsrv": "192.0.2.123", "lease": "43200", "serverid": "192.168.32.1",
		"broadcast": "192.168.32.255", "hostname": "", "rootpath": "", "boot_file": "",
	})
	if got := l.lease(c.MAC("eth0")); got.Addr != ip("192.168.32.100") || got.Name != "tablet" || got.State != "bound" {
		t.Errorf("%+v", got)
	}
	p.Signal(syscall.SIGUSR1)
	c.expect(c.told("renew"), map[string]string{"ip": "192.168.32.100", "lease": "43200"})
	checksums(3)
	p.Signal(syscall.SIGUSR2)
	c.told("deconfig")
	testnet.Eventually(t, patience, "the lease is released", func() bool { return l.lease(c.MAC("eth0")).State == "free" })
}

func TestUdhcpcReserved(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	c := l.client("web1", "00:16:3e:20:00:11")
	c.udhcpc("-O", "rootpath", "-x", "hostname:somebody")
	c.expect(c.told("bound"), map[string]string{
		"ip": "192.168.32.11", "hostname": "web1", "siaddr": "192.168.32.10", "boot_file": "",
		"rootpath": "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root",
	})
}

// TestStrangerOnAnAddress: what somebody took without asking is found by ARP and is
// not given away.
func TestStrangerOnAnAddress(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.conf.Subnets[0].Probe = 500 * time.Millisecond
	squatter := l.client("squatter", "")
	squatter.AddAddr("eth0", "192.168.32.100/24")
	l.serve()
	c := l.client("c", "")
	p := c.udhcpc()
	c.expect(c.told("bound"), map[string]string{"ip": "192.168.32.101"})
	if got := l.lease(squatter.MAC("eth0")); got.State != "declined" || got.Addr != ip("192.168.32.100") {
		t.Errorf("the stranger: %+v", got)
	}
	c.stop(p)
	c.udhcpc() // its own address answers, and it gets it
	c.expect(c.told("bound"), map[string]string{"ip": "192.168.32.101"})
}

// dhclientConf renews after two seconds and asks for what a netbooting system asks.
const dhclientConf = `
option iscsi-initiator code 203 = text;
request subnet-mask, routers, domain-name-servers, host-name, domain-name, root-path, ntp-servers, iscsi-initiator;
supersede dhcp-renewal-time 2;
retry 1;
`

func TestDhclient(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	c := l.client("web1", "00:16:3e:20:00:11")
	checksums := c.sniff()
	p := c.dhclient(dhclientConf)
	want := map[string]string{
		"new_ip_address": "192.168.32.11", "new_subnet_mask": "255.255.255.0", "new_routers": "192.168.32.1",
		"new_host_name": "web1", "new_domain_name": "home.example", "new_ntp_servers": "192.0.2.123",
		"new_root_path":       "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root",
		"new_iscsi_initiator": "iqn.2011-03.example.home:web1",
	}
	c.expect(c.told("BOUND"), want)
	c.expect(c.told("RENEW"), want)
	checksums(3)
	c.stop(p)
	// INIT-REBOOT: it remembers its lease.
	p = c.dhclient(dhclientConf)
	c.expect(c.told("REBOOT"), want)
	c.stop(p)
	if err := c.dhclient(dhclientConf, "-r").Wait(t.Context()); err != nil {
		t.Error(err)
	}
	testnet.Eventually(t, patience, "the lease is released", func() bool { return l.lease(c.MAC("eth0")).State == "free" })
}

// stop ends a client without its releasing anything.
func (c *client) stop(p *testnet.Process) {
	c.t.Helper()
	p.Signal(syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := p.Wait(ctx); errors.Is(err, context.DeadlineExceeded) {
		c.t.Fatal("the client does not end")
	}
}

// TestWrongAddressIsRefused: a client that comes from another network, or whose
// address has become another's, is told at once.
func TestWrongAddressIsRefused(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	c := l.client("c", "")
	const stale = `lease {
  interface "eth0"; fixed-address 198.51.100.7; option subnet-mask 255.255.255.0;
  option dhcp-server-identifier 198.51.100.1; option dhcp-lease-time 86400;
  renew 5 2036/01/01 00:00:00; rebind 5 2036/01/01 00:00:00; expire 5 2036/01/01 00:00:00;
}
`
	if err := os.WriteFile(c.dir+"/leases", []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	p := c.dhclient("timeout 60;\n")
	c.expect(c.told("BOUND"), map[string]string{"new_ip_address": "192.168.32.100"})
	if !strings.Contains(p.Output(), "DHCPNAK from 192.168.32.1") {
		t.Error("the client was not refused its old address")
	}
}

// TestRestartAndManyClients: leases survive the service, no two clients get one
// address, and everybody keeps his own.
func TestRestartAndManyClients(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.serve()
	first, second, third := l.client("a", ""), l.client("b", ""), l.client("c", "")
	p := first.udhcpc()
	a := first.told("bound")["ip"]
	second.udhcpc()
	b := second.told("bound")["ip"]
	l.stop()
	l.serve()
	third.udhcpc()
	c := third.told("bound")["ip"]
	if a == b || a == c || b == c {
		t.Errorf("addresses %s, %s and %s", a, b, c)
	}
	p.Signal(syscall.SIGUSR1)
	first.expect(first.told("renew"), map[string]string{"ip": a})
	// The same cards with no memory of their own, and another program.
	first.stop(p)
	first.dhclient("timeout 60;\n")
	first.expect(first.told("BOUND"), map[string]string{"new_ip_address": a})
	second.Run("ping", "-c1", "-w10", a)
}

// TestTwoLANs: each socket hears its own link only.
func TestTwoLANs(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	l.router.Bridge("eth2")
	l.router.AddAddr("eth2", "192.168.33.1/24")
	guests := l.conf.Subnets[0]
	guests.Name, guests.Interface, guests.Address, guests.Router = "guests", "eth2", ip("192.168.33.1"), ip("192.168.33.1")
	guests.Prefix, guests.Domain = netip.MustParsePrefix("192.168.33.0/24"), "guests.example"
	guests.Pool = []lease.Range{{First: ip("192.168.33.50"), Last: ip("192.168.33.60")}}
	l.conf.Subnets = append(l.conf.Subnets, guests)
	l.serve()
	c := l.client("c", "")
	g := l.client("g", "")
	l.router.Plug("eth2", g.Namespace, "eth1")
	g.udhcpc("-i", "eth1")
	g.expect(g.told("bound"), map[string]string{"ip": "192.168.33.50", "domain": "guests.example", "serverid": "192.168.33.1"})
	c.udhcpc()
	c.expect(c.told("bound"), map[string]string{"ip": "192.168.32.100", "domain": "home.example", "serverid": "192.168.32.1"})
	if err := l.router.Do(func() error {
		_, err := run.Open(l.conf, run.Options{FS: leasefile.Dir(l.state), Log: slog.Default()})
		return err
	}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server on the same links: %v", err)
	}
}
