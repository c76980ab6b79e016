package nft_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/nftables"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// generation is how often the ruleset of a namespace was changed.
func generation(t *testing.T, ns netns) (id uint32) {
	t.Helper()
	ns.do(t, func() {
		conn, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		g, err := conn.GetGen()
		if err != nil {
			t.Fatal(err)
		}
		id = g.ID
	})
	return id
}

// at is a policy whose appliance has an address in the zone upstream.
func at(t *testing.T, p firewall.Policy, addr string) firewall.Policy {
	t.Helper()
	i := slices.IndexFunc(p.Zones, func(z firewall.Zone) bool { return z.Outside })
	if i < 0 {
		t.Fatal("the policy has no zone upstream")
	}
	p.Zones = slices.Clone(p.Zones)
	p.Zones[i].Own = []netip.Addr{netip.MustParseAddr(addr)}
	return p
}

// TestOwnerLoadsWhatIsNew: another address upstream is another policy, but the rules ask the kernel which
// addresses are its own.
func TestOwnerLoadsWhatIsNew(t *testing.T) {
	offering := policyFile(t, "home")
	home := offering
	home.Forwards = nil
	ns := newNetns(t, "owner")
	var o nft.Owner
	set := func(p firewall.Policy) (changed bool) {
		t.Helper()
		before := generation(t, ns)
		ns.do(t, func() {
			if err := o.Set(firewall.Loaded{Policy: p}); err != nil {
				t.Fatal(err)
			}
		})
		changed = generation(t, ns) != before
		if diff := differs(t, ns, compile(t, p)); diff != nil {
			t.Errorf("the kernel has other rules: %q", diff)
		}
		return changed
	}
	for i, step := range []struct {
		policy  firewall.Policy
		changes bool
	}{
		{at(t, home, "198.18.7.20"), true},
		{at(t, home, "198.18.7.21"), false},
		{at(t, offering, "198.18.7.21"), true},
		{at(t, offering, "198.18.7.21"), false},
		{at(t, offering, "198.18.7.22"), false},
		{at(t, home, "198.18.7.22"), true},
	} {
		if got := set(step.policy); got != step.changes {
			t.Errorf("%d: rules were loaded: %t, want %t", i, got, step.changes)
		}
	}
}

// TestOwnerAsksTheKernelOnce: it says what the kernel would say, whatever devices there are.
func TestOwnerAsksTheKernelOnce(t *testing.T) {
	ns := newNetns(t, "asks")
	var o nft.Owner
	compare := func(when string) {
		t.Helper()
		ns.do(t, func() {
			names := []string{"eth0", "eth1", "eth7"}
			want := nft.Offload(names)
			for range 2 {
				if got := o.Offload(names); !slices.Equal(got, want) {
					t.Errorf("%s: %q, the kernel says %q", when, got, want)
				}
			}
			before := generation(t, ns)
			o.Offload(names)
			if after := generation(t, ns); after != before {
				t.Errorf("%s: it was asked again", when)
			}
		})
	}
	compare("without devices")
	ns.run(t, "ip link add eth0 type veth peer name eth1")
	compare("with two")
	ns.run(t, "ip link del eth0")
	compare("when they are gone")
	ns.run(t, "ip link add eth0 type veth peer name eth7")
	compare("with others")
}
