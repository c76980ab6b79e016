// Package wan is the commands `gatehouse wan …`: what the way out is, who says so and for how long, whether
// its gateway is there, and what happened; asking for the lease anew and giving it back; why there is this
// address, or none. For `gatehouse status` it has all that in one line.
//
// It asks the service over its control socket, and the gateway by one ping. Where nobody asks for a lease,
// since the site itself says the address, it shows that. Whatever strangers can choose (a provider's names,
// texts of a server) is safe for a terminal and bounded, in JSON too. It changes nothing itself.
package wan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// service is the name of the client on the control sockets.
const service = roster.WAN

// Env is where a command finds the appliance.
type Env struct {
	Stdout io.Writer
	RunDir string                     // the directory of the control sockets
	Site   func() (*site.Site, error) // the site that runs
	Now    func() time.Time
	// Hooks are the last runs of the site's hooks; nil: nobody knows.
	Hooks func(context.Context) ([]hooks.Run, error)
	// Routes are the default routes of the kernel, and what it knows of their gateways; nil: this machine's.
	Routes func() ([]machine.Route, error)
	// Ping asks a gateway once by a link, and returns how long its reply took; nil: over the network.
	Ping func(ctx context.Context, gateway netip.Addr, link string) (time.Duration, error)
	// Patience is how long Renew and Release wait for what comes of it; 0: 10 s.
	Patience time.Duration
	// Pause is how often they look; 0: 200 ms.
	Pause time.Duration
}

// silence is when the service is taken to hang: it answers at once.
const silence = 5 * time.Second

// Ask asks the service how it is. What it says is safe for a terminal, and bounded.
func Ask(ctx context.Context, runDir string) (run.Status, error) {
	var st run.Status
	if err := call(ctx, runDir, "status", &st); err != nil {
		return run.Status{}, err
	}
	clean(&st)
	return st, nil
}

// call asks for one method.
func call(ctx context.Context, runDir, method string, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	return control.Call(ctx, runDir, service, method, nil, result)
}

// A Report is what `gatehouse wan --json` prints.
type Report struct {
	Link    string      `json:"link"`
	Source  string      `json:"source"`            // who says what the way out is: "site" or "dhcp"
	Service *run.Status `json:"service,omitempty"` // nil: the site says it, and there is nobody to ask
	Facts   *wan.Facts  `json:"facts,omitempty"`   // nil: there is none
	Kind    string      `json:"kind,omitempty"`    // of the first address: wan.Kind
	Means   string      `json:"means,omitempty"`   // what that means for the house
	Gateway *Gateway    `json:"gateway,omitempty"` // nil: there is none
	// Beside are the addresses that the site has on the link beside the provider's.
	Beside []netip.Prefix `json:"beside,omitempty"`
	// MAC is what the site sends from in place of the card's own, if there is nobody to ask.
	MAC      wan.MAC `json:"mac,omitzero"`
	Priority uint8   `json:"priority,omitempty"` // of IEEE 802.1p, in the tag of the VLAN
	// Hooks are the last runs of the site's hooks, in their order.
	Hooks []hooks.Run `json:"hooks,omitempty"`
	// Own6 and Gateway6 are what the site says of IPv6.
	Own6     netip.Prefix `json:"own6,omitzero"`
	Gateway6 netip.Addr   `json:"gateway6,omitzero"`
	// IPv6 is what its service says of IPv6; nil: nobody is asked. Moments are on the clock of Up.
	IPv6 *run.Status6  `json:"ipv6,omitempty"`
	Up   time.Duration `json:"up_ns,omitempty"`
	// Problems is everything that is wrong, for people.
	Problems []string `json:"problems"`
	now      time.Time
	said     []string // the problems of the service
	gone     bool     // the link is known not to be there
}

// collect asks the service, or the site if there is none, and looks for the gateway.
func (e Env) collect(ctx context.Context) (*Report, error) {
	r := &Report{now: e.Now(), Problems: []string{}}
	st, err := Ask(ctx, e.RunDir)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		if err := r.bySite(e.Site, err); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if err := r.byService(ctx, &st, e); err != nil {
			return nil, err
		}
	}
	if a := r.address(); a.IsValid() {
		kind := wan.KindOf(a)
		r.Kind, r.Means = kind.String(), kind.Means()
	}
	if r.Facts != nil && r.Facts.Gateway.IsValid() && !r.absent() {
		r.Gateway = e.look(ctx, r.Link, r.Facts)
	}
	r.findProblems()
	return r, nil
}

// byService fills in what the service says, and of IPv4 the site where that says it.
func (r *Report) byService(ctx context.Context, st *run.Status, e Env) error {
	r.Up, r.IPv6, st.IPv6 = st.Up, st.IPv6, nil
	r.said, r.gone = st.Problems, st.Absent
	if st.Static4 {
		return r.bySite(e.Site, nil)
	}
	r.Link, r.Source, r.Service = st.Link, wan.FromDHCP.String(), st
	if c := st.Client; c != nil && c.Held {
		r.Facts = &c.Facts
	}
	r.besides(e.Site)
	r.askHooks(ctx, e.Hooks)
	return nil
}

// askHooks asks for the hooks, if there is somebody to ask. Without an answer all else is still worth
// showing.
func (r *Report) askHooks(ctx context.Context, ask func(context.Context) ([]hooks.Run, error)) {
	if ask == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	if all, err := ask(ctx); err == nil {
		r.Hooks = all
	}
}

// absent reports whether the link is known not to be there.
func (r *Report) absent() bool { return r.gone }

// client is how the client is, nil if there is none, or none yet.
func (r *Report) client() *client.Status {
	if r.Service == nil {
		return nil
	}
	return r.Service.Client
}

// address is the one of which connections begin, the zero Addr if there is none.
func (r *Report) address() netip.Addr {
	if r.Facts == nil || len(r.Facts.Addrs) == 0 {
		return netip.Addr{}
	}
	return r.Facts.Addrs[0].Addr()
}

// findProblems adds what a person should look at.
func (r *Report) findProblems() {
	add := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	if r.gone {
		add("link %s is not there", r.Link)
	}
	r.Problems = append(r.Problems, r.said...)
	for _, h := range r.Hooks {
		if h.Problem != "" {
			add("hook %s: at %s, %s", h.Hook, h.Event, h.Problem)
		}
	}
	if g := r.Gateway; g != nil {
		r.Problems = append(r.Problems, g.problems(r.Link)...)
	}
}

// patience is how long Renew and Release wait.
func (e Env) patience() time.Duration { return cmp.Or(e.Patience, 10*time.Second) }

// moment is when something was, in the time of day.
func (r *Report) moment(at time.Duration) string {
	return r.now.Add(at - r.Up).UTC().Format(time.DateTime)
}

// ago says how long ago something was.
func (r *Report) ago(at time.Duration) string { return cli.Span(r.Up-at) + " ago" }
