package wan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

// now is the time of day at which the machine has been up for a day.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const up = 24 * time.Hour

// A box is what the commands are asked about: its client answers on a real control socket.
type box struct {
	// turns is how it is, each time that it is asked; the last for ever. None: it does not run.
	turns []run.Status

	mu    sync.Mutex
	turn  int
	asked []string // but for status

	toml    string
	siteErr error
	route   *machine.Route // of the gateway; nil: there is none
	noPing  error
	hooks   []hooks.Run
	pinged  []string
	env     wan.Env
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// start serves the control socket.
func (b *box) start(t *testing.T) *box {
	t.Helper()
	dir := admintest.RunDir(t)
	if len(b.turns) > 0 {
		admintest.Serve(t, dir, "wan", control.Mux{"status": b.status, "renew": b.note("renew"), "release": b.note("release")})
	}
	b.env = wan.Env{
		RunDir: dir, Now: func() time.Time { return now }, Site: b.site, Pause: time.Millisecond, Patience: 50 * time.Millisecond,
		Hooks: func(context.Context) ([]hooks.Run, error) { return b.hooks, nil },
		Routes: func() ([]machine.Route, error) {
			other := machine.Route{Family: machine.IPv4, Via: addr("192.0.2.1"), Link: "eth9", State: machine.Failed}
			if b.route == nil {
				return []machine.Route{other}, nil
			}
			return []machine.Route{other, *b.route}, nil
		},
		Ping: func(_ context.Context, gateway netip.Addr, link string) (time.Duration, error) {
			b.pinged = append(b.pinged, gateway.String()+" "+link)
			return 4200 * time.Microsecond, b.noPing
		},
	}
	return b
}

func (b *box) status(_ context.Context, _ json.RawMessage, send func(any) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := b.turns[min(b.turn, len(b.turns)-1)]
	b.turn++
	return send(st)
}

func (b *box) note(method string) control.Handler {
	return func(_ context.Context, _ json.RawMessage, send func(any) error) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asked = append(b.asked, method)
		return send(struct{}{})
	}
}

func (b *box) site() (*site.Site, error) {
	if b.siteErr != nil {
		return nil, b.siteErr
	}
	return admintest.Site(b.toml, "", "")
}

// command runs a command line that begins behind "gatehouse wan".
func command(t *testing.T, env wan.Env, line string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	env.Stdout = &out
	args := strings.Fields(line)
	do := wan.Status
	if of := map[string]func(context.Context, wan.Env, []string) error{
		"why": wan.Why, "renew": wan.Renew, "release": wan.Release,
	}; len(args) > 0 && of[args[0]] != nil {
		do, args = of[args[0]], args[1:]
	}
	err := do(t.Context(), env, args)
	return out.String(), err
}

// story runs commands and returns what was printed, as a terminal has it.
func story(t *testing.T, env wan.Env, lines ...string) string {
	t.Helper()
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&text, "%s\n", strings.TrimSpace("$ gatehouse wan "+line))
		out, err := command(t, env, line)
		text.WriteString(out)
		if err != nil {
			fmt.Fprintf(&text, "(%v)\n", err)
		}
		if !strings.HasSuffix(text.String(), "\n\n") {
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// server is that of the provider, gateway its router.
const server = "198.51.100.2"

// answering is a gateway that is well.
func answering() *machine.Route {
	return &machine.Route{Family: machine.IPv4, Via: addr("198.51.100.1"), Link: "eth0", State: machine.Reachable, Heard: 2 * time.Second}
}

// way is what the provider gives.
func way() facts.Facts {
	return facts.Facts{
		Addrs: []netip.Prefix{prefix("198.51.100.23/24")}, Gateway: addr("198.51.100.1"), MTU: 1492,
		DNS: []netip.Addr{addr("198.51.100.53"), addr("203.0.113.53")}, NTP: []netip.Addr{addr("198.51.100.123")},
		Domain: "customer.provider.example", Routes: []facts.Route{{To: prefix("203.0.113.0/25"), Via: addr("198.51.100.7")}},
	}
}

// renewedAt is a term of a day that was asked for then.
func renewedAt(at time.Duration) facts.Term {
	return facts.Term{
		Source: facts.FromDHCP, Server: addr(server), Start: at, Renew: at + 12*time.Hour, Rebind: at + 21*time.Hour, End: at + 24*time.Hour,
	}
}

// event is one of the client, so long ago.
func event(ago time.Duration, name client.Name, cause client.Cause, text string) client.Event {
	e := client.Event{Name: name, Cause: cause, Text: text, At: up - ago}
	if name == client.BoundTo || name == client.Renewed {
		e.Facts, e.Term = way(), renewedAt(up-ago)
	}
	return e
}

// bound is a client that is well: its lease has been renewed twice, the last time three hours ago.
func bound() run.Status {
	first := event(27*time.Hour, client.BoundTo, client.Acknowledged, "198.51.100.23/24 from server 198.51.100.2: the lease holds for another 1d")
	first.Changed = true
	return run.Status{
		Link: "eth0", MAC: facts.MAC{0, 0x16, 0x3e, 0, 0, 1}, Up: up,
		Client: &client.Status{
			State: client.Bound, Since: up - 3*time.Hour, Carrier: true, Held: true, Facts: way(), Term: renewedAt(up - 3*time.Hour),
			Heard: up - 3*time.Hour, Next: up + 9*time.Hour, Text: "198.51.100.23/24 from server 198.51.100.2; the lease holds for another 21h",
		},
		Events: []client.Event{
			event(27*time.Hour+time.Minute, client.LeaseFail, client.Silent, "no server has offered anything for 1m"),
			first,
			event(15*time.Hour, client.Renewed, client.Extended, "server 198.51.100.2 renewed 198.51.100.23/24: the lease holds for another 1d"),
			event(3*time.Hour, client.Renewed, client.Extended, "server 198.51.100.2 renewed 198.51.100.23/24: the lease holds for another 1d"),
		},
	}
}

// with is that client after a change.
func with(change func(*run.Status)) run.Status {
	st := bound()
	change(&st)
	return st
}

// lost takes the lease away.
func lost(st *run.Status, state client.State, ago time.Duration, text string) {
	c := st.Client
	*c = client.Status{State: state, Since: up - ago, Carrier: true, Heard: c.Heard, Next: up + 7*time.Second, Text: text}
	st.Problems = []string{text}
}
