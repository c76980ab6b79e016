package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// What is sent must be what every host would take, checksums included.
func TestFrame(t *testing.T) {
	f := flow{netip.MustParseAddrPort("10.9.1.2:20001"), netip.MustParseAddrPort("198.51.100.1:9")}
	p := gopacket.NewPacket(f.frame(boxMAC(fromLAN)), layers.LayerTypeEthernet, gopacket.Default)
	if failed := p.ErrorLayer(); failed != nil {
		t.Fatal(failed.Error())
	}
	if err := p.TransportLayer().(*layers.UDP).SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
		t.Fatal(err)
	}
	if err, mismatches := p.VerifyChecksums(); err != nil || len(mismatches) > 0 {
		t.Errorf("checksums: %v, %v", err, mismatches)
	}
	if got := p.NetworkLayer().NetworkFlow().String() + " " + p.TransportLayer().TransportFlow().String(); got != "10.9.1.2->198.51.100.1 20001->9" {
		t.Errorf("it goes %s", got)
	}
}

// A benchmark of rules that nobody's traffic meets would show nothing.
func TestPoliciesAreThatLarge(t *testing.T) {
	count := func(p firewall.Policy) (rules, elements int) {
		table, err := firewall.Compile(p, firewall.Features{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range table.Chains {
			rules += len(c.Rules)
		}
		for _, s := range table.Sets {
			elements += len(s.Elements)
		}
		return rules, elements
	}
	if rules, elements := count(large()); rules < listedRules || elements < listedNetworks {
		t.Errorf("%d rules, %d elements", rules, elements)
	}
	if rules, _ := count(grown(100 * few)); rules < 200*few {
		t.Errorf("%d rules", rules)
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	err := write(&b, []row{
		{"met", []float64{96, 5, 97, 98}, []float64{100, 5, 100, 100}, atLeast, 0.95},
		{"missed", []float64{3, 3, 3}, []float64{1, 1, 1}, atMost, 2},
		{"without", []float64{2000}, []float64{1000}, noBound, 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `          ours               peer                  ratio   target
met       97.0 (96.0…97.0)   100.0 (100.0…100.0)   0.980   ≥ 0.95
missed    3.0 (3.0…3.0)      1.0 (1.0…1.0)         3.000   ≤ 2.00  MISSED
without   2k (2k…2k)         1k (1k…1k)            2.000   
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
