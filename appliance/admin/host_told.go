package admin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

// told returns what DHCP tells a host of the site on the networks where it has an
// address of its own or, if it has none, on those with a pool.
func told(p plan.Plan, name string) ([]dhcp.Preview, error) {
	i := slices.IndexFunc(p.Services, func(service plan.Service) bool { return service.Name == roster.DHCP })
	conf, ok := p.Services[i].Config.(dhcp.Config)
	if !ok {
		return nil, nil
	}
	all, err := conf.Preview(name)
	if own := slices.DeleteFunc(slices.Clone(all), func(p dhcp.Preview) bool {
		return !p.Reserved
	}); len(own) > 0 {
		return own, err
	}
	return all, err
}

// printTold writes what is the same for all boot stages on a network, then what each
// is told besides.
func printTold(w io.Writer, all []dhcp.Preview) {
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(p dhcp.Preview) bool { return p.Subnet != all[0].Subnet })
		if n < 0 {
			n = len(all)
		}
		printNetwork(w, all[:n])
		all = all[n:]
	}
}

func printNetwork(w io.Writer, stages []dhcp.Preview) {
	first := stages[0]
	address := first.Addr.String()
	if !first.Reserved {
		address = "an address of the pool"
	}
	fmt.Fprintf(w, "\nDHCP on %s: %s for %s\n", first.Subnet, address, cli.Span(first.Life))
	everywhere := slices.DeleteFunc(slices.Clone(first.Told), func(line string) bool {
		return slices.ContainsFunc(stages, func(p dhcp.Preview) bool {
			return !slices.Contains(p.Told, line)
		})
	})
	var rows [][]string
	add := func(label string, lines []string) {
		for i, line := range lines {
			if i > 0 {
				label = ""
			}
			rows = append(rows, []string{"  " + label, line})
		}
	}
	add("always", everywhere)
	for _, p := range stages {
		var own []string
		if p.File != "" {
			own = append(own, bootFile(p))
		}
		own = append(own, slices.DeleteFunc(slices.Clone(p.Told), func(line string) bool {
			return slices.Contains(everywhere, line)
		})...)
		add(stageLabel(p), own)
	}
	cli.Table(w, rows)
}

func bootFile(p dhcp.Preview) string {
	if strings.Contains(p.File, "://") || !p.Server.IsValid() {
		return "file " + p.File
	}
	return fmt.Sprintf("file %s from %s", p.File, p.Server)
}

func stageLabel(p dhcp.Preview) string {
	if p.Arch != "" {
		return p.Stage + ", " + strings.TrimSuffix(p.Arch, " over HTTP")
	}
	return p.Stage
}
