package ipv6_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/ipv6"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

// now is the time of day at which the machine has been up for a day.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const up = 24 * time.Hour

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// A box is what the commands are asked about. Services answer on real control sockets; nil: one does not run.
type box struct {
	toml     string
	learned  plan.Learned
	told     *run.Status
	stations []stationfile.Station
	wan      *wanrun.Status
	tunnel   *tunnelrun.Status
}

// both has a delegated prefix, a tunnel and a ULA; lab is without the latter two.
const both = `ipv6 = "auto"
delegation = 56
[tunnel]
server = "203.0.113.30"
ipv6 = "2001:db8:1f0a:1::2/64"
routed = "2001:db8:abcd::/48"
[ipv6]
ula = "fd4a:1c2e:93b7::/48"
[[lan]]
name = "lab"
interface = "eth2"
ipv4 = "192.168.33.1/24"
ipv6 = ["2001:db8:50:33::1/64", "delegated"]
subnet = 7
[[lan]]
name = "old"
interface = "eth3"
ipv4 = "192.168.34.1/24"
ipv6 = "off"
`

// env serves the control sockets.
func (b *box) env(t *testing.T) ipv6.Env {
	t.Helper()
	dir := admintest.RunDir(t)
	if err := shown.WriteLearned(dir, b.learned); err != nil {
		t.Fatal(err)
	}
	if b.told != nil {
		admintest.Serve(t, dir, roster.Radvd, control.Mux{"status": admintest.Says(b.told), "stations": admintest.Says(b.stations)})
	}
	if b.wan != nil {
		admintest.Serve(t, dir, roster.WAN, control.Mux{"status": admintest.Says(b.wan)})
	}
	if b.tunnel != nil {
		admintest.Serve(t, dir, roster.Tunnel, control.Mux{"status": admintest.Says(b.tunnel)})
	}
	return ipv6.Env{
		RunDir: dir, Site: b.site, Now: func() time.Time { return now }, Uptime: func() time.Duration { return up },
	}
}

func (b *box) site() (*site.Site, error) {
	return admintest.Site(admintest.Static+b.toml, "192.168.32.11 web1\n", "00:16:3e:20:00:11 web1\n")
}

// story runs all commands, and returns what was printed as a terminal has it.
func story(t *testing.T, env ipv6.Env) string {
	t.Helper()
	var text strings.Builder
	for _, c := range []struct {
		line string
		run  func(context.Context, ipv6.Env, []string) error
		args []string
	}{
		{"ipv6", ipv6.Status, nil}, {"ipv6 why", ipv6.Why, nil}, {"ipv6 hosts -a", ipv6.Hosts, []string{"-a"}},
	} {
		var out bytes.Buffer
		env.Stdout = &out
		err := c.run(t.Context(), env, c.args)
		fmt.Fprintf(&text, "$ gatehouse %s\n%s", c.line, out.String())
		if err != nil {
			fmt.Fprintf(&text, "(%v)\n", err)
		}
		problems := strings.Contains(out.String(), "\n! ")
		if errors.Is(err, cli.ErrProblems) != problems {
			t.Errorf("%s: problems %v, %v", c.line, problems, err)
		}
		text.WriteByte('\n')
	}
	return strings.ReplaceAll(text.String(), env.RunDir, "DIR")
}

