package admin_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// TestHostStations: a host is shown with the IPv6 addresses that its cards have made, and no others.
func TestHostStations(t *testing.T) {
	b := newBox(t)
	b.site.LANs[0].IPv6 = []netip.Prefix{netip.MustParsePrefix("fd00:0:0:32::1/64")}
	made := []stationfile.Station{}
	for i, a := range []string{"fd00::32:216:3eff:fe20:11", "fd00::32:0:0:1234", "fd00::32:216:3eff:fe20:12"} {
		made = append(made, stationfile.Station{
			Current: i != 1, Kind: []stations.Kind{stations.EUI64, stations.Stable, stations.EUI64}[i], Addr: netip.MustParseAddr(a),
			MAC: ethernet.MAC{0, 0x16, 0x3e, 0x20, 0, 0x11 + byte(i/2)}, Network: "lan", First: now.Add(-time.Hour), Last: now.Add(-5 * time.Minute),
		})
	}
	stdout, stderr, code := b.command("host", "web1")
	if code != 0 || !strings.Contains(stderr, "Which IPv6 addresses it has made is not known") {
		t.Errorf("while nobody knows: exit status %d, %s%s", code, stdout, stderr)
	}
	l, err := control.Listen(b.dir, roster.Radvd)
	if err != nil {
		t.Fatal(err)
	}
	b.background(func(ctx context.Context) error { return control.Serve(ctx, l, control.Mux{"stations": answer(made)}) })
	stdout, stderr, code = b.command("host", "web1")
	const want = "LAN MADE BY ITSELF MAC KIND LAST SEEN lan fd00::32:216:3eff:fe20:11 00:16:3e:20:00:11 eui64 5m ago " +
		"lan fd00::32:0:0:1234 00:16:3e:20:00:11 stable, of a prefix that is gone 5m ago"
	if !strings.HasSuffix(squeeze(stdout), want) || code != 0 || stderr != "" {
		t.Errorf("exit status %d, %s%s", code, stderr, stdout)
	}
	if stdout, _, _ = b.command("host", "web1", "--json"); !strings.Contains(stdout, `"kind": "eui64"`) {
		t.Errorf("--json: %s", stdout)
	}
}

// squeeze has one space for several.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
