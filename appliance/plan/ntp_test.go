package plan_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// TestProvidersTime: "wan" is all whom the provider names, over IPv4 and IPv6, by addresses and names, each
// once; and nobody where the site does not say so.
func TestProvidersTime(t *testing.T) {
	for servers, want := range map[string]string{
		`"wan"`:                   "203.0.112.123 192.0.2.123 2001:db8:4300::123 time.isp.example time.example",
		`["time.example", "wan"]`: "time.example 203.0.112.123 192.0.2.123 2001:db8:4300::123 time.isp.example",
		`["192.0.2.123", "wan"]`:  "192.0.2.123 203.0.112.123 2001:db8:4300::123 time.isp.example time.example",
		`"192.0.2.123"`:           "192.0.2.123",
	} {
		s := upstream(t, "ipv4 = \"dhcp\"\nipv6 = \"auto\"\n[ntp]\nservers = "+servers+"\n")
		p := plan.Make(s, plan.Learned{WAN: provided(), WAN6: provided6()})
		if err := p.Check(plan.Plan{}); err != nil {
			t.Error(err)
		}
		var got []string
		for _, source := range configOf[ntp.Config](t, p, roster.NTP).Sources {
			got = append(got, source.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: follows %v, want %s", servers, got, want)
		}
	}
}
