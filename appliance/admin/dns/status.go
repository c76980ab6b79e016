package dns

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dns/front"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
)

// shownTop is how many names and clients are shown unless all are asked for.
const shownTop = 5

// Status prints how the DNS server is doing, and with -a all that it tells of names and clients.
func Status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("dns", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	all := flags.Bool("a", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	var st run.Status
	if err := env.ask(ctx, "status", nil, &st); err != nil {
		return err
	}
	if *asJSON {
		if err := cli.JSON(env.Stdout, st); err != nil {
			return err
		}
	} else {
		r := report{Status: st, house: env.house(ctx), now: env.Now(), tops: shownTop}
		if *all {
			r.tops = max(len(st.Tops.Names), len(st.Tops.Clients))
		}
		if err := r.print(printable.Writer(env.Stdout)); err != nil {
			return err
		}
	}
	if len(problems(st)) > 0 {
		return cli.ErrProblems
	}
	return nil
}

// problems is what a person should look at, one sentence each.
func problems(st run.Status) (all []string) {
	for _, l := range st.Links {
		if l.Absent != "" {
			all = append(all, cut(l.Name, maxServer)+" is not served: "+printable.Cut(l.Absent, maxLine))
		}
	}
	for _, p := range st.Problems {
		all = append(all, printable.Cut(p, maxLine))
	}
	return all
}

// A report is what Status prints.
type report struct {
	run.Status
	house house
	now   time.Time
	tops  int
}

// loopback is the link by which the appliance asks itself.
const loopback = "lo"

func (r report) print(w io.Writer) error {
	served := 0
	for _, l := range r.Links {
		if l.Absent == "" && l.Name != loopback {
			served++
		}
	}
	fmt.Fprintf(w, "DNS serves %s, for %s.\n\n",
		cli.Count(served, "network", "networks"), cli.Span(r.now.Sub(r.Started)))
	cli.Screen(w, r.outcomeRows())
	cli.Screen(w, r.stateRows())
	cli.Screen(w, r.linkRows())
	cli.Screen(w, r.crowdRows())
	cli.Screen(w, r.upstreamRows())
	cli.Screen(w, r.troubleRows())
	names := func(text string) string { return cut(text, maxTop) }
	r.printTop(w, "NAME", r.Tops.Names, names)
	r.printTop(w, "CLIENT", r.Tops.Clients, func(text string) string {
		if a, err := netip.ParseAddr(text); err == nil {
			text = r.house.client(a)
		}
		return names(text)
	})
	if err := cli.Problems(w, problems(r.Status)); err != nil {
		return err
	}
	if len(problems(r.Status)) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	return nil
}

// outcomeMeanings say what became of a query, in the order in which people want to know.
func outcomeMeanings() [][2]string {
	return [][2]string{
		{resolver.Local.String(), "names of the house"},
		{resolver.Cached.String(), "answered before, and still good"},
		{resolver.Asked.String(), "those outside were asked"},
		{resolver.Stale.String(), "had run out, but there was no better answer"},
		{resolver.Failed.String(), "nobody had an answer"},
		{resolver.Served.String(), "unusual questions, for the full server"},
		{resolver.Rejected.String(), "not well formed, or refused"},
		{resolver.Left.String(), "too many at once: no reply"},
	}
}

// outcomeRows are the counters by kind, with their shares.
func (r report) outcomeRows() [][]string {
	known, total := outcomeMeanings(), uint64(0)
	for _, key := range slices.Sorted(maps.Keys(r.Answers.Outcomes)) { // a newer service may know more
		total += r.Answers.Outcomes[key]
		if !slices.ContainsFunc(known, func(m [2]string) bool { return m[0] == key }) {
			known = append(known, [2]string{key, ""})
		}
	}
	width := len(fmt.Sprint(total))
	rows := [][]string{{"queries", fmt.Sprint(total), "", ""}}
	for _, m := range known {
		n := r.Answers.Outcomes[m[0]]
		rows = append(rows, []string{"  " + cut(m[0], 12), fmt.Sprintf("%*d", width, n), share(n, total),
			m[1]})
	}
	return rows
}

// share writes n of total in percent, in a width that is always the same.
func share(n, total uint64) string {
	switch {
	case n == 0 || total == 0:
		return ""
	case float64(n) < 0.0005*float64(total):
		return "< 0.1 %"
	}
	return fmt.Sprintf("%5.1f %%", 100*float64(n)/float64(total))
}

// stateRows are what the service has at this moment.
func (r report) stateRows() [][]string {
	const mib = 1 << 20
	c := r.Answers.Cache
	cache := fmt.Sprintf("%s, %.1f of %.1f MiB in use", cli.Count(c.Entries, "answer", "answers"),
		float64(c.UsedBytes)/mib, float64(c.Bytes)/mib)
	if c.Evicted > 0 {
		cache += fmt.Sprintf("; %d had to make place for others", c.Evicted)
	}
	leases := fmt.Sprintf("%d with a name", r.Leases)
	if r.Stations > 0 {
		leases += fmt.Sprintf(", and %d IPv6 addresses that hosts have made", r.Stations)
	}
	return [][]string{
		{"cache", cache},
		{"under way", fmt.Sprintf("%s of %s", cli.Count(r.Answers.InFlight, "question", "questions"),
			cli.Count(r.Answers.Clients, "client", "clients"))},
		{"leases", leases},
	}
}

// linkRows are where queries come in.
func (r report) linkRows() [][]string {
	rows := [][]string{{"LINK", "BY UDP", "BY TCP", "DROPPED"}}
	for _, l := range r.Links {
		lost := "-"
		if l.Absent != "" {
			lost = "not served: " + printable.Cut(l.Absent, maxLine)
		} else if all := dropped(l.Stats); len(all) > 0 {
			lost = strings.Join(all, "; ")
		}
		rows = append(rows, []string{
			cut(l.Name, maxServer), fmt.Sprint(l.UDP.Queries), fmt.Sprint(l.TCP.Queries), lost,
		})
	}
	return rows
}

// dropped is what was lost on a link, and why.
func dropped(s front.Stats) (all []string) {
	for _, of := range []struct {
		n    uint64
		what string
	}{
		{s.Overflow, "came faster than they were read"},
		{s.Crowded, "of clients that asked too much"},
		{s.Oversized, "longer than a query can be"},
		{s.Unanswerable, "from where no client is"},
		{s.Unsent.Filtered, "replies that the firewall kept"},
		{s.Unsent.NoRoom, "replies for which the kernel had no room"},
		{s.Unsent.Unreachable, "replies without a way to the client"},
		{s.Unsent.Other, "replies that could not be sent"},
		{s.Untaken, "replies to connections that were gone"},
		{s.Evicted, "connections that made place for others"},
		{s.Slow, "connections that were too slow"},
	} {
		if of.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", of.n, of.what))
		}
	}
	return all
}

