package admin

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/admin/ipv6"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
)

// ofIPv6 makes a command of one of package ipv6.
func ofIPv6(run func(context.Context, ipv6.Env, []string) error) func(context.Context, Env, []string) error {
	return func(ctx context.Context, env Env, args []string) error {
		return run(ctx, ipv6.Env{
			Stdout: env.Stdout, RunDir: env.RunDir, Site: env.Site, Now: env.Now, Uptime: boot.Uptime,
		}, args)
	}
}

func ipv6Commands() []command {
	return []command{
		{name: "why", usage: "[LAN] [--json]",
			what: "where a LAN has its prefixes from, why it lacks one, or a default route",
			run:  ofIPv6(ipv6.Why)},
		{name: "hosts", usage: "[-a] [--json]",
			what: "which hosts have made which addresses; with -a of old prefixes too",
			run:  ofIPv6(ipv6.Hosts)},
	}
}
