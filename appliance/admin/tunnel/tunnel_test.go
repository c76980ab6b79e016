package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

// now is the time of day at which the machine has been up for a day.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const up = 24 * time.Hour

var local = netip.MustParseAddr("198.51.100.7")

// service is an engine that was asked, and what it says.
func service(conf func(*tunnel6in4.Config), inside, outer bool, answer *tunnel6in4.Outcome) run.Status {
	c := tunnel6in4.Config{
		Link: "tunnel6", Server: netip.MustParseAddr("203.0.113.30"), Local: local, Own: netip.MustParseAddr("2001:db8:1f0a:1::2"),
		Gateway: netip.MustParseAddr("2001:db8:1f0a:1::1"), MTU: 1480,
		Update: &tunnel6in4.Update{User: "customer", Tunnel: "123456", Key: "s3cret",
			URL: "https://broker.example/"},
	}
	if conf != nil {
		conf(&c)
	}
	at := tunnel6in4.Now{Up: up - time.Hour, Wall: now.Add(-time.Hour)}
	e := tunnel6in4.New(c, nil, func() uint64 { return 0 })
	actions := e.Start(at)
	for {
		for len(actions) > 0 {
			a := actions[0]
			actions = actions[1:]
			later := at
			later.Up += 23 * time.Millisecond
			switch a := a.(type) {
			case tunnel6in4.Ping:
				if a.To.Is6() && inside || a.To.Is4() && outer {
					actions = append(actions, e.Echo(later, a.To, a.Seq)...)
				}
			case tunnel6in4.Tell:
				if answer != nil {
					actions = append(actions, e.Answered(later, *answer)...)
				}
			}
		}
		next := max(e.Next(), at.Up)
		if next > up {
			return run.Status{Status: e.Status(tunnel6in4.Now{Up: up, Wall: now}), Now: up}
		}
		at.Wall, at.Up = at.Wall.Add(next-at.Up), next
		actions = e.Tick(at)
	}
}

func serve(t *testing.T, st *run.Status) tunnel.Env {
	t.Helper()
	dir := admintest.RunDir(t)
	if st != nil {
		admintest.Serve(t, dir, roster.Tunnel, control.Mux{"status": admintest.Says(st)})
	}
	return tunnel.Env{RunDir: dir, Now: func() time.Time { return now }}
}

// TestCommands compares what people are shown with testdata, in 80 columns.
func TestCommands(t *testing.T) {
	good := &tunnel6in4.Outcome{Code: tunnel6in4.Good, Text: "good 198.51.100.7", Addr: local}
	hostile := &tunnel6in4.Outcome{Code: tunnel6in4.Unknown, Text: "\x1b[2J" +
		strings.Repeat("go away ", 200)}
	for name, c := range map[string]struct {
		st      run.Status
		problem bool
	}{
		"up":     {service(nil, true, true, good), false},
		"eaten":  {service(nil, false, true, good), true},
		"silent": {service(nil, false, false, good), true},
		"refused": {service(nil, false, true, &tunnel6in4.Outcome{Code: tunnel6in4.BadAuth,
			Text: "badauth"}), true},
		"trouble": {service(nil, false, true, &tunnel6in4.Outcome{Code: tunnel6in4.Trouble, Text: "911"}),
			true},
		"hostile": {service(nil, false, true, hostile), true},
		"nat": {service(func(c *tunnel6in4.Config) { c.Behind = tunnel6in4.NAT }, false, true, good),
			true},
		"cgnat": {service(func(c *tunnel6in4.Config) { c.Behind = tunnel6in4.CGNAT }, false, true, good),
			true},
		"absent":   {service(func(c *tunnel6in4.Config) { c.Local = netip.Addr{} }, true, true, good), true},
		"untold":   {service(func(c *tunnel6in4.Config) { c.Update = nil }, true, true, nil), false},
		"otherend": {service(func(c *tunnel6in4.Config) { c.Update = nil }, false, true, nil), true},
	} {
		env := serve(t, &c.st)
		var out bytes.Buffer
		env.Stdout = &out
		for _, command := range []func(context.Context, tunnel.Env, []string) error{tunnel.Status,
			tunnel.Why} {
			if err := command(t.Context(), env, nil); errors.Is(err, cli.ErrProblems) != c.problem ||
				err != nil && !c.problem {
				t.Errorf("%s: %v", name, err)
			}
			out.WriteString("\n")
		}
		asked, err := tunnel.Ask(t.Context(), env.RunDir)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("status: " + tunnel.Line(asked) + "\n")
		admintest.Safe(t, out.String(), 80)
		if strings.Contains(out.String(), "s3cret") {
			t.Errorf("%s: the key is shown", name)
		}
		admintest.Golden(t, *update, name+".txt", out.String())
	}
}

// TestNone: where there is no tunnel, that is said.
func TestNone(t *testing.T) {
	env := serve(t, nil)
	env.Stdout = &bytes.Buffer{}
	if err := tunnel.Status(t.Context(), env, nil); err == nil ||
		!strings.Contains(err.Error(), "no [tunnel]") {
		t.Errorf("without a tunnel: %v", err)
	}
	if err := tunnel.Why(t.Context(), env, []string{"because"}); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("with a word too many: %v", err)
	}
}
