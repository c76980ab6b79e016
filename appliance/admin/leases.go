package admin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

// leases prints who has which address, and with -a who had one and may get it
// again.
func leases(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("leases", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	all := flags.Bool("a", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	list := []dhcp.LeaseInfo{}
	if err := env.ask(ctx, roster.DHCP, "leases", nil, &list); err != nil {
		return err
	}
	if !*all {
		list = slices.DeleteFunc(list, func(l dhcp.LeaseInfo) bool { return l.State == "free" })
	}
	if *asJSON {
		return cli.JSON(env.Stdout, list)
	}
	return printLeases(env.Stdout, list, env.Now())
}

func printLeases(w io.Writer, list []dhcp.LeaseInfo, now time.Time) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no leases")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "LAN\tADDRESS\tMAC\tNAME\tKIND\tLEASE")
	for _, l := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Subnet, l.Addr, l.MAC, orDash(l.Name), l.Kind,
			leaseState(l, now))
	}
	return t.Flush()
}

// leaseState says how long a lease goes on, or since when it does not.
func leaseState(l dhcp.LeaseInfo, now time.Time) string {
	switch l.State {
	case "bound":
		return cli.Span(l.Expires.Sub(now)) + " left"
	case "declined":
		return "in use by somebody else; tried again in " + cli.Span(l.Expires.Sub(now))
	default:
		return l.State + " for " + cli.Span(now.Sub(l.Expires))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