// well is a box where all is as it should be.
func well() *box {
	d := wan.Delegation{Prefix: prefix("2001:db8:100::/56"), Preferred: up + 30*time.Minute, Valid: up + time.Hour}
	gateway := netip.MustParseAddr("fe80::1")
	laptop := ethernet.MAC{0, 0, 0x5e, 0, 0x53, 0x21}
	station := func(addr string, mac ethernet.MAC, ago time.Duration, current bool, kind stations.Kind) stationfile.Station {
		return stationfile.Station{Current: current, Kind: kind, Addr: netip.MustParseAddr(addr), MAC: mac, Network: "lan",
			First: now.Add(-time.Hour), Last: now.Add(-ago)}
	}
	return &box{
		toml: both,
		learned: plan.Learned{
			WAN6:   &wan.Facts6{Gateway: gateway, Delegated: []wan.Delegation{d}},
			Tunnel: &plan.Tunnel{Up: true},
		},
		told: &run.Status{Up: up, LANs: []radvd.LANStatus{lan(), lab()}},
		stations: []stationfile.Station{
			station("2001:db8:100:0:200:5eff:fe00:5321", laptop, 2*time.Minute, true, stations.EUI64),
			station("fd4a:1c2e:93b7:0:9a1:22:333:4444", laptop, time.Minute, true, stations.Stable),
			station("2001:db8:bad::17", laptop, 3*time.Hour, false, stations.Other),
			station("2001:db8:100::11", ethernet.MAC{0, 0x16, 0x3e, 0x20, 0, 0x11}, time.Second, true, stations.Stable),
		},
		wan: &wanrun.Status{Link: "eth0", Static4: true, Up: up, IPv6: &wanrun.Status6{
			Discovery: &discover6.Status{Heard: 4, Routers: []discover6.Router{{Addr: gateway, Until: up + time.Hour, InUse: true}}},
			Client:    &client6.Status{State: client6.Bound, Wants: true, Text: "2001:db8:100::/56 for another 1h"},
			Events: []wanrun.Event6{
				{Name: "router6", Text: "router fe80::1; heard from fe80::1", At: up - 2*time.Hour},
				{Name: "bound6", Cause: "answered", Text: "from server 00030001: 2001:db8:100::/56 for another 1h", At: up - time.Hour},
			},
		}},
		tunnel: &tunnelrun.Status{Now: up, Status: tunnel6in4.Status{
			State: tunnel6in4.StateUp, Why: "2001:db8:1f0a:1::1 answers through it.",
			Events: []tunnel6in4.Event{{At: up - 90*time.Minute, Text: "2001:db8:1f0a:1::1 answers"}},
		}},
	}
}

// lan is what hosts of the first LAN are told, lab those of the second.
func lan() radvd.LANStatus {
	const half, hour = 45 * time.Minute, 90 * time.Minute
	return radvd.LANStatus{
		LAN: "lan", Link: "eth1", Up: true, State: radvd.LinkState{Known: true, Carrier: true, Forwarding: true},
		Last: up - 2*time.Minute, Next: up + 6*time.Minute, Old: []radvd.Old{{Prefix: prefix("2001:db8:bad::/64"), Left: time.Hour}},
		Advertised: []advert.Advertisement{{
			Lifetime: half, MTU: 1480, Prefixes: []advert.Prefix{
				{Prefix: prefix("2001:db8:abcd::/64"), Valid: hour}, {Prefix: prefix("2001:db8:100::/64"), Preferred: 30 * time.Minute, Valid: time.Hour},
				{Prefix: prefix("fd4a:1c2e:93b7::/64"), Preferred: half, Valid: hour},
			},
			Resolvers: []advert.Resolvers{{Servers: []netip.Addr{netip.MustParseAddr("fd4a:1c2e:93b7::1")}, Lifetime: half}},
			Search:    []advert.Search{{Domains: []string{"home.example"}, Lifetime: half}},
			Routes: []advert.Route{{Prefix: prefix("2001:db8:100::/56"), Lifetime: half},
				{Prefix: prefix("2001:db8:bad::/56")}},
			CaptivePortal: "https://portal.home.example/api", NAT64: []advert.NAT64{{Prefix: prefix("64:ff9b::/96"), Lifetime: half}},
		}},
	}
}

func lab() radvd.LANStatus {
	l := lan()
	l.LAN, l.Link, l.Old, l.Last, l.Next = "lab", "eth2", nil, radvd.Never, radvd.Never
	l.Up, l.Advertised, l.State.Carrier = false, nil, false
	return l
}

// rogue is a router that says other things.
func rogue() radvd.Other {
	return radvd.Other{
		From: netip.MustParseAddr("fe80::bad"), MAC: ethernet.MAC{0, 0x16, 0x3e, 0, 0, 5}, Last: up - time.Minute, Lifetime: 30 * time.Minute,
		Prefixes: []netip.Prefix{prefix("2001:db8:bad::/64")}, Contradicts: []string{"the MTU is 1400, ours 1480"},
	}
}

