package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// How the journal of leases and the file of stations are followed. The kernel says when they are written to;
// the look from time to time is for a file system that does not say so.
const (
	settle = 10 * time.Millisecond // records that come together are taken together
	look   = time.Second
)

// A Journal is what another service has written of its leases, and goes on to write.
type Journal interface {
	// Poll calls each for every record since the last Poll, in their order; Until is the zero Time of one
	// that has ended. If the journal was rewritten, or is read for the first time, it calls restart and then
	// each for every record there is.
	Poll(restart func(), each func(zone.Lease)) error
	Close() error
}

// Stations are the addresses that hosts make themselves, as another service publishes them.
type Stations interface {
	// Poll returns all of them, in the order in which they were first seen, if they are others than at the
	// last Poll, and whether they are. At the first Poll they are, if there are any.
	Poll() (all []zone.Station, changed bool, err error)
}

// names keeps the table of the house: the names of the site, and over them those of the leases and stations
// that there are.
//
//	journal, stations ─ written ─► Poll ─► Stations.With ─► set
//	                                         ▲  ▲
//	a lease ends (Table.Next) ───────────────┘  └── another site: its table, and all of both anew
//
// One goroutine owns it; before run it is of who made it.
type names struct {
	set func(*zone.Table) // has the table answered from
	o   *Options

	base    *zone.Table // without leases
	table   *zone.Table
	journal Journal // nil: there are no leases
	failed  failure // of the journal
	made    made

	calls chan func()
	over  chan struct{}
}

// made is what is known of stations.
type made struct {
	file   Stations // nil: there are none
	all    []zone.Station
	names  *zone.Stations
	failed failure
}

func newNames(set func(*zone.Table), o *Options) *names {
	return &names{set: set, o: o, calls: make(chan func()), over: make(chan struct{})}
}

// adopt goes on with the table of a site and what it says of who has names.
func (n *names) adopt(base *zone.Table, conf *dns.Config) {
	n.close()
	n.base, n.table = base, base
	n.made = made{names: zone.NewStations(base, nil)}
	if conf.Leases != "" {
		n.journal = n.o.Follow(conf.Leases)
	}
	if conf.Stations != "" {
		n.made.file = n.o.Stations(conf.Stations, conf.Temporary)
	}
	n.poll()
	n.set(n.table)
}

// poll takes what is new, and lets end what has ended.
func (n *names) poll() {
	now, fresh := n.o.Now(), false
	var changes []zone.Lease
	if n.journal != nil {
		err := n.journal.Poll(func() { fresh, changes = true, nil }, func(l zone.Lease) {
			changes = append(changes, l)
		})
		n.failed.note(err, "the names of clients", n.o.Log)
	}
	if fresh {
		n.table = n.base
		n.made.names = zone.NewStations(n.base, n.made.all)
	}
	others := n.made.poll(n.table, n.o.Log)
	if next := n.table.Next(); !fresh && !others && len(changes) == 0 && (next.IsZero() || next.After(now)) {
		return
	}
	n.table = n.made.names.With(now, n.table, changes...)
	n.set(n.table)
}

// poll takes the stations that there are, and reports whether they are others.
func (m *made) poll(t *zone.Table, log *slog.Logger) bool {
	if m.file == nil {
		return false
	}
	all, changed, err := m.file.Poll()
	m.failed.note(err, "the IPv6 addresses of hosts", log)
	if err == nil && changed {
		m.all = all
		m.names.Set(t, all)
	}
	return err == nil && changed
}

// failure is why something could not be read, "" if it could.
type failure string

// note logs when something cannot be read, once, and when it can again.
func (f *failure) note(err error, what string, log *slog.Logger) {
	switch {
	case err == nil && *f != "":
		*f = ""
		log.Info(what + " can be read again")
	case err != nil && *f == "":
		log.Error(what+" cannot be read", "cause", err)
		fallthrough
	case err != nil:
		*f = failure(err.Error())
	}
}

// run keeps the table until ctx ends. written tells that the journal may have been written to.
func (n *names) run(ctx context.Context, written <-chan struct{}) {
	defer close(n.over)
	defer n.close()
	timer := time.NewTimer(look)
	for {
		select {
		case <-ctx.Done():
			return
		case call := <-n.calls:
			call()
		case <-written:
			if !wait(ctx, settle) {
				return
			}
			n.poll()
		case <-timer.C:
			n.poll()
		}
		timer.Reset(n.pause())
	}
}

// pause is how long there is nothing to do if nothing comes.
func (n *names) pause() time.Duration {
	pause := look
	if next := n.table.Next(); !next.IsZero() {
		pause = min(pause, max(next.Sub(n.o.Now()), 0))
	}
	return pause
}

// wait is false if ctx ended before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

var errOver = errors.New("the service has ended")

// do has the owner call f.
func (n *names) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case n.calls <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-n.over:
		return errOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *names) close() {
	if n.journal != nil {
		if err := n.journal.Close(); err != nil {
			n.o.Log.Error(fmt.Sprintf("closing the journal of leases: %v", err))
		}
		n.journal = nil
	}
}
