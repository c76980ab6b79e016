package ipv6

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// An Explanation is what `gatehouse ipv6 why --json` prints.
type Explanation struct {
	LANs   []Because `json:"lans"`
	Events []Event   `json:"events"` // of the ways out over IPv6, oldest first
}

// Because is why a LAN has what it has, and lacks what it lacks: sentences.
type Because struct {
	LAN     string   `json:"lan"`
	Reasons []string `json:"reasons"`
}

// An Event is something that happened on a way out.
type Event struct {
	Time time.Time `json:"time"`
	Way  string    `json:"way"` // "wan" or "tunnel"
	Text string    `json:"text"`
}

// shownEvents is how many are shown, the last ones.
const shownEvents = 20

// Why prints where each prefix of a LAN, or of all, comes from, why one is missing, why hosts are told of a
// default route or of none, and what happened on the ways out.
func Why(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("ipv6 why", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	x, err := env.explain(ctx, words)
	if err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(env.Stdout, x)
	}
	x.print(cli.Paragraphs(printable.Writer(env.Stdout)))
	return nil
}

// explain makes sentences about the LAN that words name, or about all.
func (e Env) explain(ctx context.Context, words []string) (*Explanation, error) {
	r, err := e.collect(ctx)
	if err != nil && (len(words) == 0 || !errors.Is(err, errNone)) {
		return nil, err
	}
	s, err := e.Site()
	if err != nil {
		return nil, err
	}
	x := &Explanation{LANs: []Because{}, Events: []Event{}}
	for _, lan := range s.LANs {
		if len(words) == 0 || words[0] == lan.Name {
			x.LANs = append(x.LANs, Because{lan.Name, r.because(s, lan)})
		}
	}
	if len(x.LANs) == 0 {
		return nil, fmt.Errorf("%s is no LAN of the site", words[0])
	}
	if r != nil {
		x.Events = r.events(e.Now())
	}
	return x, nil
}

// because says why a LAN of s has what it has; r is nil if no LAN has any.
func (r *Report) because(s *site.Site, lan site.LAN) (reasons []string) {
	if !lan.HasIPv6() {
		if len(s.Sources6()) > 0 {
			return []string{`It has no IPv6 because site.toml says so: ipv6 = "off".`}
		}
		return []string{"It has no IPv6 because the site gives it no address, nor is there a prefix that LANs have " +
			"theirs of: [tunnel], delegation of [wan], or ula of [ipv6]."}
	}
	l := &r.LANs[slices.IndexFunc(r.LANs, func(l LAN) bool { return l.Name == lan.Name })]
	for _, n := range l.Networks {
		reasons = append(reasons, r.origin(l, n))
	}
	for _, from := range l.From {
		reasons = append(reasons, r.missing(l, from)...)
	}
	if l.Told != nil {
		for _, old := range l.Told.Old {
			reasons = append(reasons, fmt.Sprintf("%s is gone. Hosts are told so for another %s, as long as one can "+
				"hold it.", old.Prefix, cli.Span(old.Left)))
		}
	}
	return append(reasons, r.route(l))
}

// origin says where a network comes from, and whether hosts are to use it.
func (r *Report) origin(l *LAN, n plan.Prefix6) string {
	text := fmt.Sprintf("%s is the site's own: ipv6 of the LAN in site.toml", n.Prefix)
	if n.From != "" {
		text = fmt.Sprintf("%s is subnet %d of %s, which %s", n.Prefix, l.Subnet, r.wholeOf(n), giver(n.From))
	}
	switch {
	case n.Way != "" && n.Way != r.Ways[0].Name && r.Ways[0].Up:
		text += fmt.Sprintf("; hosts begin nothing by it while %s is up", r.Ways[0].Name)
	case n.Preferred <= r.Up:
		text += "; hosts begin nothing by it, for its preferred lifetime is over"
	}
	if n.Valid != wan.Never {
		text += "; it ends in " + cli.Span(n.Valid-r.Up)
	}
	return text + "."
}

// wholeOf is the prefix that a network is a part of.
func (r *Report) wholeOf(n plan.Prefix6) string {
	for _, p := range r.Prefixes {
		if p.From == n.From && p.Prefix.Overlaps(n.Prefix) {
			return p.Prefix.String()
		}
	}
	return "a prefix"
}

func giver(from site.Source6) string {
	switch from {
	case site.FromTunnel:
		return "the tunnel's broker routes here"
	case site.FromWAN:
		return "the provider delegates"
	}
	return "is the house's own (ULA, RFC 4193)"
}

// missing says why a LAN has no network of a source.
func (r *Report) missing(l *LAN, from site.Source6) (all []string) {
	if len(r.without(from)) > 0 {
		return []string{fmt.Sprintf("It has no network by its source %q: %s.", from, r.whyNone(from))}
	}
	for _, p := range r.Prefixes {
		n, ok := site.Subnet6(p.Prefix, l.Subnet)
		switch {
		case p.From != from:
		case !ok:
			all = append(all, fmt.Sprintf("%s (%s) is too small to have subnet %d, which is the LAN's.",
				p.Prefix, from, l.Subnet))
		case !slices.ContainsFunc(l.Networks, func(have plan.Prefix6) bool { return have.Prefix == n }):
			all = append(all, fmt.Sprintf("%s (%s) is left out, since it overlaps another network of the LAN.", n,
				from))
		}
	}
	return all
}

// route says why hosts are told of a default route, or of none.
func (r *Report) route(l *LAN) string {
	var up []string
	for _, way := range r.Ways {
		if way.Up && slices.ContainsFunc(l.Networks, func(n plan.Prefix6) bool { return n.Way == way.Name }) {
			up = append(up, way.Name)
		}
	}
	if len(up) > 0 {
		are := "is"
		if len(up) > 1 {
			are = "are"
		}
		return fmt.Sprintf("Hosts take the appliance for their way out, for %s %s up.", listed(up), are)
	}
	text := "Hosts are told of no default route: "
	for _, name := range r.configured() {
		if why := r.whyDown(name); why != "" {
			return text + why + "."
		}
	}
	switch {
	case len(l.Networks) == 0:
		return text + "the LAN has no network."
	case len(r.configured()) == 0:
		return text + "the site has no way out over IPv6."
	}
	return text + "no address of the LAN is of use outside."
}

// events are those of both ways out.
func (r *Report) events(now time.Time) []Event {
	all := []Event{}
	if six := r.wan.value.IPv6; six != nil {
		for _, e := range six.Events {
			all = append(all, Event{now.Add(e.At - r.wan.value.Up).UTC(), byWAN, e.Text})
		}
	}
	for _, e := range r.tunnel.value.Events {
		all = append(all, Event{now.Add(e.At - r.tunnel.value.Now).UTC(), byTunnel, e.Text})
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return all
}

func (x *Explanation) print(w io.Writer) {
	for _, b := range x.LANs {
		var rows [][]string
		label := b.LAN
		for _, reason := range b.Reasons {
			rows = append(rows, []string{label, reason})
			label = ""
		}
		cli.Screen(w, rows)
	}
	if len(x.Events) == 0 {
		return
	}
	rows := [][]string{{"TIME (UTC)", "WAY", "EVENT"}}
	for _, e := range x.Events[max(0, len(x.Events)-shownEvents):] {
		rows = append(rows, []string{e.Time.Format(time.DateTime), e.Way, e.Text})
	}
	cli.Screen(w, rows)
}
