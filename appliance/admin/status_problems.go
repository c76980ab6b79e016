package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Our own choices: when what is scarce is a problem. Each leaves time to do something about it.
const (
	crowdedTable = 0.90 // of the kernel's limit
	fullDisk     = 0.95 // of bytes or inodes
	// bytes left, when /perm is on the root disk: an image has 2 MiB beyond its content
	fullRoot     = 1 << 20
	littleMemory = 0.08 // of it all, still available
	oldList      = 2 * 365 * 24 * time.Hour
)

// newestImage is the time of all files of an image: no clock is right that is before it.
func newestImage() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// What a unit says is shown up to here.
const (
	maxProblems    = 20   // of one unit
	maxProblemText = 1024 // bytes of one
)

// plain makes what another process says safe for a terminal, line by line.
func plain(text string) string {
	if len(text) > maxProblemText {
		text = text[:maxProblemText] + "…"
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = printable.String(line)
	}
	return strings.Join(lines, "\n")
}

// problems are what is wrong, the worst first: what the start, the services and the network lack, then what
// gets scarce.
func (st *Status) problems(a answers) []string {
	all := []string{} // an empty list, not null, for programs
	add := func(more ...string) { all = append(all, more...) }
	if a.ofInit != nil {
		add(a.initProblem())
	}
	add(st.Box.Problems...)
	if p := st.Box.Boot.Storage.Problem; p != "" {
		add("/perm: " + plain(p) + "; what the box learns is kept in memory until its next start, and no site can be applied")
	}
	if s := st.Box.Boot.Storage; s.NoJournal {
		add(fmt.Sprintf("/perm: %s has no journal: a power cut can damage it, and lose leases that were promised; "+
			"with the box shut down, tune2fs -j on its disk adds one", s.Device))
	}
	if w := st.Box.Watchdog; w != nil {
		add(watchdogProblems(*w)...)
	}
	if a.ofSupervisor != nil && a.ofInit == nil {
		add("the services are not known: " + plain(a.ofSupervisor.Error()))
	}
	for _, s := range st.Services {
		if !serves(s) {
			add(st.stateProblem(s))
		}
	}
	for _, u := range a.units {
		if a.expected(u, st.Services) {
			add(st.unitProblems(u, a)...)
		}
	}
	add(refusedProblems(st.Box.Refused)...)
	if a.site.err != nil {
		add(plain(a.site.err.Error()))
	}
	for _, l := range st.Links {
		if p := l.problem(); p != "" {
			add(p)
		}
	}
	if a.machine.err != nil {
		add("not all of the machine is known: " + plain(a.machine.err.Error()))
	}
	if st.Machine.Kernel == "" { // it has told nothing at all
		return all
	}
	add(st.routeProblems()...)
	add(st.Shares.problems()...)
	add(st.diskProblems()...)
	add(scarce(st.Machine)...)
	add(st.authorityProblems()...)
	return all
}

// routeProblems are what keeps packets from the world. Without its link no route can be.
func (st *Status) routeProblems() []string {
	var all []string
	for _, g := range st.Gateways {
		if !st.lacksLink(g.Link) && !st.routes(g) {
			all = append(all, fmt.Sprintf("the default route by %s on %s is missing", g.Via, g.Link))
		}
	}
	for _, r := range st.Machine.Routes {
		if r.State.Silent() {
			all = append(all, fmt.Sprintf("the gateway %s on %s does not answer %s", r.Via, r.Link,
				resolution(r)))
		}
	}
	return all
}

// routes reports whether the kernel has g.
func (st Status) routes(g Gateway) bool {
	return slices.ContainsFunc(st.Machine.Routes, func(r machine.Route) bool {
		return r.Via == g.Via && r.Link == g.Link
	})
}

// resolution is how a gateway was asked for its hardware address.
func resolution(r machine.Route) string {
	if r.Via.Is4() {
		return "ARP"
	}
	return "neighbour discovery"
}

// lacksLink reports whether a link of the site is missing or down.
func (st *Status) lacksLink(name string) bool {
	return slices.ContainsFunc(st.Links, func(l Link) bool { return l.Interface == name && l.absent() })
}

// diskProblems are of the disks. A disk that is only read may be full, and /perm is never only read.
func (st *Status) diskProblems() []string {
	var all []string
	damaged := map[string]bool{} // one disk may have both directories
	for _, d := range st.Machine.Disks {
		if d.Errors > 0 && !damaged[d.Device] {
			damaged[d.Device] = true
			all = append(all, fmt.Sprintf("the file system on %s is damaged: the kernel has found %s",
				d.Device, cli.Count(d.Errors, "error", "errors")))
		}
		kind := st.Box.Boot.Storage.Kind
		full := d.Full() >= fullDisk
		inMemory := slices.Contains(memoryDirs, d.Dir)
		if !inMemory && kind == boot.StorageRoot && d.FilesFree > 0 {
			full = d.Free < fullRoot
		}
		switch {
		case d.ReadOnly && d.Dir == permDir && (kind == boot.StorageDisk || kind == boot.StorageRoot):
			all = append(all, fmt.Sprintf("%s has become read-only: nothing can be stored", d.Dir))
		case inMemory && full:
			all = append(all, fmt.Sprintf("%s is %d%% full, and in memory: du -a %s", d.Dir,
				int(100*d.Full()), d.Dir))
		case !d.ReadOnly && full:
			// not 100 before it is
			all = append(all, fmt.Sprintf("%s is %d%% full", d.Dir, int(100*d.Full())))
		}
	}
	return all
}

// scarce is what will not last.
func scarce(m machine.Facts) []string {
	var all []string
	if c := m.Conversations; crowded(c, crowdedTable) {
		all = append(all, fmt.Sprintf("%d of %d conversations are in use: without a place, new ones are dropped", c.Used, c.Limit))
	}
	for _, n := range m.Neighbours {
		if !crowded(n.Table, crowdedTable) {
			continue
		}
		p := fmt.Sprintf("%d of %d places for %s neighbours are in use: without one, a host is not reached",
			n.Used, n.Limit, n.Family)
		if n.Silent > n.Used/2 {
			p += fmt.Sprintf("; %d do not answer: somebody tries addresses that nobody has", n.Silent)
		}
		all = append(all, p)
	}
	if m := m.Memory; m.Total > 0 && float64(m.Available) < littleMemory*float64(m.Total) {
		all = append(all, fmt.Sprintf("memory is short: %d of %d MiB are available", mib(m.Available),
			mib(m.Total)))
	}
	if t := m.Clock.Time; t.Before(newestImage()) {
		all = append(all, "the clock is wrong: it says "+t.Format(time.DateTime)+" UTC")
	}
	return all
}

// authorityProblems is a list of certificate authorities that is old: new ones are not believed, and who is
// not to be believed any more still is. There is none where nothing is known of it, or of the time.
func (st *Status) authorityProblems() []string {
	made := st.Authorities
	if made.IsZero() || st.Machine.Clock.Time.Sub(made) < oldList {
		return nil
	}
	return []string{fmt.Sprintf("the list of certificate authorities is of %s: servers with newer ones are not believed; "+
		"a new image has a newer list", made.UTC().Format(time.DateOnly))}
}

// crowded reports whether so much of a table is used, or more.
func crowded(t machine.Table, share float64) bool {
	return t.Limit > 0 && float64(t.Used) >= share*float64(t.Limit)
}
