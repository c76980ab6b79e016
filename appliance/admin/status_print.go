package admin

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/appliance/admin/ipv6"
	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// shownNeighbours is how much of their table must be used before it is shown.
const shownNeighbours = 0.5

// print writes one screen: what it is, its networks, what they need of the machine, its services, what is
// wrong.
func (st Status) print(out io.Writer) error {
	w := printable.Writer(out)
	m := st.Machine
	title := fmt.Sprintf("%s · %s · %s", m.Version, m.Kernel, m.Platform)
	if m.Kernel == "" {
		title = "the kernel has not answered"
	}
	cli.Screen(w, [][]string{{m.Name, title}, {loadLine(m)}})
	cli.Screen(w, st.linkRows())
	cli.Screen(w, st.machineRows())
	cli.Screen(w, st.serviceRows())
	if len(st.Problems) == 0 {
		_, err := fmt.Fprintln(w, "Everything is as it should be.")
		return err
	}
	return cli.Problems(w, st.Problems)
}

func loadLine(m machine.Facts) string {
	if m.Memory.Total == 0 {
		return "up, load and memory are not known" // the kernel did not answer in time
	}
	return fmt.Sprintf("up %s · load %.2f %.2f %.2f, %s · %s memory in use", cli.Span(m.Uptime),
		m.Load[0], m.Load[1], m.Load[2], cli.Count(m.CPUs, "CPU", "CPUs"),
		used(m.Memory.Total, m.Memory.Available))
}

// linkRows are the networks of the site.
func (st Status) linkRows() (rows [][]string) {
	for _, l := range st.Links {
		rows = append(rows, []string{l.Name, l.Interface, l.State, st.poolOf(l.Name),
			strings.Join(l.Addresses, " ")})
	}
	return rows
}

// poolOf says how full the pool of a LAN is.
func (st Status) poolOf(lan string) string {
	if st.DHCP == nil {
		return ""
	}
	for _, s := range st.DHCP.Subnets {
		switch {
		case s.Name != lan:
		case s.PoolSize > 0:
			return fmt.Sprintf("pool %d of %d", s.PoolUsed, s.PoolSize)
		default:
			return cli.Count(s.Leases, "lease", "leases")
		}
	}
	return ""
}

// machineRows are what the network needs of the machine.
func (st Status) machineRows() (rows [][]string) {
	m := st.Machine
	add := func(label, text string) { rows = append(rows, []string{label, text}) }
	for _, line := range siteLines(st.Box.Site) {
		add("site", line)
	}
	if st.WAN != nil {
		add("wan", wan.Line(*st.WAN))
	}
	if st.IPv6 != nil {
		add("ipv6", ipv6.Line(*st.IPv6, m.Uptime))
	}
	if st.Tunnel != nil {
		add("tunnel", tunnel.Line(*st.Tunnel))
	}
	for _, line := range st.gatewayLines() {
		add("gateway", line)
	}
	if c := m.Conversations; c.Limit > 0 {
		add("conversations", fmt.Sprintf("%d of %d", c.Used, c.Limit))
	}
	for _, n := range m.Neighbours {
		if crowded(n.Table, shownNeighbours) {
			add("neighbours", fmt.Sprintf("%d of %d %s, %d do not answer", n.Used, n.Limit, n.Family,
				n.Silent))
		}
	}
	if m.Kernel != "" {
		add("clock", clockLine(m.Clock, st.Time != nil))
	}
	if st.Time != nil {
		add("time", clock.Line(*st.Time))
	}
	if !st.Authorities.IsZero() {
		add("authorities", "of certificates, as of "+st.Authorities.UTC().Format(time.DateOnly))
	}
	perm, _ := st.disk(permDir)
	for _, d := range m.Disks {
		if d.Dir != permDir && !slices.Contains(memoryDirs, d.Dir) &&
			(d.Device == "" || d.Device != perm.Device) {
			add(d.Dir, diskLine(d))
		}
	}
	add(permDir, st.storageLine())
	if w := st.Box.Watchdog; w != nil {
		add("watchdog", watchdogLine(*w))
	}
	return rows
}

