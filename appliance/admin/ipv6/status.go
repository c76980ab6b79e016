package ipv6

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Status prints prefixes, ways out, and what the hosts of each LAN are told.
func Status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("ipv6", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	r, err := env.collect(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		err = cli.JSON(env.Stdout, r)
	} else {
		err = r.print(printable.Writer(env.Stdout))
	}
	if err == nil && len(r.Problems) > 0 {
		err = cli.ErrProblems
	}
	return err
}

func (r *Report) print(w io.Writer) error {
	for _, line := range cli.Fold(r.title(), cli.Width) {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w)
	cli.Screen(w, append(r.wayRows(), r.prefixRows()...))
	for i := range r.LANs {
		r.LANs[i].print(w, r.Up)
	}
	if len(r.Problems) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	return cli.Problems(w, r.Problems)
}

// title says the whole in a sentence.
func (r *Report) title() string {
	have := 0
	for _, lan := range r.LANs {
		have += min(1, len(lan.Networks))
	}
	text := fmt.Sprintf("%d of %s have IPv6", have, cli.Count(len(r.LANs), "LAN", "LANs"))
	switch {
	case have == len(r.LANs) && have == 1:
		text = "LAN " + r.LANs[0].Name + " has IPv6"
	case have == len(r.LANs):
		text = fmt.Sprintf("%d LANs have IPv6", have)
	case have == 0:
		return "No LAN has IPv6 just now."
	}
	for _, way := range r.Ways {
		if way.Up {
			return fmt.Sprintf("%s, and the way out is by %s.", text, way.Link)
		}
	}
	if len(r.configured()) == 0 {
		return text + ", and the site has no way out for it."
	}
	return text + ", and no way out just now."
}

// wayRows are the ways out, the one that conversations begin by first.
func (r *Report) wayRows() (rows [][]string) {
	label := "way out"
	for i, way := range r.Ways {
		text := fmt.Sprintf("%s: %s by %s", way.Name, way.Link, way.Via)
		if !way.Up {
			text += ", down"
		}
		switch {
		case len(r.Ways) == 1:
		case i == 0:
			text += "; conversations begin by it"
		default:
			text += "; only for addresses of " + joined(way.Sources)
		}
		rows = append(rows, []string{label, text})
		label = ""
	}
	if len(rows) == 0 {
		rows = append(rows, []string{label, "none"})
	}
	return rows
}

// prefixRows are those that LANs have their networks of, by their sources.
func (r *Report) prefixRows() (rows [][]string) {
	last := ""
	for _, p := range r.Prefixes {
		label, text := string(p.From), p.Prefix.String()
		if label == last {
			label = ""
		}
		last = string(p.From)
		if left := rest(plan.Prefix6(p), r.Up); left != "" {
			text += ", " + left
		}
		rows = append(rows, []string{label, text})
	}
	return rows
}
