package rtnl

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// TestUnreachable: an unreachable route stands beside the kernel's own to the same network, which is used
// while its link is there; and it goes when it is not wanted any more. (The tunnel itself is for the
// appliance's own kernel: image/vmtest.)
func TestUnreachable(t *testing.T) {
	enterBox(t)
	plan := plain()
	plan.Addresses = append(plan.Addresses, address("eth1", "2001:db8:1f0b:1::1/64"))
	for _, p := range []string{"2001:db8:1f0b:1::/64", "2001:db8:abcd::/48"} {
		plan.Routes = append(plan.Routes, netcfg.Route{To: prefix(p), Unreachable: true})
	}
	apply(t, plan)
	leads := func(to, want string) {
		t.Helper()
		if got := fate(t, to); got != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
	}
	leads("2001:db8:1f0b:1::50", "eth1")
	leads("2001:db8:abcd:7::1", "unreachable")
	leads("2001:db8:99::1", "eth0")
	plan.Addresses = plan.Addresses[:3]
	apply(t, plan)
	leads("2001:db8:1f0b:1::50", "unreachable")
	plan.Routes = plain().Routes
	apply(t, plan)
	leads("2001:db8:abcd:7::1", "eth0")
}

// fate is the link that packets to an address leave by, or "unreachable".
func fate(t *testing.T, to string) string {
	t.Helper()
	out, err := exec.Command("ip", "-6", "route", "get", to).CombinedOutput()
	switch _, after, ok := strings.Cut(string(out), " dev "); {
	case strings.Contains(string(out), "unreachable") || strings.Contains(string(out), "No route to host"):
		return "unreachable"
	case err != nil || !ok:
		t.Fatalf("ip -6 route get %s: %v\n%s", to, err, out)
		return ""
	default:
		return strings.Fields(after)[0]
	}
}
