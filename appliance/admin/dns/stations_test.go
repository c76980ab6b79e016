package dns_test

import (
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// TestWhyStations: an address that a host has made is said to be one, with what is known of it, by its name
// and by itself.
func TestWhyStations(t *testing.T) {
	const reverse = "5.0.0.0.0.0.e.f.f.f.e.3.6.1.2.0.0.0.0.0.2.3.0.0.0.0.0.0.0.0.d.f.ip6.arpa."
	b := &box{leases: leasesOf(), why: map[string]run.Why{
		"laptop.home.example. AAAA": {Name: "laptop.home.example.", Type: "AAAA", By: "house", Rcode: "NOERROR",
			Records: []string{record("laptop.home.example. 60 IN AAAA fd00:0:32:0:216:3eff:fe00:5")}},
		reverse + " PTR": {Name: reverse, Type: "PTR", By: "house", Rcode: "NOERROR",
			Records: []string{record(reverse + " 60 IN PTR laptop.home.example.")}},
	}}
	for i, a := range []string{"fd00:0:32:0:216:3eff:fe00:5", "fd00:0:32::1234"} {
		b.made = append(b.made, stationfile.Station{
			Current: true, Kind: []stations.Kind{stations.EUI64, stations.Other}[i], Addr: addr(a), MAC: ethernet.MAC{0, 0x16, 0x3e, 0, 0, 5},
			Network: "lan", First: now.Add(-time.Hour), Last: now.Add(-5 * time.Minute),
		})
	}
	b.start(t)
	text := story(t, b.env, "why laptop AAAA", "why fd00:0:32:0:216:3eff:fe00:5")
	admintest.Golden(t, *update, "why-stations.txt", text)
}
