package nft_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestPacketsDecide sends the packets of package flowtest's table through the kernel and the evaluator: both
// do what the table says, by the rule that it says.
func TestPacketsDecide(t *testing.T) {
	t.Parallel()
	links, hosts := flowtest.House()
	for i := range links { // a wire each: not every kernel has VLANs
		links[i].Wire, links[i].VLAN = i, 0
	}
	box, wires := newBox(t, links, "192.0.2.1", "2001:db8:1::1")
	policy := tablePolicy(t)
	tree := compileWithLinks(t, box, policy) // as the appliance does
	load(t, box, tree)
	ban(t, box)
	serveTCP(t, box, ":22")
	oneCPU(t, 0)
	world, err := flowtest.NewWorld(wires, links, hosts)
	if err != nil {
		t.Fatal(err)
	}
	flows, err := flowtest.Table()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		before := lab{box: box}.counters(t)
		seen, err := world.Probe(f.From, f.Packet)
		if err == nil {
			err = f.Check(seen)
		}
		if err != nil {
			t.Error(err)
		}
		if after := (lab{box: box}).counters(t); f.By != "" && after[f.By] <= before[f.By] {
			t.Errorf("flows.txt:%d: %s did not count %s, but %v", f.Line, f.By, f.Packet, counted(before, after))
		}
	}
}

// tablePolicy is that of the table's site.
func tablePolicy(t *testing.T) firewall.Policy {
	t.Helper()
	s, err := site.Load(os.DirFS(filepath.Join("..", "flowtest", flowtest.Site)))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(s, plan.Learned{}).Firewall.Policy
}

// ban puts the bans of the table into the kernel.
func ban(t *testing.T, box netns) {
	t.Helper()
	for _, b := range flowtest.Bans() {
		set := map[bool]string{true: firewall.Banned4, false: firewall.BannedNet6}[b.Addr().Is4()]
		box.run(t, "nft add element inet "+firewall.TableName+" "+set+" { "+b.Addr().String()+" timeout 1h }")
	}
}

// counted are the counters that rose.
func counted(before, after map[string]int) (names []string) {
	for name, n := range after {
		if n != before[name] {
			names = append(names, name)
		}
	}
	return names
}
