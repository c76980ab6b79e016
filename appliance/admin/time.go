package admin

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
)

// ofTime makes a command of one of package clock.
func ofTime(run func(context.Context, clock.Env, []string) error) func(context.Context, Env, []string) error {
	return func(ctx context.Context, env Env, args []string) error {
		return run(ctx, clock.Env{Stdout: env.Stdout, RunDir: env.RunDir, Site: env.Site}, args)
	}
}

func timeCommands() []command {
	return []command{
		{name: "why", usage: "[SOURCE] [--json]",
			what: "why the clock is synchronised or not, and why a source is not followed",
			run:  ofTime(clock.Why)},
		{name: "clients", usage: "[-n CLIENTS] [--json]", what: "who asks for the time, how often, and when last",
			run: ofTime(clock.Clients)},
	}
}
