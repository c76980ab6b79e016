package dns

import (
	"context"
	"flag"
	"fmt"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
)

// Flush has the service forget what is cached for a name, below a domain, or at all, and says how many
// answers that were.
func Flush(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("dns flush", flag.ContinueOnError)
	below := flags.String("below", "", "")
	all := flags.Bool("all", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	var which run.FlushArgs
	var what string
	switch {
	case len(words) == 1 && *below == "" && !*all:
		which.Name, _, err = questionOf(env.empty().site, words[0])
		what = " of " + which.Name
	case len(words) == 0 && *below != "" && !*all:
		if _, ok := dns.IsDomainName(*below); !ok || len(*below) > maxWord {
			return fmt.Errorf("%s is no domain", printable.Cut(*below, maxLine))
		}
		which = run.FlushArgs{Name: dns.Fqdn(*below), Below: true}
		what = " of " + which.Name + " and all names below it"
	case len(words) == 0 && *below == "" && *all:
		which = run.FlushArgs{Name: ".", Below: true}
	default:
		return cli.ErrUsage
	}
	if err != nil {
		return err
	}
	var n int
	if err := env.ask(ctx, "flush", which, &n); err != nil {
		return err
	}
	are := "are"
	if n == 1 {
		are = "is"
	}
	_, err = fmt.Fprintf(printable.Writer(env.Stdout), "%s%s %s forgotten.\n",
		cli.Count(n, "answer", "answers"), what, are)
	return err
}