// siteLines say which site runs, and since when.
func siteLines(r box.Running) []string {
	m, line := r.Meta, "of the image"
	if r.Number != 0 {
		line = fmt.Sprintf("%d of %s by %s", r.Number, m.When.UTC().Format(time.DateTime)+" UTC",
			cmp.Or(m.Who, "somebody"))
		if m.What != "" {
			line += ": " + m.What
		}
	}
	if t := r.Trial; t != nil {
		line = fmt.Sprintf("%d of %s, on trial for another %s: gatehouse confirm, or rollback", t.Number,
			t.By, cli.Span(t.Left))
	}
	lines := []string{line}
	if r.Note != "" {
		lines = append(lines, r.Note)
	}
	return lines
}

// gatewayLines are the default routes that are there, then those that are missing.
func (st Status) gatewayLines() (lines []string) {
	for _, r := range st.Machine.Routes {
		via := "the link " + r.Link
		if r.Via.IsValid() {
			via = fmt.Sprintf("%s on %s, %s", r.Via, r.Link, stateLine(r))
		}
		lines = append(lines, via)
	}
	for _, g := range st.Gateways {
		if !st.routes(g) {
			lines = append(lines, fmt.Sprintf("%s on %s, no route", g.Via, g.Link))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "none")
	}
	return lines
}

// lately is how long ago a gateway was heard that is said to answer: as long as a neighbour that is not asked
// stays reachable in the kernel, at most (base_reachable_time of arp(7), and half of it).
const lately = 45 * time.Second

func stateLine(r machine.Route) string {
	switch {
	case r.State.Silent():
		return "does not answer"
	case r.State == machine.Unasked:
		return "not used yet"
	case r.State == machine.NoARP || r.State == machine.Permanent:
		return "not asked"
	case r.Heard > lately:
		return "heard " + cli.Span(r.Heard) + " ago"
	}
	return "answers"
}

// clockLine says what the time is. Whether it is kept the kernel says, unless a service does, which knows
// more.
func clockLine(c machine.Clock, kept bool) string {
	text := c.Time.UTC().Format(time.DateTime) + " UTC"
	switch {
	case kept:
	case c.Synchronised:
		text += ", synchronised"
	default:
		text += ", not synchronised"
	}
	if c.Source != "" {
		text += ", source " + c.Source
	}
	return text
}

// disk is the one that has dir, if its use is known.
func (st Status) disk(dir string) (machine.Disk, bool) {
	for _, d := range st.Machine.Disks {
		if d.Dir == dir {
			return d, true
		}
	}
	return machine.Disk{}, false
}

func diskLine(d machine.Disk) string {
	text := used(d.Size, d.Free) + " in use"
	if d.ReadOnly {
		text += ", read-only"
	}
	if d.Device != "" {
		text = d.Device + ", " + text
	}
	return text
}

// storageLine says what /perm is, and how full.
func (st Status) storageLine() string {
	s := st.Box.Boot.Storage
	d, known := st.disk(permDir)
	switch {
	case s.Kind == boot.StorageLost:
		return "in memory: lost at the next start"
	case s.Kind == boot.StorageRoot && known:
		return diskLine(d) + "; with the root disk, a new image begins anew"
	case s.Kind == boot.StorageRoot:
		return "on the root disk: a new image begins anew"
	case known:
		return diskLine(d)
	}
	return cmp.Or(s.Device, "unknown")
}

// serviceRows are the services in the order of their start. One that does not answer is not ready, whatever
// init takes it for.
func (st Status) serviceRows() (rows [][]string) {
	for _, s := range st.Services {
		state, since := string(s.State), s.Since
		silence, known := st.silence(s.Name)
		if st.mute(s.Name) {
			state, since = "silent", silence.For
		}
		row := []string{s.Name, state, "for " + cli.Span(since), restarts(s)}
		if st.mute(s.Name) && !known {
			row[2] = "now"
		}
		rows = append(rows, row)
	}
	if len(st.Services) > 0 {
		return rows
	}
	for _, h := range st.Heard {
		row := []string{h.Service, "answers"}
		if !h.Answers {
			row[1] = "silent"
		}
		rows = append(rows, row)
	}
	return rows
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

// used says how much of something is in use, in MiB, or GiB from 10 of them on.
func used(all, free uint64) string {
	const gib = 1 << 30
	inUse := all - min(free, all)
	if all >= 10*gib {
		return fmt.Sprintf("%.1f of %.1f GiB", float64(inUse)/gib, float64(all)/gib)
	}
	return fmt.Sprintf("%d of %d MiB", mib(inUse), mib(all))
}

func mib(n uint64) uint64 { return n >> 20 }