// TestCommands compares what people are shown with testdata, in 80 columns.
func TestCommands(t *testing.T) {
	hostile := strings.Repeat("\x1b[2J go away ", 200)
	for name, change := range map[string]func(*box){
		"well": func(*box) {},
		"nothing": func(b *box) {
			b.learned, b.stations = plan.Learned{}, nil
			b.wan.IPv6 = &wanrun.Status6{Absent: true}
			b.tunnel.State, b.tunnel.Why = tunnel6in4.StateDown, "203.0.113.30 does not answer."
			b.told.LANs[0].Advertised[0].Lifetime = 0
		},
		"withdrawn": func(b *box) {
			b.learned.WAN6.Delegated = nil
			b.wan.IPv6.Client = &client6.Status{State: client6.Soliciting, Wants: true,
				Text: "nothing is leased yet; no server has answered 5 messages in 1m"}
		},
		"small": func(b *box) {
			b.learned.WAN6.Delegated[0].Prefix, b.learned.WAN6.Delegated[0].Preferred = prefix("2001:db8:100::/62"), up-time.Minute
		},
		"rogue": func(b *box) {
			b.told.LANs[0].Others = []radvd.Other{rogue()}
			b.told.Problems = []string{"LAN lan (eth1): another router advertises itself: fe80::bad (00:16:3e:00:00:05)"}
		},
		"mute": func(b *box) {
			b.learned.WAN6.Gateway, b.wan.IPv6.Discovery.Routers[0].InUse = netip.Addr{}, false
			b.wan.IPv6.Discovery.Routers[0].Silent = up - 95*time.Second
		},
		"silent":  func(b *box) { b.told, b.wan, b.tunnel = nil, nil, nil },
		"hostile": func(b *box) { b.told.Problems = []string{hostile}; b.wan.IPv6.Events[0].Text = hostile },
		"local": func(b *box) {
			b.toml, b.learned = "[ipv6]\nula = \"auto\"\n", plan.Learned{ULA: prefix("fd00:1:2::/48")}
		},
		"off": func(b *box) { b.toml = "" },
	} {
		t.Run(name, func(t *testing.T) {
			b := well()
			change(b)
			got := story(t, b.env(t))
			admintest.Safe(t, got, 80, "(")
			if s, err := b.site(); err != nil {
				t.Fatal(err)
			} else if b.toml != "" {
				got += "status: " + ipv6.Line(plan.IPv6Of(s, b.learned), up) + "\n"
			}
			admintest.Golden(t, *update, name+".txt", got)
		})
	}
}

// TestArguments: words, LANs that are none, and JSON that is what it says.
func TestArguments(t *testing.T) {
	env := well().env(t)
	var out bytes.Buffer
	env.Stdout = &out
	if err := ipv6.Status(t.Context(), env, []string{"lan"}); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("with a word too many: %v", err)
	}
	if err := ipv6.Why(t.Context(), env, []string{"lna"}); err == nil || !strings.Contains(err.Error(), "lna is no LAN") {
		t.Errorf("of no LAN: %v", err)
	}
	out.Reset()
	if err := ipv6.Why(t.Context(), env, []string{"old"}); err != nil || !strings.Contains(out.String(), `ipv6 = "off"`) {
		t.Errorf("of one without: %v\n%s", err, out.String())
	}
	out.Reset()
	var r ipv6.Report
	if err := errors.Join(ipv6.Status(t.Context(), env, []string{"--json"}), json.Unmarshal(out.Bytes(), &r)); err != nil {
		t.Fatal(err)
	}
	if len(r.LANs) != 2 || r.LANs[0].Hosts != 2 || r.LANs[0].Addresses != 3 || len(r.LANs[0].Networks) != 3 || len(r.Ways) != 2 ||
		r.Up != up || r.LANs[1].Networks[1].Prefix != prefix("2001:db8:100:7::/64") {
		t.Errorf("%+v", r)
	}
	off := (&box{}).env(t)
	off.Stdout = &out
	out.Reset()
	if err := ipv6.Why(t.Context(), off, []string{"lan"}); err != nil || !strings.Contains(out.String(), "the site gives it no address") {
		t.Errorf("of a site without: %v\n%s", err, out.String())
	}
}
