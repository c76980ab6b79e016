package admin

import (
	"context"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
)

// ofWAN makes a command of one of package wan.
func ofWAN(run func(context.Context, wan.Env, []string) error) func(context.Context, Env, []string) error {
	return func(ctx context.Context, env Env, args []string) error {
		askHooks := func(ctx context.Context) (runs []hooks.Run, err error) {
			return runs, env.ask(ctx, InitService, "hooks", nil, &runs)
		}
		return run(ctx, wan.Env{
			Stdout: env.Stdout, RunDir: env.RunDir, Site: env.Site, Now: env.Now, Hooks: askHooks,
		}, args)
	}
}

func wanCommands() []command {
	return []command{
		{name: "why", usage: "[--json]", what: "why the way out has this address, or none: what led to it",
			run: ofWAN(wan.Why)},
		{name: "renew", what: "ask for the lease now, and say what comes of it", run: ofWAN(wan.Renew)},
		{name: "release", what: "give the lease back; nothing is asked for until renew",
			run: ofWAN(wan.Release)},
	}
}

// addLease has what is leased to the way out be wanted of its link, as what a site says is.
func (st *Status) addLease() {
	if st.WAN == nil || st.WAN.Client == nil || !st.WAN.Client.Held {
		return
	}
	f := &st.WAN.Client.Facts
	for i := range st.Links {
		l := &st.Links[i]
		if l.Interface != st.WAN.Link {
			continue
		}
		for _, p := range f.Addrs {
			if want := p.String(); !slices.Contains(l.Wanted, want) {
				l.Wanted = append(l.Wanted, want)
			}
		}
	}
	if g := (Gateway{Via: f.Gateway, Link: st.WAN.Link}); g.Via.IsValid() &&
		!slices.Contains(st.Gateways, g) {
		st.Gateways = append(st.Gateways, g)
	}
}
