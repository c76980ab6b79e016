package admin

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// Status is what `gatehouse status --json` prints.
type Status struct {
	Machine  machine.Facts      `json:"machine"`
	Box      Box                `json:"box"`
	Links    []Link             `json:"links"`
	Services []supervise.Status `json:"services"`
	DHCP     *run.Status        `json:"dhcp,omitempty"`
	Problems []string           `json:"problems"` // everything that is wrong, for people
}

// errProblems makes the exit status tell what status has shown: scripts ask, too.
var errProblems = errors.New("something is wrong")

// status prints the appliance on one screen.
func status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := options(flags, args, 0); err != nil {
		return err
	}
	st := collect(ctx, env)
	show := st.print
	if *asJSON {
		show = func(w io.Writer) error { return printJSON(w, st) }
	}
	if err := show(env.Stdout); err != nil {
		return err
	}
	if len(st.Problems) > 0 {
		return errProblems
	}
	return nil
}

// collect asks everybody. Who does not answer is a problem, not an error.
func collect(ctx context.Context, env Env) Status {
	st := Status{Problems: []string{}}
	wrong := func(format string, args ...any) { st.Problems = append(st.Problems, fmt.Sprintf(format, args...)) }

	if err := env.ask(ctx, InitService, "box", nil, &st.Box); err != nil {
		wrong("init does not answer: %v", err)
	}
	var err error
	if st.Machine, err = env.Machine(); err != nil {
		wrong("of the machine, not all is known: %v", err)
	}
	st.Problems = append(st.Problems, st.Box.Problems...)
	if s := st.Box.Boot.Storage; s.Problem != "" {
		wrong("/perm: %s", s.Problem)
	}
	if w := st.Box.Watchdog; w != nil {
		st.Problems = append(st.Problems, watchdogProblems(*w)...)
	}
	if err := env.ask(ctx, InitService, "services", nil, &st.Services); err != nil {
		wrong("the services are not known: %v", err)
	}
	for _, s := range st.Services {
		if s.State != supervise.Ready {
			wrong("service %s is in state %s: %s", s.Name, s.State, why(s))
		}
	}
	if s, err := env.Site(); err != nil {
		wrong("the site is not readable: %v", err)
	} else {
		st.Links = env.Links(s)
	}
	for _, l := range st.Links {
		if p := l.problem(); p != "" {
			wrong("%s", p)
		}
	}
	var d run.Status
	if err := env.ask(ctx, roster.DHCP, "status", nil, &d); err == nil {
		st.DHCP = &d
		st.Problems = append(st.Problems, d.Problems...)
	}
	return st
}

// why says in a few words how a service that is not ready came to that.
func why(s supervise.Status) string {
	words := s.LastExit
	if n := len(s.LastWords); n > 0 {
		words = strings.TrimSpace(words + ", " + s.LastWords[n-1])
	}
	if words == "" {
		return "since " + span(s.Since)
	}
	return words
}

func (st Status) print(w io.Writer) error {
	b, m := st.Box, st.Machine
	fmt.Fprintf(w, "%s   %s · %s · %s\n", m.Name, m.Version, m.Kernel, m.Platform)
	fmt.Fprintf(w, "up %s · %s\n\n", span(m.Uptime), memoryLine(m.Memory))

	var rows [][]string
	for _, l := range st.Links {
		rows = append(rows, []string{l.Name, l.Interface, l.State, strings.Join(l.Addresses, " "), st.poolOf(l.Name)})
	}
	printTable(w, rows)
	rows = nil
	for _, s := range st.Services {
		rows = append(rows, []string{s.Name, string(s.State), "for " + span(s.Since), restarts(s)})
	}
	rows = append(rows, []string{"/perm", storageLine(b.Boot.Storage)})
	if b.Watchdog != nil {
		rows = append(rows, []string{"watchdog", watchdogLine(*b.Watchdog)})
	}
	printTable(w, rows)
	if len(st.Problems) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	for _, p := range st.Problems {
		fmt.Fprintf(w, "! %s\n", strings.ReplaceAll(p, "\n", "\n  "))
	}
	return nil
}

// printTable writes rows in columns, and an empty line after them.
func printTable(w io.Writer, rows [][]string) {
	printRows(w, rows)
	fmt.Fprintln(w)
}

// printRows writes rows in columns.
func printRows(w io.Writer, rows [][]string) error {
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// poolOf says how full the pool of a LAN is.
func (st Status) poolOf(lan string) string {
	if st.DHCP == nil {
		return ""
	}
	for _, s := range st.DHCP.Subnets {
		if s.Name != lan {
			continue
		}
		text := fmt.Sprintf("%d leases", s.Leases)
		if s.Leases == 1 {
			text = "1 lease"
		}
		if s.PoolSize > 0 {
			text += fmt.Sprintf(", pool %d of %d used", s.PoolUsed, s.PoolSize)
		}
		return text
	}
	return ""
}

func restarts(s supervise.Status) string {
	switch s.Restarts {
	case 0:
		return ""
	case 1:
		return "restarted once: " + s.LastExit
	}
	return fmt.Sprintf("restarted %d times: %s", s.Restarts, s.LastExit)
}

func storageLine(s boot.Storage) string {
	switch s.Kind {
	case boot.StorageDisk:
		return "on its own disk, " + s.Device
	case boot.StorageRoot:
		return "on the root disk: a new image begins anew"
	case boot.StorageLost:
		return "lost"
	}
	return "unknown"
}

func memoryLine(m machine.Memory) string {
	const mib = 1 << 20
	return fmt.Sprintf("%d of %d MiB memory in use", (m.Total-min(m.Available, m.Total))/mib, m.Total/mib)
}
