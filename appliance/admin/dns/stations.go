package dns

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
)

// stations are, of the addresses that hosts have made, those that an answer is about: in its records, or in
// the name that it was asked for. A service that does not answer knows of none: most sites have no IPv6.
func (e Env) stations(ctx context.Context, records []string, asked netip.Addr) []stationfile.Station {
	of := []netip.Addr{asked}
	for _, text := range records {
		if a, err := netip.ParseAddr(recordCells(text)[3]); err == nil {
			of = append(of, a)
		}
	}
	if !slices.ContainsFunc(of, netip.Addr.Is6) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(e.Patience, patience))
	defer cancel()
	var all []stationfile.Station
	if err := control.Call(ctx, e.RunDir, roster.Radvd, "stations", nil, &all); err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(s stationfile.Station) bool { return !slices.Contains(of, s.Addr) })
}

func stationText(s stationfile.Station, now time.Time) string {
	return fmt.Sprintf("%s on %s, of %s: %s, last seen %s ago", s.Addr, cut(s.Network, maxServer), s.MAC,
		s.Kind, cli.Span(now.Sub(s.Last)))
}
