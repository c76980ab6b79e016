package plan_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

const patience = 30 * time.Second

// relayedSite has two networks behind one router, and a host known by its port.
const relayedSite = `
name   = "firewall"
domain = "home.example"
[[lan]]
name      = "lan"
interface = "eth1"
ipv4      = "192.168.32.1/24"
[[route]]
to  = "10.8.0.0/16"
via = "192.168.32.2"
[[relayed]]
name    = "shop"
network = "10.8.40.0/24"
router  = "10.8.40.1"
pool    = "10.8.40.100-10.8.40.199"
exclude = "10.8.40.101"
probe   = "2s"
[[relayed]]
name    = "yard"
network = "10.8.41.0/24"
router  = "10.8.41.1"
[[port]]
host    = "till"
circuit = "yard0"
`

// TestRelayed makes a namespace what the plan of a site with relayed networks says it
// is, firewall included, and has real clients get leases through a real relay agent:
// what its messages, their answers and the probes need is let through.
func TestRelayed(t *testing.T) {
	fsys := fstest.MapFS{
		"site.toml": {Data: []byte(relayedSite)}, "hosts": {Data: []byte("10.8.41.7 till\n")},
		"authorized_keys": siteCases(t)["dhcp.txtar"]["authorized_keys"],
	}
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	box, router := testnet.New(t, "box"), testnet.New(t, "router")
	box.Connect("eth1", router, "lan0")
	router.AddAddr("lan0", "192.168.32.2/24")
	router.Sysctl("ipv4.ip_forward", "1")
	for link, addr := range map[string]string{"shop0": "10.8.40.1/24", "yard0": "10.8.41.1/24"} {
		router.Bridge(link)
		router.AddAddr(link, addr)
	}
	service := serve(t, box, plan.Make(s, plan.Learned{}))
	router.Start(exec.Command(testnet.Need(t, "dhcrelay", "isc-dhcp-relay"), "-4", "-d", "-a", "-iu", "lan0", "-id", "shop0", "-id", "yard0", "192.168.32.1"))

	squatter := testnet.New(t, "squatter")
	router.Plug("shop0", squatter, "eth0")
	squatter.AddAddr("eth0", "10.8.40.100/24")
	squatter.AddRoute("default", "10.8.40.1")

	shopper := newClient(t, router, "shop0")
	if got := shopper.told("bound"); got["ip"] != "10.8.40.102" || got["router"] != "10.8.40.1" || got["serverid"] != "192.168.32.1" {
		t.Errorf("in the shop: %v", got)
	}
	shopper.Run("ping", "-c1", "-w10", "192.168.32.1")
	shopper.process.Signal(syscall.SIGUSR1) // renews, by unicast
	if got := shopper.told("renew"); got["ip"] != "10.8.40.102" {
		t.Errorf("renewed: %v", got)
	}
	if got := newClient(t, router, "yard0").told("bound"); got["ip"] != "10.8.41.7" || got["hostname"] != "till" {
		t.Errorf("in the yard: %v", got)
	}
	st, err := service.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := st.Subnets[1].Probes; p.Sent != 2 || p.InUse != 1 {
		t.Errorf("probes %+v: want one answered by the squatter, and one not", p)
	}
}

// serve makes the namespace what the plan says it is.
func serve(t *testing.T, box *testnet.Namespace, p plan.Plan) *run.Service {
	t.Helper()
	ruleset, err := p.Firewall.Table()
	if err != nil {
		t.Fatal(err)
	}
	// The others are the whole machine's.
	p.Network.Sysctls = slices.DeleteFunc(p.Network.Sysctls, func(s netcfg.Sysctl) bool {
		return !strings.HasPrefix(s.Key, "net.ipv") || strings.Contains(s.Key, ".neigh.")
	})
	i := slices.IndexFunc(p.Services, func(s plan.Service) bool { return s.Name == roster.DHCP })
	var s *run.Service
	if err := box.Do(func() (err error) {
		if err := nft.Load(ruleset); err != nil {
			return err
		}
		if _, err := rtnl.Apply(t.Context(), p.Network); err != nil {
			return err
		}
		s, err = run.Open(p.Services[i].Config.(dhcp.Config), run.Options{FS: leasefile.Dir(t.TempDir()), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	nothing := func() error { return nil }
	go func() { ended <- s.Run(ctx, nothing, nothing) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service: %v", err)
		}
	})
	return s
}

// client is udhcpc on a machine of its own.
type client struct {
	*testnet.Namespace
	t       *testing.T
	dir     string
	process *testnet.Process
}

func newClient(t *testing.T, router *testnet.Namespace, bridge string) *client {
	c := &client{Namespace: testnet.New(t, "client"), t: t, dir: t.TempDir()}
	router.Plug(bridge, c.Namespace, "eth0")
	script := fmt.Sprintf(`#!/bin/sh
PATH=/usr/sbin:/sbin:/usr/bin:/bin
case $1 in
bound|renew)
	ip addr flush dev "$interface"
	ip addr add "$ip/$mask" dev "$interface"
	ip route replace default via "$router" ;;
esac
env >%s/new && mv %[1]s/new %[1]s/"$1"
`, c.dir)
	if err := testnet.WriteProgram(filepath.Join(c.dir, "script"), []byte(script)); err != nil {
		t.Fatal(err)
	}
	c.process = c.Start(exec.Command(testnet.Need(t, "udhcpc", "udhcpc"), "-f", "-i", "eth0", "-T1", "-A1", "-t30", "-O", "hostname", "-s", c.dir+"/script"))
	return c
}

// told waits for an event of the script and returns what it was told.
func (c *client) told(event string) map[string]string {
	c.t.Helper()
	var b []byte
	testnet.Eventually(c.t, patience, "the client hears "+event, func() bool {
		var err error
		b, err = os.ReadFile(filepath.Join(c.dir, event))
		return err == nil
	})
	m := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		m[key] = value
	}
	return m
}
