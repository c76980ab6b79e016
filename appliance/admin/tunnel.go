package admin

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
)

// ofTunnel makes a command of one of package tunnel.
func ofTunnel(
	run func(context.Context, tunnel.Env, []string) error,
) func(context.Context, Env, []string) error {
	return func(ctx context.Context, env Env, args []string) error {
		return run(ctx, tunnel.Env{Stdout: env.Stdout, RunDir: env.RunDir, Now: env.Now}, args)
	}
}

func tunnelCommands() []command {
	return []command{{name: "why", usage: "[--json]", what: "why the tunnel is up or down: what led to it",
		run: ofTunnel(tunnel.Why)}}
}
