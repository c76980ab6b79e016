package vmtest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// builds is where the images of this run are.
var builds string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gatehouse-images-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	builds = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// homeImage is the image of the reference site, made once for all tests. Each appliance that is started from
// it is for all that can happen to one: TestImage's loses its power, TestTwoDisks' has other disks, behind
// TestHosts' are hosts that must not lose it, TestApply's becomes other sites, TestApplyPowerCuts' does so
// with all writes noted, TestLargeSite's has more memory, TestWayOut's has a provider, TestTunnel's a broker,
// and TestTwoWays' both. A test of another site has an image, and so an appliance, of its own.
var homeImage = sync.OnceValues(func() (Image, error) { return buildIn("home", "../../examples/home") })

// vlanImage is that of a site with a tagged LAN and a locked console.
var vlanImage = sync.OnceValues(func() (Image, error) { return buildIn("vlan", "testdata/vlan") })

// lockedImage is the home with a locked console.
var lockedImage = sync.OnceValues(func() (Image, error) {
	return buildOther("locked", func(toml string) string { return toml + "\n[console]\nlogin = \"locked\"\n" })
})

// fullImage is the home with all services that there are: its provider delegates a prefix, and it has a
// tunnel.
var fullImage = sync.OnceValues(func() (Image, error) {
	return buildOther("full", func(toml string) string {
		return strings.NewReplacer(noIPv6, delegatedIPv6, beforeLANs, tunnelTo(routed48)+beforeLANs).Replace(toml)
	})
})

// provideFull has a switch be what the way out of the full home leads to: a provider, and a broker.
func provideFull(t *testing.T, wan *testnet.Namespace) {
	t.Helper()
	newDelegator(t, wan).delegates(delegated1)
	newFarEnd(t, wan, netip.MustParseAddr(brokerAddr), netip.MustParseAddr("192.0.2.10"), brokerEnd+"/64", routed48)
}

// buildOther makes an image of the home with another site.toml.
func buildOther(name string, change func(toml string) string) (Image, error) {
	dir := filepath.Join(builds, name+"-site")
	if err := os.CopyFS(dir, os.DirFS("../../examples/home")); err != nil {
		return Image{}, err
	}
	file := filepath.Join(dir, "site.toml")
	toml, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(toml))), 0o600)
	}
	if err != nil {
		return Image{}, err
	}
	return buildIn(name, dir)
}

func buildIn(name, site string, options ...string) (Image, error) {
	dir := filepath.Join(builds, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return Image{}, err
	}
	return BuildImage(context.Background(), dir, site, options...)
}

// theImage is one of the above, or the end of the test.
func theImage(t *testing.T, build func() (Image, error)) Image {
	t.Helper()
	img, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// disk copies a disk image for the test to write to.
func disk(ctx context.Context, t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	if err := CopyDisk(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// Cards of the appliance, and its networks' other ends.
const (
	wanMAC = "00:16:3e:20:00:f0"
	lanMAC = "00:16:3e:20:00:f1"

	gateway = "192.0.2.1" // the provider's router
	// storeAddr is what hosts of the example gives store, the server, which a switch of a LAN is as well.
	storeAddr = "192.168.32.10/24"
	internet  = "198.51.100.1" // a server beyond it
)

// eth0 is the name of the one interface that each namespace has.
const eth0 = "eth0"

// newSwitch makes a namespace that is a switch, with a tap for the appliance, and a host on it with the
// addresses.
func newSwitch(t *testing.T, name string, addrs ...string) *testnet.Namespace {
	t.Helper()
	n := testnet.New(t, name)
	n.Bridge(eth0)
	mac := n.MAC(eth0)
	if slices.Contains(addrs, storeAddr) {
		mac = net.HardwareAddr{0, 0x16, 0x3e, 0x20, 0, 0x10} // of the example's ethers: no other may have that address
	}
	n.SetMAC(eth0, mac) // or it is another when a host is plugged in, which its neighbours do not know
	for _, a := range addrs {
		n.AddAddr(eth0, a)
	}
	n.Tap("firewall", eth0)
	return n
}

// newHost plugs a host without an address into a switch.
func newHost(t *testing.T, on *testnet.Namespace, mac string) *testnet.Namespace {
	t.Helper()
	hardware, err := net.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	host := testnet.New(t, "host")
	on.Plug(eth0, host, eth0)
	host.SetMAC(eth0, hardware)
	return host
}

// port is a tap of a switch.
func port(t *testing.T, on *testnet.Namespace, tap string) Port {
	t.Helper()
	p, err := Tap(on.Do, tap)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// appliance starts the image between two switches with the disks, in as little memory as it must get by with.
func appliance(t *testing.T, img Image, wan, lan *testnet.Namespace, disks ...string) *VM {
	t.Helper()
	var all []Disk
	for _, d := range disks {
		all = append(all, Disk{Path: d})
	}
	return applianceWith(t, img, wan, lan, all...)
}

// applianceWith is appliance for disks that something is to be known of.
func applianceWith(t *testing.T, img Image, wan, lan *testnet.Namespace, disks ...Disk) *VM {
	t.Helper()
	return Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: 96, Disks: disks,
		NICs: []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
	})
}
