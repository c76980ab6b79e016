package clock_test

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
	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

const up = 24 * time.Hour

// A box is what the commands are asked about. The service answers on a real control socket; nil: it does not
// run.
type box struct {
	toml    string
	clock   *run.Status
	sources run.Sources
	clients run.Clients
	leases  []dhcp.LeaseInfo
}

// env serves the control sockets.
func (b *box) env(t *testing.T) clock.Env {
	t.Helper()
	dir := admintest.RunDir(t)
	if b.clock != nil {
		admintest.Serve(t, dir, roster.NTP, control.Mux{"status": admintest.Says(b.clock), "sources": admintest.Says(b.sources), "clients": b.answerClients})
	}
	admintest.Serve(t, dir, roster.DHCP, control.Mux{"leases": admintest.Says(b.leases)})
	return clock.Env{RunDir: dir, Site: b.site}
}

// answerClients answers with no more of them than are wanted, as the service does.
func (b *box) answerClients(_ context.Context, raw json.RawMessage, send func(any) error) error {
	var args run.ClientsArgs
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	some := b.clients
	some.Clients = some.Clients[:min(args.Most, len(some.Clients))]
	return send(some)
}

func (b *box) site() (*site.Site, error) {
	return admintest.Site(admintest.Static+b.toml, "192.168.32.11 web1\n", "00:16:3e:20:00:11 web1\n")
}

// story runs the commands, and returns what they print.
func story(t *testing.T, env clock.Env) string {
	t.Helper()
	var text strings.Builder
	for _, c := range []struct {
		line string
		run  func(context.Context, clock.Env, []string) error
	}{{"time", clock.Status}, {"time why", clock.Why}, {"time clients", clock.Clients}} {
		var out bytes.Buffer
		env.Stdout = &out
		err := c.run(t.Context(), env, nil)
		fmt.Fprintf(&text, "$ gatehouse %s\n%s", c.line, out.String())
		if err != nil {
			fmt.Fprintf(&text, "(%v)\n", err)
		}
		if problems := strings.Contains(out.String(), "\n! "); errors.Is(err, cli.ErrProblems) != problems {
			t.Errorf("%s: problems %v, %v", c.line, problems, err)
		}
		text.WriteByte('\n')
	}
	return strings.ReplaceAll(text.String(), env.RunDir, "DIR")
}

// well is a box that follows two of three sources.
func well() *box {
	const us = time.Microsecond
	source := func(name, addr, why string, offset time.Duration) run.Source {
		return run.Source{
			Name: name, Addr: addr, Why: why, Used: why == "is followed", Reach: 0xff, Poll: 64 * time.Second, Next: 20 * time.Second,
			Heard: 44 * time.Second, Samples: 12, Offset: offset, Delay: 4210 * us, Jitter: 31 * us, Distance: 12400 * us,
			Stratum: 2, RefID: "192.0.2.200", Counts: client.Counts{Sent: 200, Good: 198, Lost: 2},
		}
	}
	address := netip.MustParseAddr
	return &box{
		toml: "[ntp]\nservers = [\"192.0.2.123\", \"time.example\", \"old.example\"]\n",
		clock: &run.Status{
			Report: run.Report{Synchronised: true, Since: up - 3*time.Hour, Stratum: 3, Offset: 12 * us, Steps: 1, LastStep: -1530 * time.Millisecond},
			Up:     up, Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), RefID: "192.0.2.123", RootDelay: 9800 * us, RootDispersion: 1100 * us,
			Reference: 44 * time.Second, Server: "192.0.2.123", Error: 17 * us, Frequency: -12.3456, FrequencyError: 0.021,
			Kernel: kernel.State{Frequency: -12.3456, Synchronised: true, MaxError: 6 * time.Millisecond},
			Kept:   run.Kept{Time: time.Date(2026, 5, 1, 11, 30, 0, 0, time.UTC), Frequency: -12.34, Error: 0.02},
			Host:   &run.Host{Clock: "KVM virtual PTP", Offset: -88 * us}, Answers: server.Counts{Answered: 4120, Unsynchronised: 3, Rated: 7},
		},
		sources: run.Sources{Up: up, State: "synchronised", Known: true, Servers: []run.Source{
			source("192.0.2.123", "192.0.2.123", "is followed", 9*us), source("time.example", "2001:db8:100:200:300:400:500:123", "is followed", -40*us),
			source("old.example", "198.51.100.7", "contradicts the majority", 400*time.Second),
		}},
		clients: run.Clients{Up: up, Known: 120, Clients: []server.Client{
			{Addr: address("192.168.32.11"), First: time.Hour, Last: up - 12*time.Second, Interval: 64 * time.Second, Asked: 1300, Version: 4},
			{Addr: address("192.168.32.100"), First: time.Hour, Last: up - 90*time.Second, Interval: 400 * time.Millisecond, Asked: 90000, Limited: 88000, Version: 3},
			{Addr: address("2001:db8:100:200:300:400:500:600"), First: time.Hour, Last: time.Hour, Asked: 1, Version: 4},
		}},
		leases: []dhcp.LeaseInfo{{Addr: address("192.168.32.100"), Name: "phone"}, {Addr: address("192.168.32.11"), Name: "liar"}},
	}
}

