package admin_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// leasing is a healthy appliance whose way out is leased, after a change of that.
func leasing(change func(*appliance, *client.Status)) appliance {
	return with(func(a *appliance) {
		const up = 24 * time.Hour
		c := client.Status{
			State: client.Bound, Carrier: true, Held: true,
			Facts: wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}, Gateway: gateway},
			Term:  wan.Term{Source: wan.FromDHCP, Server: gateway, Start: up, Renew: up + time.Hour, Rebind: up + 2*time.Hour, End: up + 3*time.Hour},
		}
		a.services = append(a.services, supervise.Status{Name: "wan", State: supervise.Ready, Since: time.Hour})
		a.wan = &wanrun.Status{Link: "eth0", Up: up, Client: &c}
		a.links[0].Wanted = nil // of the site, which has no address
		change(a, &c)
	})
}

// TestWANOfStatus: the way out is one line, and what is leased is missed as what the site says is.
func TestWANOfStatus(t *testing.T) {
	none := func(a *appliance, c *client.Status) {
		*c = client.Status{State: client.Selecting, Carrier: true, Ignored: c.Ignored}
		a.said = map[string]any{"wan": []string{"servers are asked for an address; no server has offered anything for 1m 2s"}}
		a.links[0].Addresses = nil
	}
	for _, tt := range []struct {
		name     string
		a        appliance
		row      string
		problems []string
	}{
		{"well", leasing(func(*appliance, *client.Status) {}), "dhcp, lease for another 3h; special address, not routed in the Internet", []string{}},
		{"not confirmed", leasing(func(a *appliance, c *client.Status) {
			c.Term.Unconfirmed = true
			a.said = map[string]any{"wan": []string{"192.0.2.10/24 from server 192.0.2.1; no server has answered 3 requests"}}
		}), "dhcp, lease for another 3h, unconfirmed; special address, not routed in the Internet",
			[]string{"wan: 192.0.2.10/24 from server 192.0.2.1; no server has answered 3 requests"}},
		{"none", leasing(none), "dhcp, no address: looks for a server",
			[]string{"wan: servers are asked for an address; no server has offered anything for 1m 2s"}},
		{"not applied", leasing(func(a *appliance, _ *client.Status) { a.machine.Routes, a.links[0].Addresses = nil, nil }),
			"dhcp, lease for another 3h; special address, not routed in the Internet", []string{
				"interface eth0 (wan) lacks its address 192.0.2.10/24", "the default route by 192.0.2.1 on eth0 is missing"}},
		{"static", healthy(), "", []string{}},
		{"silent", leasing(func(a *appliance, _ *client.Status) { a.hung, a.patience = []string{"wan"}, 2*time.Second }), "",
			[]string{"service wan does not answer within 2s: if that lasts, it is started again; gatehouse log wan"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, _, _ := tt.a.command(t, "status", "--json")
			var st admin.Status
			if err := json.Unmarshal([]byte(stdout), &st); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.problems, st.Problems); d != "" || (st.WAN != nil) != (tt.row != "") {
				t.Errorf("problems (-want +got):\n%s", d)
			}
			stdout, _, code := tt.a.command(t, "status")
			_, row, _ := strings.Cut(stdout, "\nwan             ")
			row, _, _ = strings.Cut(strings.ReplaceAll(row, "\n                ", " "), "\n")
			if row != tt.row || code != min(1, len(tt.problems)) {
				t.Errorf("exit status %d, %q, want %q in\n%s", code, row, tt.row, stdout)
			}
		})
	}
}

// TestWANCommand: the commands are there, for a lease and for an address of the site.
func TestWANCommand(t *testing.T) {
	a := leasing(func(_ *appliance, c *client.Status) { c.Facts.Gateway = netip.Addr{} }) // this machine's is not asked
	for args, want := range map[string]string{
		"wan":     "The way out by eth0 is 192.0.2.10.\n",
		"wan why": "eth0 has 192.0.2.10 because server 192.0.2.1 gave it",
	} {
		if stdout, stderr, _ := a.command(t, strings.Fields(args)...); !strings.HasPrefix(stdout, want) || stderr != "" {
			t.Errorf("%s: %s\n%s", args, stderr, stdout)
		}
	}
	if all := strings.Split(usage(t), "\n"); !slices.ContainsFunc(all, func(l string) bool { return strings.HasPrefix(l, "  gatehouse wan renew") }) {
		t.Errorf("no usage of wan renew in\n%s", strings.Join(all, "\n"))
	}
}

func usage(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	admin.Usage(&text, "wan")
	return text.String()
}