// crowdRows are the clients that have asked for more than could be answered.
func (r report) crowdRows() (rows [][]string) {
	for _, l := range r.Links {
		for _, c := range l.Crowds[:min(len(l.Crowds), r.tops)] {
			rows = append(rows, []string{
				cut(r.house.client(c.Client), maxTop), cut(l.Name, maxServer), fmt.Sprint(c.Dropped),
				cli.Span(max(r.now.Sub(c.Last), 0)) + " ago",
			})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return append([][]string{{"ASKED TOO MUCH", "LINK", "DROPPED", "LAST"}}, rows...)
}

// upstreamRows are those who are asked outside.
func (r report) upstreamRows() [][]string {
	if len(r.Upstream) == 0 {
		return [][]string{{"upstream", "nobody: names that are not of the house have no answer"}}
	}
	rows := [][]string{{"UPSTREAM", "STATE", "LATENCY", "ASKED", "FOR"}}
	for _, u := range r.Upstream {
		rows = append(rows, []string{
			cut(u.String(), maxServer), cut(string(u.State), 12), latency(u), fmt.Sprint(u.Asked),
			domains(u.Domains),
		})
	}
	return rows
}

// troubleRows are what went wrong with them.
func (r report) troubleRows() (rows [][]string) {
	for _, u := range r.Upstream {
		name := cut(u.String(), maxServer)
		for _, line := range trouble(u, r.now) {
			rows = append(rows, []string{name, line})
			name = ""
		}
	}
	return rows
}

// domains are what a server is asked for.
func domains(all []string) string {
	var words []string
	for _, d := range all {
		if d == "." {
			words = append(words, "everything else")
			continue
		}
		words = append(words, cut(strings.TrimSuffix(d, "."), maxTop))
	}
	const most = 6
	if n := len(words) - most; n > 0 {
		words = append(words[:most], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(words, ", ")
}

// latency is how fast a server answers.
func latency(u upstream.Status) string {
	if u.Latency == 0 {
		return "-"
	}
	return cli.Took(u.Latency)
}

// trouble is what went wrong with a server, even if it is long over.
func trouble(u upstream.Status, now time.Time) (lines []string) {
	if u.Unanswered > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d not answered", u.Unanswered, u.Asked))
	}
	if u.Error != "" {
		line := printable.Cut(u.Error, maxLine)
		if !u.ErrorAt.IsZero() {
			line = cli.Span(now.Sub(u.ErrorAt)) + " ago: " + line
		}
		lines = append(lines, line)
	}
	if u.State == upstream.Down {
		again := "asked again when a question comes"
		if u.Retry >= time.Second {
			again = "left out for another " + cli.Span(u.Retry)
		}
		lines = append(lines, again)
	}
	return lines
}

// printTop writes what came most often, with its share of what was looked at.
func (r report) printTop(w io.Writer, heading string, all []run.Count, show func(string) string) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{{heading, "QUERIES", "SHARE"}}
	for _, c := range all[:min(r.tops, len(all))] {
		n, least := c.N-min(c.Over, c.N), ""
		if c.Over > 0 {
			least = "≥ "
		}
		part := strings.TrimSpace(share(n, r.Tops.Looked))
		rows = append(rows, []string{show(c.What), least + fmt.Sprint(n), part})
	}
	cli.Table(w, rows)
}