// lost has the clock follow nobody any more, for this reason.
func (b *box) lost(state string) {
	b.clock.Report = run.Report{Since: up - 5*time.Minute}
	b.clock.Server, b.clock.RefID, b.sources.State, b.sources.Known = "", "", state, false
	b.clock.Problems = []string{"The clock is not synchronised: " + state}
	for i := range b.sources.Servers {
		b.sources.Servers[i].Used = false
	}
}

// TestCommands compares what people are shown with testdata, in 80 columns.
func TestCommands(t *testing.T) {
	hostile := strings.Repeat("\x1b[2J go away ", 200)
	for name, change := range map[string]func(*box){
		"well": func(*box) {},
		"unreachable": func(b *box) {
			b.lost("no source gives the time")
			b.clock.Steps, b.clock.Kept, b.clock.Host = 0, run.Kept{}, nil
			b.sources.Servers = b.sources.Servers[:1]
			s := &b.sources.Servers[0]
			*s = run.Source{Name: s.Name, Addr: s.Addr, Why: "has not answered yet", Poll: 64 * time.Second, Counts: client.Counts{Sent: 7, Lost: 7}}
			b.sources.Problems = []string{"time.example: no such host"}
			b.clock.Problems = append(b.clock.Problems, "A time source cannot be asked: time.example: no such host")
			b.clients = run.Clients{Up: up}
		},
		"disagreeing": func(b *box) {
			b.lost("the sources disagree, and none of what they say is a majority's")
			b.sources.Servers = b.sources.Servers[1:]
			for i := range b.sources.Servers {
				b.sources.Servers[i].Why = "contradicts others, and there is no majority"
			}
			b.clock.Local, b.clock.Stratum = true, 10
		},
		"starting": func(b *box) {
			b.lost("answers are waited for")
			b.clock.Problems, b.clock.Since = nil, up-3*time.Second
			b.sources.Servers = []run.Source{{Name: "time.example", Addr: "192.0.2.123", Why: "has not answered yet", Poll: 2 * time.Second}}
		},
		"bad": func(b *box) {
			s := &b.sources.Servers[2]
			s.Why, s.Slowed, s.Poll, s.Heard = "refuses to be asked", true, 1024*time.Second, time.Hour
			s.Counts = client.Counts{Sent: 9, Good: 1, Lost: 1, Foreign: 1, Bad: 2, Unsynced: 3, Kisses: 1, Doubted: 4}
			b.clock.Kernel.InsertLeap = true
			b.clock.Problems = []string{"How the clock runs cannot be kept, so it is measured anew after a restart: read-only file system"}
		},
		"local": func(b *box) {
			b.lost("there are no sources")
			b.toml = "[ntp]\nlocal-stratum = 10\n"
			b.clock.Local, b.clock.Stratum, b.clock.Problems, b.sources.Servers = true, 10, nil, nil
		},
		"silent": func(b *box) { b.clock = nil },
		"hostile": func(b *box) {
			b.clock.Problems = []string{hostile}
			b.sources.Servers[0].Name, b.sources.Servers[0].Why, b.leases[0].Name = hostile, hostile, hostile
		},
		"none": func(b *box) { b.toml = "" },
	} {
		t.Run(name, func(t *testing.T) {
			b := well()
			change(b)
			got := story(t, b.env(t))
			admintest.Safe(t, got, 80, "(")
			if b.clock != nil {
				got += "status: " + clock.Line(*b.clock) + "\n"
			}
			admintest.Golden(t, *update, name+".txt", got)
		})
	}
}

// TestArguments: words, sources that are none, numbers, and JSON that is what it says.
func TestArguments(t *testing.T) {
	env := well().env(t)
	var out bytes.Buffer
	env.Stdout = &out
	if err := clock.Status(t.Context(), env, []string{"lan"}); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("with a word too many: %v", err)
	}
	if err := clock.Why(t.Context(), env, []string{"nobody.example"}); err == nil || !strings.Contains(err.Error(), "is no source") {
		t.Errorf("of no source: %v", err)
	}
	for _, n := range []string{"0", "5001"} {
		if err := clock.Clients(t.Context(), env, []string{"-n", n}); err == nil || !strings.Contains(err.Error(), "want 1 to 5000") {
			t.Errorf("%s clients: %v", n, err)
		}
	}
	for _, word := range []string{"old.example", "198.51.100.7"} {
		out.Reset()
		var x clock.Explanation
		if err := errors.Join(clock.Why(t.Context(), env, []string{word, "--json"}), json.Unmarshal(out.Bytes(), &x)); err != nil {
			t.Fatal(err)
		}
		if len(x.Clock) != 0 || len(x.Sources) != 1 || x.Sources[0].Source != "old.example" || x.Sources[0].Used {
			t.Errorf("%s: %+v", word, x)
		}
	}
	out.Reset()
	var r clock.Report
	if err := errors.Join(clock.Status(t.Context(), env, []string{"--json"}), json.Unmarshal(out.Bytes(), &r)); err != nil {
		t.Fatal(err)
	}
	if !r.Clock.Synchronised || r.Clock.Server != "192.0.2.123" || len(r.Sources.Servers) != 3 || r.Problems == nil || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
	out.Reset()
	var l clock.Listing
	if err := errors.Join(clock.Clients(t.Context(), env, []string{"--json", "-n", "1"}), json.Unmarshal(out.Bytes(), &l)); err != nil {
		t.Fatal(err)
	}
	if l.Known != 120 || len(l.Clients.Clients) != 1 || l.Names[netip.MustParseAddr("192.168.32.11")] != "web1" {
		t.Errorf("%+v", l)
	}
}
