package vmtest

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/vmtest/nethost"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestNetboot is the whole story: a host with an empty card and no disk gets its address from the image by iPXE,
// attaches the disk that the image names, boots a Debian from it that is told nothing by anyone else, and that Debian
// knows who it is.
func TestNetboot(t *testing.T) {
	t.Parallel()
	host, img := debian(t), theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", "192.168.32.10/24")
	startStore(ctx, t, lan, host)

	appliance(t, img, wan, lan, disk(ctx, t, img.Root))
	// The host's own tries would outlast the boot of the appliance, but not on a machine of any speed.
	udhcpc(ctx, t, newHost(t, lan, "00:00:5e:00:53:01"))
	lan.Tap("web1", eth0)
	web1 := Start(t, Machine{
		Name: "web1", MemoryMB: 512, CPU: "Nehalem,+rdrand", Firmware: true,
		NICs: []NIC{{MAC: "00:16:3e:20:00:11", Port: port(t, lan, "web1")}},
	})
	report, err := web1.Expect(ctx, `(?:NETBOOT-OK|Failed to mount) (.*)\n`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, field := range strings.Fields(report[1]) {
		name, value, _ := strings.Cut(field, "=")
		got[name] = value
	}
	want := map[string]string{
		"hostname":          "web1",
		"address":           "192.168.32.11/24",
		"gateway":           "192.168.32.1",
		"rootdev":           "/dev/sda",
		"target":            "iqn.2011-03.example.home:web1.root",
		"session-initiator": "iqn.2011-03.example.home:web1",
		"initiator":         "iqn.2011-03.example.home:web1", // of the iBFT
	}
	if !maps.Equal(got, want) {
		t.Errorf("the booted host says\n%v, want\n%v", got, want)
	}
	if err := web1.Wait(ctx); err != nil {
		t.Error(err)
	}
}

// debian is the netboot host's Debian, from the cache or made now.
func debian(t *testing.T) nethost.Host {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	host, err := nethost.Build(t.Context(), filepath.Join(cache, "gatehouse"))
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// startStore starts the store, with a disk for web1, on the switch.
func startStore(ctx context.Context, t *testing.T, lan *testnet.Namespace, host nethost.Host) {
	t.Helper()
	store, err := nethost.StartStore(ctx, nethost.Offer{
		Do: lan.Do, Addr: netip.MustParseAddr("192.168.32.10"), Host: host,
		Target: "iqn.2011-03.example.home:web1.root", Disk: disk(ctx, t, host.Disk), Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("store: %v", err)
		}
	})
}
