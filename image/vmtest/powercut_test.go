package vmtest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestPowerCuts cuts the power again and again, each time right after a client has got its ACK, with everything on one
// disk. It must come up every time by itself, and nothing that was acknowledged may be lost.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	root := disk(ctx, t, img.Root)
	var acked []string
	for boot := range 6 {
		vm, wire := wired(t, img, root)
		mac := net.HardwareAddr{0, 0, 0x5e, 0, 0x53, byte(2 * boot)}
		acked = append(acked, acquire(ctx, t, wire, mac).String())
		openShell(ctx, t, vm)
		text := typed(ctx, t, vm, "gatehouse leases")
		for _, addr := range acked {
			if !strings.Contains(text, addr+" ") {
				t.Errorf("in boot %d: %s was acknowledged and is not among the leases:\n%s", boot, addr, text)
			}
		}
		mac[5]++
		acked = append(acked, acquire(ctx, t, wire, mac).String())
		vm.Kill()
	}
}

// wired starts the image with the test itself at the other end of its LAN's cable.
func wired(t *testing.T, img Image, root string) (*VM, *Wire) {
	t.Helper()
	var ports [2]Port
	var wires [2]*Wire
	for i := range ports {
		var err error
		if ports[i], wires[i], err = NewWire(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { wires[i].Close() })
	}
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: 96, Disks: []Disk{{Path: root}},
		NICs: []NIC{{MAC: wanMAC, Port: ports[0]}, {MAC: lanMAC, Port: ports[1]}},
	})
	return vm, wires[1]
}

// acquire gets a lease as a client does: DISCOVER, OFFER, REQUEST, ACK.
func acquire(ctx context.Context, t *testing.T, wire *Wire, mac net.HardwareAddr) netip.Addr {
	t.Helper()
	offer, err := wire.Offer(ctx, mac, 0, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	request, err := dhcpv4.NewRequestFromOffer(offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Send(broadcastDHCP(request, 0)); err != nil {
		t.Fatal(err)
	}
	answer := offer
	for answer.MessageType() == dhcpv4.MessageTypeOffer { // to one of its DISCOVERs, which are of the same transaction
		if answer, err = wire.await(request.TransactionID, 0, time.Now().Add(Guard)); err != nil {
			t.Fatalf("%s was offered %s and got no answer to its REQUEST: %v", mac, OfferedAddr(offer), err)
		}
	}
	if answer.MessageType() != dhcpv4.MessageTypeAck {
		t.Fatalf("%s was offered %s and then answered %v", mac, OfferedAddr(offer), answer)
	}
	return OfferedAddr(answer)
}
