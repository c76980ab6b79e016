package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestFits: lists that the kernel has no memory for are refused before it panics over them.
func TestFits(t *testing.T) {
	const linux = 14 // MB that the kernel takes for itself of what a machine has
	for _, c := range []struct {
		megabytes, networks int
		fits                bool
	}{
		{0, 100_000, true}, // nobody knows the memory
		{96, 22_000, true}, // as measured, and the next
		{96, 30_000, false},
		{128, 38_000, true},
		{128, 45_000, false}, // loaded, but a command that read them was killed
		{256, 100_000, true},
	} {
		memory := uint64(max(c.megabytes-linux, 0)) << 20
		err := plan.Make(withList(t, c.networks), plan.Learned{Memory: memory}).Check()
		if (err == nil) != c.fits {
			t.Errorf("%d networks at %d MB: %v", c.networks, c.megabytes, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("MB of memory, and the machine has %d", c.megabytes-linux)) {
			t.Error(err)
		}
	}
}

// withList returns a site with so many networks on a list.
func withList(t *testing.T, networks int) *site.Site {
	t.Helper()
	var list strings.Builder
	for n := range networks {
		at := 11<<24 + n*512 // no two of them are one network
		fmt.Fprintf(&list, "%d.%d.%d.0/24\n", at>>24, at>>16&255, at>>8&255)
	}
	files := siteFiles(t, "home")
	files["site.toml"] = &fstest.MapFile{Data: append(files["site.toml"].Data, "\n[firewall.list]\nblocked = \"blocked.list\"\n"+
		"[[firewall.deny]]\nname = \"blocked\"\nfrom = \"any\"\nto = \"blocked\"\n"...)}
	files["blocked.list"] = &fstest.MapFile{Data: []byte(list.String())}
	s, err := site.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
