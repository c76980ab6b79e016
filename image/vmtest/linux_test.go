package vmtest

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/kernel"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestStages has two machines come up behind the image, stage after stage: one that the site knows and one that it
// does not. First iPXE asks, from the ROM of the card, then the client in the Linux kernel, and that again after a
// reboot. They are different clients, and the card keeps its address. (What an initramfs and systems do is for the
// tests of services/dhcp/run and for TestNetboot.)
func TestStages(t *testing.T) {
	t.Parallel()
	img, linux := theImage(t, homeImage), linuxKernel(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan")
	lan.Tap("client", eth0)
	appliance(t, img, wan, lan, disk(ctx, t, img.Root))
	udhcpc(ctx, t, newHost(t, lan, "00:00:5e:00:53:01")) // waits for the boot, and takes the first address of the pool

	const rootPath = "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"
	for _, tc := range []struct{ name, mac, addr, host, server, root string }{
		{"reserved", "00:16:3e:20:00:11", "192.168.32.11", "web1", "192.168.32.10", rootPath},
		{"of the pool", "00:00:5e:00:53:31", "192.168.32.101", "192.168.32.101", "0.0.0.0", ""},
	} {
		m := Machine{Name: "client", MemoryMB: 64, Firmware: true}
		expect(ctx, t, lan, m, tc.mac, `net0: (\S+)/\S+ gw (\S+)\s`, tc.addr, "192.168.32.1")
		m = Machine{Name: "client", MemoryMB: 64, Kernel: linux, Append: "console=ttyS0 ip=dhcp"}
		for range 2 {
			expect(ctx, t, lan, m, tc.mac, `IP-Config: Complete:\s+device=eth0, hwaddr=\S+, ipaddr=(\S+), mask=(\S+), gw=(\S+)\s+`+
				`host=(\S+), domain=(\S+), .*\s+bootserver=\S+, rootserver=(\S+), rootpath=(\S*)\s+nameserver0=(\S+)\s`,
				tc.addr, "255.255.255.0", "192.168.32.1", tc.host, "home.example", tc.server, tc.root, "192.0.2.53")
		}
	}
}

// expect starts a machine on the switch, compares what its console says with what is wanted, and cuts its power.
func expect(ctx context.Context, t *testing.T, lan *testnet.Namespace, m Machine, mac, expr string, want ...string) {
	t.Helper()
	m.NICs = []NIC{{MAC: mac, Port: port(t, lan, "client")}}
	vm := Start(t, m)
	got, err := vm.Expect(ctx, expr)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[1+i] != want[i] {
			t.Errorf("%s says %q, want %q", mac, got[1:], want)
			break
		}
	}
	vm.Kill()
}

// linuxKernel is a kernel that configures its network by itself, from the cache or made now.
func linuxKernel(t *testing.T) string {
	t.Helper()
	result, err := kernel.Build(t.Context(), kernel.Options{
		Fragments: os.DirFS("testdata/linux"), Source: os.Getenv("KERNEL_SRC"), Progress: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return result.Path
}
