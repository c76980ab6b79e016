package wan

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// pingTime is how long a gateway may take to answer a ping.
const pingTime = time.Second

// A Gateway is the next router of the way out, as it is now.
type Gateway struct {
	Address netip.Addr `json:"address"`
	OffLink bool       `json:"off_link,omitempty"` // in no network of the address, yet on the link
	Route   bool       `json:"route"`              // the kernel has the default route by it
	// State is what the kernel knows of its hardware address, Heard when it was heard last: so long ago.
	State machine.NeighbourState `json:"state"`
	Heard time.Duration          `json:"heard_ns,omitempty"`
	// RoundTrip is how long one ping took; 0: there was no reply, for the reason NoReply.
	RoundTrip time.Duration `json:"round_trip_ns,omitempty"`
	NoReply   string        `json:"no_reply,omitempty"`
	Unknown   string        `json:"unknown,omitempty"` // why Route and State are not known
}

// look asks the gateway once, and then what the kernel knows of it: the ping has had it ask by ARP.
func (e Env) look(ctx context.Context, link string, f *wan.Facts) *Gateway {
	g := &Gateway{Address: f.Gateway, OffLink: f.OffLink, State: machine.Unasked}
	ping, routes := e.Ping, e.Routes
	if ping == nil {
		ping = func(ctx context.Context, gateway netip.Addr, link string) (time.Duration, error) {
			return inet.RoundTrip(ctx, gateway, link, pingTime)
		}
	}
	if routes == nil {
		routes = readRoutes
	}
	took, err := ping(ctx, g.Address, link)
	switch {
	case errors.Is(err, inet.ErrNoReply):
		g.NoReply = fmt.Sprintf("no reply within %v", pingTime)
	case err != nil:
		g.NoReply = printable.Cut(err.Error(), maxText)
	default:
		g.RoundTrip = max(took, 1) // 0 means that there was none
	}
	all, err := routes()
	if err != nil {
		g.Unknown = printable.Cut(err.Error(), maxText)
	}
	for _, r := range all {
		if r.Via == g.Address && r.Link == link {
			g.Route, g.State, g.Heard, g.Unknown = true, r.State, r.Heard, ""
		}
	}
	return g
}

// readRoutes are those of this machine. What else of the machine is not known does not matter.
func readRoutes() ([]machine.Route, error) {
	facts, err := machine.Read()
	if len(facts.Routes) > 0 {
		err = nil
	}
	return facts.Routes, err
}

// lately is how long ago a gateway was heard that is said to answer: the kernel's own time, at most
// (base_reachable_time of arp(7), and half of it).
const lately = 45 * time.Second

// offLinkText is said of a gateway that is no neighbour by an address.
const offLinkText = "in no network of the address: reached on the link all the same"

// lines say whether the gateway is there.
func (g *Gateway) lines() []string {
	line := g.Address.String() + ", "
	switch {
	case g.Unknown != "":
		line += "not known by ARP: " + g.Unknown
	case g.State.Silent():
		line += "does not answer ARP"
	case g.State == machine.Unasked:
		line += "not asked by ARP"
	case g.State == machine.NoARP || g.State == machine.Permanent:
		line += "needs no ARP"
	case g.Heard > lately:
		line += "answered ARP " + cli.Span(g.Heard) + " ago"
	default:
		line += "answers ARP"
	}
	if g.RoundTrip > 0 {
		line += "; answers a ping in " + cli.Took(g.RoundTrip)
	} else {
		line += "; ping: " + g.NoReply
	}
	lines := []string{line}
	if g.OffLink {
		lines = append(lines, offLinkText)
	}
	if !g.Route && g.Unknown == "" {
		lines = append(lines, "no default route leads there")
	}
	return lines
}

// problems is what keeps packets from the gateway. One that answers no ping may be well: some never do.
func (g *Gateway) problems(link string) (all []string) {
	switch {
	case g.Unknown != "":
		all = append(all, "the routes of the kernel are not known: "+g.Unknown)
	case !g.Route:
		all = append(all, fmt.Sprintf("the default route by %s on %s is missing", g.Address, link))
	case g.State.Silent() && g.RoundTrip == 0:
		all = append(all, fmt.Sprintf("the gateway %s on %s does not answer ARP", g.Address, link))
	}
	return all
}
