package vmtest

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestVLAN boots a site whose WAN and LAN are two VLANs of one card, and whose console is locked. The test is
// the switch: it sends tagged frames itself, for which the machine that runs it needs no VLANs.
func TestVLAN(t *testing.T) {
	t.Parallel()
	img := theImage(t, vlanImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	port, wire, err := NewWire()
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: 96,
		Disks: []Disk{{Path: img.Root, Snapshot: true}},
		NICs:  []NIC{{MAC: wanMAC, Port: port}},
	})
	client := net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 1}
	offer, err := wire.Offer(ctx, client, 20, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got := OfferedAddr(offer); !netip.MustParsePrefix("192.168.33.0/24").Contains(got) {
		t.Errorf("VLAN 20 was offered %s", got)
	}
	// The service listens to this VLAN only: not to the WAN's, not to untagged frames.
	for _, vlan := range []uint16{0, 10} {
		silence, stop := context.WithTimeout(ctx, noAnswer)
		if offer, err := wire.Offer(silence, client, vlan, 100*time.Millisecond); err == nil {
			t.Errorf("VLAN %d was offered %s", vlan, OfferedAddr(offer))
		}
		stop()
	}
	locked(ctx, t, vm)
}

// locked types at the console, which must not answer.
func locked(ctx context.Context, t *testing.T, vm *VM) {
	t.Helper()
	if err := vm.Send("\n\necho done-$((6*7))\n"); err != nil {
		t.Fatal(err)
	}
	silence, stop := context.WithTimeout(ctx, noAnswer)
	defer stop()
	if got, err := vm.Expect(silence, invitation+"|done-42"); err == nil {
		t.Errorf("the locked console says %q", got)
	}
}
