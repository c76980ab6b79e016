package clock

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// An Explanation is what `gatehouse time why --json` prints: sentences.
type Explanation struct {
	// why it is synchronised, or not; nil: one source was asked about
	Clock   []string  `json:"clock,omitempty"`
	Sources []Because `json:"sources"`
}

// Because is why a source is followed, or why not.
type Because struct {
	Source  string   `json:"source"` // as the site has it
	Addr    string   `json:"addr"`
	Used    bool     `json:"used"`
	Reasons []string `json:"reasons"`
}

// Why prints why the clock is synchronised or not, and of each source, or of one, why it is followed or not.
func Why(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("time why", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	r, err := env.collect(ctx)
	if err != nil {
		return err
	}
	x := Explanation{Sources: []Because{}}
	for _, s := range r.Sources.Servers {
		if len(words) == 0 || words[0] == s.Name || words[0] == s.Addr {
			x.Sources = append(x.Sources, Because{s.Name, s.Addr, s.Used, reasons(s)})
		}
	}
	switch {
	case len(words) == 0:
		x.Clock = r.reasons()
	case len(x.Sources) == 0:
		return fmt.Errorf("%s is no source that is asked: gatehouse time", words[0])
	}
	if *asJSON {
		return cli.JSON(env.Stdout, x)
	}
	w := cli.Paragraphs(printable.Writer(env.Stdout))
	var rows [][]string
	for _, reason := range x.Clock {
		rows = append(rows, []string{reason})
	}
	cli.Screen(w, rows)
	for _, b := range x.Sources {
		rows = [][]string{{called(run.Source{Name: b.Source, Addr: b.Addr})}}
		for _, reason := range b.Reasons {
			rows = append(rows, []string{"", reason})
		}
		cli.Screen(w, rows)
	}
	return nil
}

// reasons say why the clock is as it is.
func (r *Report) reasons() (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	c := r.Clock
	used := 0
	for _, s := range r.Sources.Servers {
		if s.Used {
			used++
		}
	}
	switch {
	case c.Synchronised && used > 0:
		add("The clock is synchronised: %d of %s followed, %s first.", used, are(len(r.Sources.Servers)),
			c.Server)
	case c.Synchronised:
		add("The clock is synchronised by what was measured before: no source is followed just now, so it gets less certain.")
	case r.alone():
		add("The clock follows nobody: [ntp] of site.toml names no servers.")
	default:
		add("The clock is not synchronised: %s.", r.Sources.State)
	}
	if c.Local {
		add("LANs are told its time all the same, at stratum %d, since site.toml says so: local-stratum.",
			c.Stratum)
	} else if !c.Synchronised {
		add("LANs that ask are told that it is not synchronised, and do not follow it.")
	}
	if n := len(r.Sources.Servers); n == 2 {
		add("With two sources, nobody knows which of them is wrong when they disagree. Three find it out.")
	}
	if c.Steps > 0 {
		add("The clock was set %s since the service started, the last time by %s.", times(uint64(c.Steps)),
			signed(c.LastStep))
	}
	for _, p := range c.Problems {
		if !slices.Contains(all, p+".") {
			all = append(all, p+".")
		}
	}
	return all
}

func are(n int) string {
	if n == 1 {
		return "1 source is"
	}
	return fmt.Sprintf("%d sources are", n)
}

// times says how often.
func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	if n == 2 {
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// reasons say what is thought of a source, and what speaks for and against it.
func reasons(s run.Source) []string {
	all := []string{fmt.Sprintf("It %s.", s.Why)}
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	c := s.Counts
	switch {
	case c.Sent == 0:
		add("It was not asked yet.")
	case c.Good == 0 && c.Lost == c.Sent:
		add("It was asked %s, and nothing came back. If others are silent too, see whether the way out lets UDP port 123 pass: "+
			"gatehouse firewall explain.", times(c.Sent))
	case c.Good == 0:
		add("It was asked %s, and has not given the time.", times(c.Sent))
	default:
		add("It was asked %s and gave the time %s, the last time %s.", times(c.Sent), times(c.Good), heard(s))
	}
	if s.Samples > 0 {
		add("To what is known its time is %s, by %d samples with a jitter of %s over a delay of %s. It may be off by %s in "+
			"the worst case.", ahead(s.Offset), s.Samples, amount(s.Jitter), amount(s.Delay),
			amount(s.Distance))
	}
	for _, against := range []struct {
		n    uint64
		text string
	}{
		{c.Unsynced, "It said %s that it is not synchronised itself."},
		{c.Kisses, "It said %s that it is not to be asked so, by a kiss of death (RFC 5905 7.4)."},
		{c.Bad, "Its answer could not be true %s."},
		{c.Doubted, "It contradicted %s what it had said before."},
		{c.Foreign, "What came from its address was %s no answer to the last question."},
	} {
		if against.n > 0 {
			add(against.text, times(against.n))
		}
	}
	if s.Slowed {
		add("It is asked every %s only, as it wished.", cli.Span(s.Poll.Round(time.Second)))
	}
	return all
}
