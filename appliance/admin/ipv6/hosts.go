package ipv6

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/site"
)

// A Host is a machine of a LAN, and the addresses that it has made (RFC 4862): those of prefixes that the LAN
// has, and with -a of those that it had.
type Host struct {
	Name      string       `json:"name,omitempty"` // by the site or its lease; "": nobody knows one
	MAC       ethernet.MAC `json:"mac"`
	LAN       string       `json:"lan"`
	Addresses []Address    `json:"addresses"`
}

// An Address is one of a host.
type Address = stationfile.Station

// Hosts prints which hosts have made which addresses.
func Hosts(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("ipv6 hosts", flag.ContinueOnError)
	asJSON, all := flags.Bool("json", false, ""), flags.Bool("a", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		return errNone
	}
	list := ask[[]stationfile.Station](ctx, env.RunDir, roster.Radvd, "stations")
	if list.err != nil {
		return list.err
	}
	// for names: without, all else is shown
	leases := ask[[]dhcp.LeaseInfo](ctx, env.RunDir, roster.DHCP, "leases")
	hosts := hostsOf(list.value, *all, names(s, leases.value))
	if *asJSON {
		return cli.JSON(env.Stdout, hosts)
	}
	return printHosts(printable.Writer(env.Stdout), hosts, env.Now())
}

// names are those of cards: the site's first, then those of leases.
func names(s *site.Site, leases []dhcp.LeaseInfo) map[ethernet.MAC]string {
	all := map[ethernet.MAC]string{}
	for _, l := range leases {
		if l.Name != "" {
			all[ethernet.MAC(l.MAC)] = printable.Cut(l.Name, maxText)
		}
	}
	for _, h := range s.Hosts {
		for _, m := range h.MACs {
			all[ethernet.MAC(m)] = h.Name
		}
	}
	return all
}

// hostsOf puts the addresses of each machine together, those that were seen last first.
func hostsOf(list []stationfile.Station, all bool, names map[ethernet.MAC]string) []Host {
	hosts := []Host{}
	for _, a := range list {
		if !a.Current && !all {
			continue
		}
		i := slices.IndexFunc(hosts, func(h Host) bool { return h.MAC == a.MAC && h.LAN == a.Network })
		if i < 0 {
			i = len(hosts)
			lan := printable.Cut(a.Network, maxText)
			hosts = append(hosts, Host{Name: names[a.MAC], MAC: a.MAC, LAN: lan})
		}
		hosts[i].Addresses = append(hosts[i].Addresses, a)
	}
	for i := range hosts {
		slices.SortFunc(hosts[i].Addresses, func(a, b Address) int {
			return cmp.Or(b.Last.Compare(a.Last), a.Addr.Compare(b.Addr))
		})
	}
	slices.SortStableFunc(hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.LAN, b.LAN), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name),
			slices.Compare(a.MAC[:], b.MAC[:]))
	})
	return hosts
}

// rank has hosts without a name come last.
func rank(h Host) int {
	if h.Name == "" {
		return 1
	}
	return 0
}

func printHosts(w io.Writer, hosts []Host, now time.Time) error {
	if len(hosts) == 0 {
		_, err := fmt.Fprintln(w, "No host has made an address yet.")
		return err
	}
	for _, h := range hosts {
		if h.Name == "" {
			fmt.Fprintf(w, "%s on %s\n", h.MAC, h.LAN)
		} else {
			fmt.Fprintf(w, "%s (%s) on %s\n", h.Name, h.MAC, h.LAN)
		}
		var rows [][]string
		for _, a := range h.Addresses {
			seen := cli.Span(now.Sub(a.Last)) + " ago"
			if !a.Current {
				seen += ", of a prefix that is gone"
			}
			rows = append(rows, []string{"  " + a.Addr.String(), a.Kind.String(), seen})
		}
		cli.Screen(w, rows)
	}
	return nil
}
