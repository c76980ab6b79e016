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

// TestWatchdog lets the DHCP server of an appliance hang, and then makes it impossible to start: the first is mended by
// starting it again, the second by a reset, which the appliance tells of afterwards. The watchdog of QEMU stands in for
// Xen's, which the same code feeds.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 2*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", "192.168.32.10/24")
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append + " gatehouse.watchdog=12", MemoryMB: 96, Watchdog: true,
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
		Disks: []Disk{{Path: disk(ctx, t, img.Root)}, {Path: disk(ctx, t, img.Perm)}},
	})
	a := admin{from: lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	const fed = "i6300ESB timer, fed while dhcp answers"
	testnet.Eventually(t, Guard, "the watchdog is armed", func() bool { return strings.Contains(a.must(ctx, t, "gatehouse status"), fed) })

	before := dhcpProcess(ctx, t, a)
	a.must(ctx, t, fmt.Sprintf("kill -STOP %d", before.PID))
	if _, err := vm.Expect(ctx, `dhcp: \[init\] has not answered for 6s: starting it again`); err != nil {
		t.Fatal(err)
	}
	if _, err := vm.Expect(ctx, `dhcp: \[init\] ready`); err != nil {
		t.Fatal(err)
	}
	if now := dhcpProcess(ctx, t, a); now.Restarts != before.Restarts+1 {
		t.Errorf("dhcp was %+v and is %+v, want one restart more", before, now)
	}

	// It cannot read its journal, until the next boot puts that right.
	rebooted(ctx, t, a, func() error {
		_, err := a.run(ctx, fmt.Sprintf("chmod 0 /perm/dhcp; kill %d", dhcpProcess(ctx, t, a).PID))
		return err
	})
	said := vm.Text()
	if want := "watchdog: [init] dhcp has not answered for 36s: it is not fed any more, and resets this box within 12s"; !strings.Contains(said, want) {
		t.Errorf("the console does not say: %s", want)
	}
	testnet.Eventually(t, Guard, "the watchdog is armed again", func() bool {
		text, _ := a.run(ctx, "gatehouse status") // it reports a problem
		return strings.Contains(text, "i6300ESB timer, fed for another") && strings.Contains(text, "! the watchdog has reset this box: dhcp has not answered for 36s")
	})
	rebooted(ctx, t, a, func() error { _, _ = a.run(ctx, "reboot"); return nil })
	testnet.Eventually(t, Guard, "all is well", func() bool { return strings.Contains(a.must(ctx, t, "gatehouse status"), fed) })
}

// dhcpProcess is what status says of dhcp, also while it says that something is wrong.
func dhcpProcess(ctx context.Context, t *testing.T, a admin) service {
	t.Helper()
	var s status
	a.json(ctx, t, "gatehouse status --json || true", &s)
	i := slices.IndexFunc(s.Services, func(s service) bool { return s.Name == "dhcp" })
	if i < 0 {
		t.Fatalf("services %v", s.Services)
	}
	return s.Services[i]
}
