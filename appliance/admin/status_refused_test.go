package admin_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/machine/growth"
)

// TestRefused: each counter that the machine is asked for has words of its own, and where to look.
func TestRefused(t *testing.T) {
	all := []machine.Counter{
		machine.ConntrackDrop, machine.ConntrackEarlyDrop, machine.ConntrackInsertFailed, machine.ARPTableFulls, machine.NDiscTableFulls,
		machine.SoftnetDropped, machine.UDPReceiveBuffer, machine.UDP6ReceiveBuffer, machine.Reassembly, machine.Reassembly6,
		machine.ListenOverflows, machine.OOMKills,
	}
	seen := map[string]bool{}
	for _, c := range all {
		a := with(func(a *appliance) { a.box.Refused = []growth.Grown[machine.Counter]{{Counter: c, By: 7}} })
		stdout, _, code := a.command(t, "status", "--json")
		var st admin.Status
		if err := json.Unmarshal([]byte(stdout), &st); err != nil {
			t.Fatal(err)
		}
		if code != 1 || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], ": 7 in the last 10m, first 0s ago; ") {
			t.Fatalf("%s: exit status %d, %q", c, code, st.Problems)
		}
		if p := st.Problems[0]; seen[p] || strings.Contains(p, string(c)) {
			t.Errorf("%s has no words of its own: %s", c, p)
		} else {
			seen[p] = true
		}
	}
	for c := range admin.Notable() {
		if !slices.Contains(all, c) {
			t.Errorf("nobody counts %s", c)
		}
	}
}
