package vmtest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Of TestLargeSite.
const (
	largeMemory = 128 // MB, what firewall.cfg of an image says
	largeHosts  = 10_000
	largeList   = 8_000 // networks
)

// TestLargeSite makes an appliance a site of ten thousand hosts and a list of twenty thousand networks while it runs.
// Nothing is killed for memory, and what was needed for it is given back.
func TestLargeSite(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", "192.168.32.10/24")
	a := admin{from: lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	w := newWorkstation(t, a, "../../examples/home")
	w.large(t)
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: largeMemory,
		Disks: []Disk{{Path: disk(ctx, t, img.Root)}},
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
	})
	before := a.clean(ctx, t, "before")
	w.mustPush(ctx, t, "-within", "5m")
	var now status
	// On a machine that does much else, a site of this size takes longer to read than status waits.
	testnet.Eventually(t, Guard, "all is well with the large site", func() bool {
		now = status{}
		a.json(ctx, t, "gatehouse status --json || true", &now)
		now.Problems = slices.DeleteFunc(now.Problems, unanswered)
		return len(now.Problems) == 0 && now.Box.Site.Trial == nil
	})
	restarted(t, "with the large site", now, before.Services)
	saysAll(t, "host", a.must(ctx, t, "gatehouse host host9999"), "192.168.42.15", "02:00:00:00:27:0f")
	host := newHost(t, lan, "02:00:00:00:27:0f")
	if got := udhcpc(ctx, t, host); got["ip"] != "192.168.42.15" || got["hostname"] != "host9999" {
		t.Errorf("the last host got %v", got)
	}
	rulesHold(ctx, t, a)
	for host, want := range map[string]string{"host0": "192.168.1.0", "host9999": "192.168.42.15", "host10000": ""} {
		if got, err := answers(ctx, lan, "192.168.32.1", host+".home.example"); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", host, got, err, want)
		}
	}
	if strings.Contains(vm.Text(), "Out of memory") {
		t.Error("something was killed for memory")
	}
	a.services(ctx, t, before)
	own, most := a.memory(ctx, t, "/proc/1/status", "RssAnon"), a.memory(ctx, t, "/proc/1/status", "VmHWM")
	t.Logf("kB: init has %d of its own, and had at most %d; %d are available", own, most,
		a.memory(ctx, t, "/proc/meminfo", "MemAvailable"))
	if own > largeMemory<<10/3 {
		t.Errorf("init keeps %d kB of its own", own)
	}
}

// large makes the site a large one. Its LAN has 16,382 addresses.
func (w *workstation) large(t *testing.T) {
	t.Helper()
	w.change(t, "site.toml", `"192.168.32.1/24"`, `"192.168.32.1/18"`)
	w.add(t, "site.toml", "[firewall.list]\nblocked = \"blocked.list\"\n\n"+
		"[[firewall.deny]]\nname = \"blocked\"\nfrom = \"any\"\nto = \"blocked\"\n")
	var hosts, ethers, list strings.Builder
	for n := range largeHosts {
		at := 256 + n
		if at >= 32<<8 {
			at += 2 << 8 // 192.168.32.0/24 has hosts, and a pool
		}
		fmt.Fprintf(&hosts, "192.168.%d.%d host%d\n", at>>8, at&255, n)
		fmt.Fprintf(&ethers, "02:00:00:00:%02x:%02x host%d\n", n>>8, n&255, n)
	}
	for n := range largeList {
		at := 11<<24 + n*512 // no two of them are one network
		fmt.Fprintf(&list, "%d.%d.%d.0/24\n", at>>24, at>>16&255, at>>8&255)
	}
	w.add(t, "hosts", hosts.String())
	w.add(t, "ethers", ethers.String())
	w.write(t, "blocked.list", list.String())
}
