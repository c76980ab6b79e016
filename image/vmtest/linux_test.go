package vmtest

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/kernel"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// client is a machine, its tap on the switch, and what it has to be told.
type client struct{ tap, mac, addr, host, server, root string }

// stages has a machine come up stage after stage. First iPXE asks, from the ROM of the card, then the client
// in the Linux kernel, and that again after a reboot. They are different clients, and the card keeps its
// address. (What an initramfs and systems do is for the tests of services/dhcp/run and for netboot.)
func stages(ctx context.Context, t *testing.T, lan *testnet.Namespace, linux string, c client) {
	m := Machine{Name: c.tap, MemoryMB: 64, Firmware: true}
	c.expect(ctx, t, lan, m, `net0: (\S+)/\S+ gw (\S+)\s`, c.addr, "192.168.32.1")
	m = Machine{Name: c.tap, MemoryMB: 64, Kernel: linux, Append: "console=ttyS0 ip=dhcp"}
	for range 2 {
		c.expect(ctx, t, lan, m, `IP-Config: Complete:\s+device=eth0, hwaddr=\S+, ipaddr=(\S+), mask=(\S+), gw=(\S+)\s+`+
			`host=(\S+), domain=(\S+), .*\s+bootserver=\S+, rootserver=(\S+), rootpath=(\S*)\s+nameserver0=(\S+)\s`,
			c.addr, "255.255.255.0", "192.168.32.1", c.host, "home.example", c.server, c.root, "192.168.32.1")
	}
}

// expect starts a machine on the switch, compares what its console says with what is wanted, and cuts its
// power.
func (c client) expect(ctx context.Context, t *testing.T, lan *testnet.Namespace, m Machine, expr string, want ...string) {
	t.Helper()
	m.NICs = []NIC{{MAC: c.mac, Port: port(t, lan, c.tap)}}
	vm := Start(t, m)
	got, err := vm.Expect(ctx, expr)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[1+i] != want[i] {
			t.Errorf("%s says %q, want %q", c.mac, got[1:], want)
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
