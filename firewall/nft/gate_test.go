package nft

import (
	"slices"
	"testing"

	"github.com/google/nftables"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// TestGateStandsInTheChainsThatFilter: a gate in a chain of its own lets a packet pass now and then.
func TestGateStandsInTheChainsThatFilter(t *testing.T) {
	var got []string
	for _, rule := range closeGate(&nftables.Conn{}, &nftables.Table{Name: "t"}, []firewall.Chain{
		{Name: "antispoof", Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Prerouting}},
		{Name: "dstnat", Hook: &firewall.Hook{Type: firewall.NAT, Point: firewall.Prerouting}},
		{Name: "to the box", Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Input}},
		{Name: "through it", Hook: &firewall.Hook{Type: firewall.Filter, Point: firewall.Forwarding}},
		{Name: "no hook"},
	}) {
		got = append(got, rule.Chain.Name)
	}
	if want := []string{"to the box", "through it"}; !slices.Equal(got, want) {
		t.Errorf("gates in %q, want %q", got, want)
	}
}
