package dns_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/dns"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// A box is what the commands are asked about: its services answer on real control sockets.
type box struct {
	status  run.Status
	why     map[string]run.Why // by name and type
	log     []run.Line
	leases  []dhcp.LeaseInfo
	made    []stationfile.Station
	silent  bool // DHCP does not run
	hung    bool // it does not answer
	asked   []string
	siteErr error
	env     dns.Env
}

// addr is an address of the test.
func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func loadSite(t *testing.T) *site.Site {
	t.Helper()
	s, err := admintest.Site("ipv6 = \"fd00:32::1/64\"\npool = \"192.168.32.100-192.168.32.199\"\n",
		"192.168.32.10 web www\nfd00:32::10 web\n192.168.32.20 printer\n", "00:00:5e:00:53:20 printer\n00:00:5e:00:53:21 tablet\n")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leasesOf are those of the house: one that runs, one that has ended.
func leasesOf() []dhcp.LeaseInfo {
	return []dhcp.LeaseInfo{
		{Subnet: "lan", Addr: addr("192.168.32.100"), MAC: lease.MAC{2, 0, 0, 0, 0, 1}, Name: "laptop", State: "bound", Expires: now.Add(time.Hour)},
		{Subnet: "lan", Addr: addr("192.168.32.101"), MAC: lease.MAC{2, 0, 0, 0, 0, 2}, Name: "phone", State: "free", Expires: now.Add(-2 * time.Hour)},
		{Subnet: "lan", Addr: addr("192.168.32.102"), MAC: lease.MAC{2, 0, 0, 0, 0, 3}, State: "bound", Expires: now.Add(time.Hour)},
	}
}

// start serves the control sockets.
func (b *box) start(t *testing.T) {
	t.Helper()
	dir := admintest.RunDir(t)
	admintest.Serve(t, dir, "dns", control.Mux{
		"status": func(_ context.Context, _ json.RawMessage, send func(any) error) error { return send(b.status) },
		"why": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			b.asked = append(b.asked, string(raw))
			var args run.WhyArgs
			if err := json.Unmarshal(raw, &args); err != nil {
				return err
			}
			w, ok := b.why[strings.ToLower(args.Name)+" "+args.Type]
			if !ok {
				return fmt.Errorf("the test has no %s %s", args.Name, args.Type)
			}
			return send(w)
		},
		"flush": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			b.asked = append(b.asked, string(raw))
			return send(len(b.asked) + 1)
		},
		"log": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			b.asked = append(b.asked, string(raw))
			var args run.LogArgs
			if err := json.Unmarshal(raw, &args); err != nil {
				return err
			}
			for _, l := range b.log {
				if args.Client.IsValid() && args.Client != l.From {
					continue
				}
				if err := send(l); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if b.made != nil {
		admintest.Serve(t, dir, "radvd", control.Mux{"stations": admintest.Says(b.made)})
	}
	if !b.silent {
		admintest.Serve(t, dir, "dhcp", control.Mux{
			"leases": func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
				if b.hung {
					<-ctx.Done()
				}
				return send(b.leases)
			},
		})
	}
	s := loadSite(t)
	b.env = dns.Env{RunDir: dir, Now: func() time.Time { return now }, Site: func() (*site.Site, error) { return s, b.siteErr }}
}

// command runs a command line that begins behind "gatehouse dns".
func command(t *testing.T, env dns.Env, line string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	env.Stdout = &out
	args := strings.Fields(line)
	run := dns.Status
	if of := map[string]func(context.Context, dns.Env, []string) error{
		"why": dns.Why, "query": dns.Query, "flush": dns.Flush, "log": dns.Log,
	}; len(args) > 0 && of[args[0]] != nil {
		run, args = of[args[0]], args[1:]
	}
	err := run(t.Context(), env, args)
	return out.String(), err
}

// story runs commands and returns what was printed, as a terminal has it.
func story(t *testing.T, env dns.Env, lines ...string) string {
	t.Helper()
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "%s\n", strings.TrimSpace("$ gatehouse dns "+line))
		out, err := command(t, env, line)
		text.WriteString(out)
		if err != nil {
			fmt.Fprintf(&text, "! %v\n", err)
		}
		if !strings.HasSuffix(text.String(), "\n\n") {
			text.WriteByte('\n')
		}
	}
	return text.String()
}
