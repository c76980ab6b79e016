package ipv6

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// Line says in a line for `gatehouse status` what the LANs have; up is now, by CLOCK_BOOTTIME.
func Line(v plan.IPv6, up time.Duration) string {
	n := 0
	for _, lan := range v.LANs {
		n += min(1, len(lan.Networks))
	}
	parts := []string{cli.Count(n, "LAN", "LANs")}
	if lack := len(v.LANs) - n; lack > 0 {
		parts[0] += fmt.Sprintf(" and %d without", lack)
	}
	for _, p := range v.Prefixes {
		switch {
		case p.From != site.FromWAN:
			parts = append(parts, fmt.Sprintf("%s (%s)", p.Prefix, p.From))
		case p.Valid == wan.Never:
			parts = append(parts, fmt.Sprintf("%s delegated", p.Prefix))
		default:
			parts = append(parts, fmt.Sprintf("%s delegated for another %s", p.Prefix, cli.Span(p.Valid-up)))
		}
	}
	for _, from := range lacking(v) {
		parts = append(parts, "none "+from)
	}
	way := "no way out"
	for _, w := range v.Ways {
		if w.Up {
			way = "default by " + w.Name
			break
		}
	}
	return strings.Join(append(parts, way), ", ")
}

// lacking are the sources of LANs that give them no prefix, each once.
func lacking(v plan.IPv6) (all []string) {
	for _, lan := range v.LANs {
		for _, from := range lan.From {
			have := slices.ContainsFunc(v.Prefixes, func(p plan.Prefix6) bool { return p.From == from })
			if !have && !slices.Contains(all, string(from)) {
				all = append(all, string(from))
			}
		}
	}
	return all
}
