package vmtest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
)

// flowsImage is the image of the site that the table of packets is about.
var flowsImage = sync.OnceValues(func() (Image, error) {
	return buildIn("flows", filepath.Join("../../firewall/flowtest", flowtest.Site))
})

// TestPacketsDecide sends the packets of package flowtest's table through the appliance: its kernel, which
// has VLANs, flowtables and tunnels, and its own rules. The test is all hosts around it.
func TestPacketsDecide(t *testing.T) {
	t.Parallel()
	img := theImage(t, flowsImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	var wires []flowtest.Wire
	m := Machine{Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: 96, Disks: []Disk{{Path: img.Root, Snapshot: true}}}
	for _, mac := range []string{wanMAC, lanMAC} {
		port, wire, err := NewWire()
		if err != nil {
			t.Fatal(err)
		}
		defer wire.Close()
		wires = append(wires, wire)
		m.NICs = append(m.NICs, NIC{MAC: mac, Port: port})
	}
	vm := Start(t, m)
	openShell(ctx, t, vm)
	links, hosts := flowtest.House()
	world, err := flowtest.NewWorld(wires, links, hosts)
	if err != nil {
		t.Fatal(err)
	}
	for strings.Contains(typed(ctx, t, vm, "cat /proc/net/if_inet6"), " c0 ") { // addresses that are still looked for
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
	// Each answer counts here, not how many a second there may be.
	for _, key := range []string{"ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"} {
		typed(ctx, t, vm, "echo 0 >/proc/sys/net/"+key)
	}
	flows, err := flowtest.Table()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		if f.By == "banned" { // nobody is, here
			continue
		}
		seen, err := world.Probe(f.From, f.Packet)
		if err == nil {
			err = f.Check(seen)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
