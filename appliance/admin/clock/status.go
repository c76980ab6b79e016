package clock

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// Status prints how the clock is, and what each source says.
func Status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("time", flag.ContinueOnError)
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
	cli.Screen(w, clockRows(r.Clock))
	cli.Screen(w, sourceRows(r.Sources.Servers))
	if len(r.Problems) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	return cli.Problems(w, r.Problems)
}

// title says the whole in a sentence.
func (r *Report) title() string {
	c := r.Clock
	long := cli.Span(c.Up - c.Since)
	switch {
	case c.Synchronised:
		return fmt.Sprintf("Synchronised to %s for %s, at stratum %d.", c.Server, long, c.Stratum)
	case r.alone():
		return fmt.Sprintf("Nobody is followed, as the site says; LANs are told the clock of the box, at stratum %d.", c.Stratum)
	case c.Local:
		return fmt.Sprintf("Not synchronised for %s; LANs are told the clock of the box, at stratum %d.",
			long, c.Stratum)
	}
	return fmt.Sprintf("Not synchronised for %s, and LANs are told so.", long)
}

// clockRows are how the clock is, how it is made to run, and what LANs are told.
func clockRows(c run.Status) (rows [][]string) {
	add := func(label, format string, args ...any) {
		rows = append(rows, []string{label, fmt.Sprintf(format, args...)})
	}
	add("time", "%s UTC", c.Time.UTC().Format(cli.TimeFormat))
	if c.Synchronised {
		add("offset", "the clock is %s, probably right to %s; at most %s off", ahead(-c.Offset),
			amount(c.Error), amount(c.RootDelay/2+c.RootDispersion))
		add("corrected", "%s ago; root delay %s, root dispersion %s, reference %s", cli.Span(c.Reference),
			amount(c.RootDelay), amount(c.RootDispersion), c.RefID)
	}
	add("frequency", "%s", frequency(c))
	switch c.Steps {
	case 0:
		add("steps", "none since the service started")
	default:
		add("steps", "%d since the service started, the last by %s", c.Steps, signed(c.LastStep))
	}
	if c.Kernel.InsertLeap || c.Kernel.DropLeap {
		add("leap", "%s", map[bool]string{true: "a second more at the end of the day (UTC)",
			false: "a second less at the end of the day (UTC)"}[c.Kernel.InsertLeap])
	}
	if h := c.Host; h != nil && h.Trouble != "" {
		add("host", "%s cannot be read: %s", h.Clock, h.Trouble)
	} else if h != nil {
		add("host", "%s: %s", h.Clock, ahead(h.Offset))
	}
	if !c.Kept.Time.IsZero() {
		add("kept", "right at %s UTC, %+.3f ppm", c.Kept.Time.UTC().Format(time.DateTime), c.Kept.Frequency)
	}
	add("LANs", "%s; %d without the time, %d told that they ask too often",
		cli.Count(int(c.Answers.Answered), "answer", "answers"), c.Answers.Unsynchronised, c.Answers.Rated)
	return rows
}

// frequency says how the crystal runs.
func frequency(c run.Status) string {
	if !c.Synchronised {
		return fmt.Sprintf("corrected by %+.3f ppm", c.Frequency)
	}
	return fmt.Sprintf("corrected by %+.3f ppm, ± %.3f", c.Frequency, c.FrequencyError)
}

// sourceRows are two lines of each source: what is thought of it, and what was measured.
func sourceRows(all []run.Source) (rows [][]string) {
	if len(all) == 0 {
		return nil
	}
	rows = [][]string{{"  REACH", "STRATUM", "OFFSET", "JITTER", "DELAY", "POLL", "HEARD"}}
	for _, s := range all {
		mark := "- "
		if s.Used {
			mark = "* "
		}
		rows = append(rows, []string{mark + called(s) + " " + s.Why})
		offset, jitter, delay, stratum := "-", "-", "-", "-"
		if s.Samples > 0 {
			offset, jitter, delay = signed(s.Offset), amount(s.Jitter), amount(s.Delay)
		}
		if s.Stratum > 0 {
			stratum = fmt.Sprint(s.Stratum)
		}
		rows = append(rows, []string{"  " + reach(s), stratum, offset, jitter, delay, cli.Span(s.Poll),
			heard(s)})
	}
	return rows
}
