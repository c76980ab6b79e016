package admin

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// dhcpCommand prints how the DHCP server is doing or, with why, what it told whom.
func dhcpCommand(ctx context.Context, env Env, args []string) error {
	if len(args) > 0 && args[0] == "why" {
		return dhcpWhy(ctx, env, args[1:])
	}
	flags := flag.NewFlagSet("dhcp", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	var st run.Status
	if err := env.ask(ctx, roster.DHCP, "status", nil, &st); err != nil {
		return err
	}
	show := func() error { return printDHCP(printable.Writer(env.Stdout), st, env) }
	if *asJSON {
		show = func() error { return cli.JSON(env.Stdout, st) }
	}
	if err := show(); err != nil {
		return err
	}
	if len(dhcpProblems(st)) > 0 {
		return cli.ErrProblems
	}
	return nil
}

// dhcpProblems is what a person should look at, one sentence each.
func dhcpProblems(st run.Status) (all []string) {
	for _, s := range st.Subnets {
		if s.Absent != "" {
			all = append(all, fmt.Sprintf("%s is not served: %s", s.Name, s.Absent))
		}
	}
	return append(all, st.Problems...)
}

// printDHCP writes a table with a column for each network.
func printDHCP(w io.Writer, st run.Status, env Env) error {
	served := 0
	for _, s := range st.Subnets {
		if s.Absent == "" {
			served++
		}
	}
	fmt.Fprintf(w, "DHCP serves %s, for %s.\n\n",
		cli.Count(served, "network", "networks"), cli.Span(env.Now().Sub(st.Started)))
	t := dhcpTable{subnets: st.Subnets}
	t.text("", func(s run.SubnetStatus) string { return s.Name })
	t.text("link", func(s run.SubnetStatus) string { return cmp.Or(s.Interface, "relayed") })
	t.number("leases", "reserved addresses too", func(s run.SubnetStatus) int { return s.Leases })
	t.number("pool", "", func(s run.SubnetStatus) int { return s.PoolSize })
	t.number("  leased", "", func(s run.SubnetStatus) int { return s.PoolUsed - s.Offered - s.Declined })
	t.number("  on offer", "", func(s run.SubnetStatus) int { return s.Offered })
	t.number("  in quarantine", "found in use by somebody who never asked", func(s run.SubnetStatus) int {
		return s.Declined
	})
	t.number("  free", "", func(s run.SubnetStatus) int { return s.PoolFree })
	t.counters("received", messageTypes(), func(s run.SubnetStatus) map[string]uint64 { return s.Received })
	t.counters("sent", messageTypes(), func(s run.SubnetStatus) map[string]uint64 { return s.Sent })
	t.counters("not answered", dropMeanings(), func(s run.SubnetStatus) map[string]uint64 {
		return s.Dropped
	})
	t.counters("DISCOVER by boot stage", stageMeanings(), func(s run.SubnetStatus) map[string]uint64 {
		return s.Stages
	})
	t.counters("probes", probeMeanings(), func(s run.SubnetStatus) map[string]uint64 {
		return map[string]uint64{"sent": s.Probes.Sent, "in use": s.Probes.InUse, "skipped": s.Probes.Skipped,
			"not believed": s.Probes.Doubted}
	})
	cli.Table(w, t.rows)
	j := st.Journal
	fmt.Fprintf(w, "journal: %s, %d syncs, rewritten %s\n",
		cli.Count(j.Records, "record", "records"), j.Syncs, cli.Count(int(j.Rewrites), "time", "times"))
	for _, s := range st.Subnets {
		told := func(problem string) bool { return strings.Contains(problem, s.FilledBy) }
		if s.FilledBy != "" && !slices.ContainsFunc(st.Problems, told) {
			fmt.Fprintf(w, "the pool of %s is nearly full: %s\n", s.Name, s.FilledBy)
		}
	}
	for _, p := range dhcpProblems(st) {
		fmt.Fprintf(w, "! %s\n", p)
	}
	return nil
}

// dhcpTable is rows with a column for each network, and a remark behind.
type dhcpTable struct {
	subnets []run.SubnetStatus
	rows    [][]string
}

func (t *dhcpTable) text(label string, of func(run.SubnetStatus) string) {
	row := []string{label}
	for _, s := range t.subnets {
		row = append(row, of(s))
	}
	t.rows = append(t.rows, append(row, "")) // with room for a remark
}

func (t *dhcpTable) number(label, remark string, of func(run.SubnetStatus) int) {
	t.text(label, func(s run.SubnetStatus) string { return fmt.Sprint(of(s)) })
	t.rows[len(t.rows)-1][1+len(t.subnets)] = remark
}

// counters adds a row for each counter that is not 0, those that have a meaning in its
// order, and a heading before the first.
func (t *dhcpTable) counters(heading string, known []meaning, of func(run.SubnetStatus) map[string]uint64) {
	total := map[string]uint64{}
	for _, s := range t.subnets {
		for key, n := range of(s) {
			total[key] += n
		}
	}
	for _, key := range slices.Sorted(maps.Keys(total)) { // a newer service may know more
		if !slices.ContainsFunc(known, func(m meaning) bool { return m.key == key }) {
			known = append(known, meaning{key, ""})
		}
	}
	for _, m := range known {
		if total[m.key] == 0 {
			continue
		}
		if heading != "" {
			t.text(heading, func(run.SubnetStatus) string { return "" })
			heading = ""
		}
		t.number("  "+m.key, m.text, func(s run.SubnetStatus) int { return int(of(s)[m.key]) })
	}
}

// meaning says what a counter counts.
type meaning struct{ key, text string }

func messageTypes() []meaning {
	var all []meaning
	for name := range strings.FieldsSeq("DISCOVER OFFER REQUEST ACK NAK DECLINE RELEASE INFORM") {
		all = append(all, meaning{name, ""})
	}
	return all
}

func stageMeanings() []meaning {
	var all []meaning
	for s := range dhcp.StageCount {
		all = append(all, meaning{s.String(), ""})
	}
	return all
}

func probeMeanings() []meaning {
	return []meaning{{"sent", ""}, {"in use", "somebody answered"},
		{"skipped", "too many at once, or no socket: offered unprobed"},
		{"not believed", "of a card that answers for one address after the other"}}
}

// dropMeanings says why messages get no answer, and so does why.
func dropMeanings() []meaning {
	return []meaning{
		{dhcp.DropExhausted.String(), "every address of the pool is in use"},
		{dhcp.DropKept.String(), "asked for by a card that has much of the pool: the rest is kept for others"},
		{dhcp.DropNoPool.String(), "no address of its own, and no pool"},
		{dhcp.DropNoRecord.String(), "confirms an address, but nothing is known of it: it asks anew by itself"},
		{dhcp.DropOtherServer.String(), "took the offer of another server, or is for one"},
		{dhcp.DropNotHeld.String(), "gives back what it does not have"},
		{dhcp.DropNotBelieved.String(), "declines one address after the other"},
		{dhcp.DropRelay.String(), "relayed from a network that is not served"},
		{dhcp.DropMalformed.String(), "cannot be read, or lacks what it needs"},
		{dhcp.DropType.String(), "a message that only servers send"},
		{dhcp.DropNotRequest.String(), "a reply"},
		{dhcp.DropHardware.String(), "not from the address of an Ethernet card"},
		{dhcp.DropNotStored.String(), "the lease could not be stored"},
		{dhcp.DropNotSent.String(), "the answer could not be sent"},
	}
}
