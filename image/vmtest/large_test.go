package vmtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Of TestLargeSite.
const largeHosts = 10_000

// TestLargeSite makes an appliance with all services a site of ten thousand hosts and a long list of networks
// while it runs; and others of few hosts. The lists are nearly as long as the plan lets them be. Nothing is
// killed for memory, and what was needed for it is given back.
func TestLargeSite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ memory, hosts, networks int }{
		{128, largeHosts, 15_000},
		{128, 0, 35_000},
		{96, 0, 18_000},
	} {
		t.Run(fmt.Sprintf("%d hosts in %d MB", c.hosts, c.memory), func(t *testing.T) { largeAt(t, c.memory, c.hosts, c.networks) })
	}
}

func largeAt(t *testing.T, memory, hosts, networks int) {
	img := theImage(t, fullImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24", brokerAddr+"/32"), newSwitch(t, "lan", storeAddr)
	provideFull(t, wan)
	a := admin{from: lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	w := newWorkstation(t, a, filepath.Join(builds, "full-site"))
	w.large(t, hosts, networks)
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: memory,
		Disks: []Disk{{Path: disk(ctx, t, img.Root)}},
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
	})
	before := a.well(ctx, t, "before")
	w.mustPush(ctx, t, "-within", "5m")
	restarted(t, "with the large site", a.well(ctx, t, "with the large site"), before.Services)
	rulesHold(ctx, t, a)
	saysAll(t, "explain", a.must(ctx, t, "gatehouse firewall explain from 192.168.32.10 to 11.0.2.1 tcp 80"), "blocked")
	if hosts == largeHosts {
		lastHosts(ctx, t, a, lan)
	}
	if strings.Contains(vm.Text(), "Out of memory") {
		t.Error("something was killed for memory")
	}
	a.services(ctx, t, before)
	own, most := a.memory(ctx, t, "/proc/1/status", "RssAnon"), a.memory(ctx, t, "/proc/1/status", "VmHWM")
	t.Logf("kB: init has %d of its own, and had at most %d; %d are available", own, most,
		a.memory(ctx, t, "/proc/meminfo", "MemAvailable"))
	if own > memory<<10/3 {
		t.Errorf("init keeps %d kB of its own", own)
	}
}

// lastHosts has the last of many hosts be served.
func lastHosts(ctx context.Context, t *testing.T, a admin, lan *testnet.Namespace) {
	t.Helper()
	saysAll(t, "host", a.must(ctx, t, "gatehouse host host9999"), "192.168.42.15", "02:00:00:00:27:0f")
	host := newHost(t, lan, "02:00:00:00:27:0f")
	if got := udhcpc(ctx, t, host); got["ip"] != "192.168.42.15" || got["hostname"] != "host9999" {
		t.Errorf("the last host got %v", got)
	}
	for host, want := range map[string]string{"host0": "192.168.1.0", "host9999": "192.168.42.15", "host10000": ""} {
		if got, err := answers(ctx, lan, "192.168.32.1", host+".home.example"); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", host, got, err, want)
		}
	}
}

// large makes the site a large one. Its LAN has 16,382 addresses.
func (w *workstation) large(t *testing.T, number, networks int) {
	t.Helper()
	w.change(t, "site.toml", `"192.168.32.1/24"`, `"192.168.32.1/18"`)
	w.add(t, "site.toml", "[firewall.list]\nblocked = \"blocked.list\"\n\n"+
		"[[firewall.deny]]\nname = \"blocked\"\nfrom = \"any\"\nto = \"blocked\"\n")
	var hosts, ethers, list strings.Builder
	for n := range number {
		at := 256 + n
		if at >= 32<<8 {
			at += 2 << 8 // 192.168.32.0/24 has hosts, and a pool
		}
		fmt.Fprintf(&hosts, "192.168.%d.%d host%d\n", at>>8, at&255, n)
		fmt.Fprintf(&ethers, "02:00:00:00:%02x:%02x host%d\n", n>>8, n&255, n)
	}
	for n := range networks {
		at := 11<<24 + n*512 // no two of them are one network
		fmt.Fprintf(&list, "%d.%d.%d.0/24\n", at>>24, at>>16&255, at>>8&255)
	}
	w.add(t, "hosts", hosts.String())
	w.add(t, "ethers", ethers.String())
	w.write(t, "blocked.list", list.String())
}
