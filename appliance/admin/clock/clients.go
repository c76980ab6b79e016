package clock

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/site"
)

// How many clients are shown, by default and at most.
const (
	shownClients = 50
	maxClients   = 5000
)

// A Listing is what `gatehouse time clients --json` prints.
type Listing struct {
	run.Clients
	Names map[netip.Addr]string `json:"names"` // by the site, or a lease
}

// Clients prints who of the LANs asks for the time, who asked last first.
func Clients(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("time clients", flag.ContinueOnError)
	asJSON, most := flags.Bool("json", false, ""), flags.Int("n", shownClients, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	if *most < 1 || *most > maxClients {
		return fmt.Errorf("-n %d: want 1 to %d", *most, maxClients)
	}
	s, err := env.Site()
	if err == nil {
		err = env.serves()
	}
	if err != nil {
		return err
	}
	clients, err := ask[run.Clients](ctx, env.RunDir, roster.NTP, "clients", run.ClientsArgs{Most: *most})
	if err != nil {
		return err
	}
	cleanClients(&clients)
	// For names: without them, all else is shown.
	leases, _ := ask[[]dhcp.LeaseInfo](ctx, env.RunDir, roster.DHCP, "leases", nil)
	l := Listing{clients, names(s, leases, clients.Clients)}
	if *asJSON {
		return cli.JSON(env.Stdout, l)
	}
	return l.print(printable.Writer(env.Stdout))
}

// names are those of clients, of which the site's come first.
func names(s *site.Site, leases []dhcp.LeaseInfo, clients []server.Client) map[netip.Addr]string {
	known := map[netip.Addr]string{}
	for _, l := range leases {
		if l.Name != "" {
			known[l.Addr] = printable.Cut(l.Name, maxName)
		}
	}
	for _, h := range s.Hosts {
		for _, a := range h.Addrs {
			known[a] = h.Name
		}
	}
	all := map[netip.Addr]string{}
	for _, c := range clients {
		if name := known[c.Addr]; name != "" {
			all[c.Addr] = name
		}
	}
	return all
}

func (l Listing) print(w io.Writer) error {
	if len(l.Clients.Clients) == 0 {
		_, err := fmt.Fprintln(w, "Nobody has asked for the time yet.")
		return err
	}
	rows := [][]string{{"LAST", "EVERY", "ASKED", "VERSION", "CLIENT"}}
	for _, c := range l.Clients.Clients {
		every := "-"
		if c.Interval > 0 {
			every = amount(c.Interval)
		}
		who := c.Addr.String()
		if name := l.Names[c.Addr]; name != "" {
			who += " " + name
		}
		if c.Limited > 0 {
			who += fmt.Sprintf(", too often %s", times(uint64(c.Limited)))
		}
		rows = append(rows, []string{cli.Span(l.Up-c.Last) + " ago", every, fmt.Sprint(c.Asked),
			fmt.Sprint(c.Version), who})
	}
	cli.Screen(w, rows)
	if more := l.Known - len(l.Clients.Clients); more > 0 {
		_, err := fmt.Fprintf(w, "And %d more: -n shows so many.\n", more)
		return err
	}
	return nil
}
