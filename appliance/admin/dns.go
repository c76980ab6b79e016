package admin

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/admin/dns"
)

// ofDNS makes a command of one of package dns.
func ofDNS(run func(context.Context, dns.Env, []string) error) func(context.Context, Env, []string) error {
	return func(ctx context.Context, env Env, args []string) error {
		return run(ctx, dns.Env{Stdout: env.Stdout, RunDir: env.RunDir, Site: env.Site, Now: env.Now}, args)
	}
}

func dnsCommands() []command {
	return []command{
		{name: "why", usage: "NAME|ADDRESS [TYPE] [--from HOST] [--no-ask] [--json]",
			what: "why a name has the answer that it has: site, lease, cache, or who is asked",
			run:  ofDNS(dns.Why)},
		{name: "query", usage: "NAME|ADDRESS [TYPE] [+tcp] [-v] [--json]", what: "what clients are answered",
			run: ofDNS(dns.Query)},
		{name: "flush", usage: "NAME | --below DOMAIN | --all", what: "forget what others have answered",
			run: ofDNS(dns.Flush)},
		{name: "log", usage: "-f [--json] [HOST|ADDRESS]", what: "queries as they come, of one client or of all",
			run: ofDNS(dns.Log)},
	}
}
