package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// How the journal of leases is followed. The kernel says when it is written to; the look from time to time is
// for a file system that does not say so.
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

// names keeps the table of the house: the names of the site, and over them those of the leases that there
// are.
//
//	journal ─ written ─► Poll ─► Table.With ─► set
//	                              ▲  ▲
//	a lease ends (Table.Next) ────┘  └── another site: its table, and the whole journal anew
//
// One goroutine owns it; before run it is of who made it.
type names struct {
	set    func(*zone.Table) // has the table answered from
	follow func(dir string) Journal
	log    *slog.Logger
	now    func() time.Time

	base    *zone.Table // without leases
	table   *zone.Table
	journal Journal // nil: there are no leases
	failed  string  // why the journal could not be read, "" if it could

	calls chan func()
	over  chan struct{}
}

func newNames(set func(*zone.Table), follow func(string) Journal, log *slog.Logger, now func() time.Time) *names {
	return &names{set: set, follow: follow, log: log, now: now, calls: make(chan func()), over: make(chan struct{})}
}

// adopt goes on with the table of a site and the journal in dir, "" for none.
func (n *names) adopt(base *zone.Table, dir string) {
	n.close()
	n.base, n.table = base, base
	if dir != "" {
		n.journal = n.follow(dir)
	}
	n.poll()
	n.set(n.table)
}

// poll takes what is new in the journal, and lets end what has ended.
func (n *names) poll() {
	now, fresh := n.now(), false
	var changes []zone.Lease
	if n.journal != nil {
		err := n.journal.Poll(func() { fresh, changes = true, nil }, func(l zone.Lease) { changes = append(changes, l) })
		n.noteFailure(err)
	}
	from := n.table
	if fresh {
		from = n.base
	} else if next := n.table.Next(); len(changes) == 0 && (next.IsZero() || next.After(now)) {
		return
	}
	n.table = from.With(now, changes...)
	n.set(n.table)
}

// noteFailure logs when the journal cannot be read, once, and when it can again.
func (n *names) noteFailure(err error) {
	switch {
	case err == nil && n.failed != "":
		n.failed = ""
		n.log.Info("the names of clients can be read again")
	case err != nil && n.failed == "":
		n.log.Error("the names of clients cannot be read", "cause", err)
		fallthrough
	case err != nil:
		n.failed = err.Error()
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
		pause = min(pause, max(next.Sub(n.now()), 0))
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
			n.log.Error(fmt.Sprintf("closing the journal of leases: %v", err))
		}
		n.journal = nil
	}
}
