package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestFits: lists that the kernel has no memory for are refused before it panics over them.
func TestFits(t *testing.T) {
	const linux = 16 // MB that the kernel takes for itself of what a machine has
	for _, c := range []struct {
		megabytes, hosts, networks int
		fits                       bool
	}{
		{0, 0, 100_000, true}, // nobody knows the memory
		{96, 0, 18_000, true}, // as measured, and the next
		{96, 0, 20_000, false},
		{96, 10_000, 8_000, false},
		{128, 10_000, 15_000, true}, // as measured
		{128, 10_000, 17_000, false},
		{128, 0, 35_000, true},
		{128, 0, 38_000, false},
		{256, 0, 100_000, true},
	} {
		memory := uint64(max(c.megabytes-linux, 0)) << 20
		err := plan.Make(withList(t, c.hosts, c.networks), plan.Learned{Memory: memory}).Check(plan.Plan{})
		if (err == nil) != c.fits {
			t.Errorf("%d hosts and %d networks at %d MB: %v", c.hosts, c.networks, c.megabytes, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("MB of memory, and the machine has %d", c.megabytes-linux)) {
			t.Error(err)
		}
	}
}

// TestChecked: what a plan that works has in common with another is not looked at again, and all else is.
func TestChecked(t *testing.T) {
	s := withList(t, 0, 30_000)
	large, small := plan.Learned{Memory: 512 << 20}, plan.Learned{Memory: 60 << 20}
	works := plan.Make(s, large)
	if err := works.Check(plan.Plan{}); err != nil {
		t.Fatal(err)
	}
	fails := plan.Make(s, small)
	if fails.Check(works) == nil {
		t.Error("with less memory it is not looked at again")
	}
	fails = plan.Make(s, large)
	fails.Firewall.Policy.Zones = nil // its rules are about them
	if fails.Check(works) == nil {
		t.Error("another policy is not looked at")
	}
	if err := fails.Check(fails); err != nil {
		t.Errorf("the same policy is looked at again: %v", err)
	}
	for i, service := range fails.Services {
		if c, ok := service.Config.(dns.Config); ok {
			c.House.Domain = "no domain"
			fails.Services = slices.Clone(fails.Services)
			fails.Services[i].Config = c
		}
	}
	fails.Firewall = works.Firewall
	if fails.Check(works) == nil {
		t.Error("another configuration of a service is not looked at")
	}
}

// withList returns a site with so many further hosts, and networks on a list.
func withList(t *testing.T, hosts, networks int) *site.Site {
	t.Helper()
	var list strings.Builder
	for n := range networks {
		at := 11<<24 + n*512 // no two of them are one network
		fmt.Fprintf(&list, "%d.%d.%d.0/24\n", at>>24, at>>16&255, at>>8&255)
	}
	files := siteFiles(t, "home")
	files["site.toml"] = &fstest.MapFile{Data: append(files["site.toml"].Data, "\n[firewall.list]\nblocked = \"blocked.list\"\n"+
		"[[firewall.deny]]\nname = \"blocked\"\nfrom = \"any\"\nto = \"blocked\"\n"...)}
	var lines strings.Builder
	for n := range hosts {
		fmt.Fprintf(&lines, "10.%d.%d.%d host%d\n", n>>16, n>>8&255, n&255, n)
	}
	files["hosts"] = &fstest.MapFile{Data: append(files["hosts"].Data, lines.String()...)}
	files["blocked.list"] = &fstest.MapFile{Data: []byte(list.String())}
	s, err := site.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
