package admin

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/site"
)

// askStations asks for the IPv6 addresses that the host's cards have made.
func (h *Host) askStations(ctx context.Context, env Env) error {
	macs := slices.Clone(h.MACs)
	for _, l := range h.Leases {
		macs = append(macs, site.MAC(l.MAC))
	}
	err := env.ask(ctx, roster.Radvd, "stations", nil, &h.Stations)
	h.Stations = slices.DeleteFunc(h.Stations, func(s stationfile.Station) bool {
		return !slices.Contains(macs, site.MAC(s.MAC))
	})
	return err
}

// printStations writes the IPv6 addresses that hosts have made, if there are any.
func printStations(w io.Writer, list []stationfile.Station, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "LAN\tMADE BY ITSELF\tMAC\tKIND\tLAST SEEN")
	for _, s := range list {
		kind := s.Kind.String()
		if !s.Current {
			kind += ", of a prefix that is gone"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s ago\n", s.Network, s.Addr, s.MAC, kind, cli.Span(now.Sub(s.Last)))
	}
	return t.Flush()
}
