package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

const (
	// retryAfter is how long a failing disk is left alone.
	retryAfter = time.Second
	// rewriteAfter is how long until a failed rewrite is tried again.
	rewriteAfter = time.Minute
	// stuckAfter is how long a write may take before it is a problem to tell.
	stuckAfter = 5 * time.Second
	// slack is how many outdated records a journal may hold beside as many as there
	// are leases.
	slack = 1000
)

// journal is the lease journal with its state for people.
type journal struct {
	file      *leasefile.Journal
	found     leasefile.Summary
	err       error     // why it cannot be written; nil: it can
	since     time.Time // of err
	retryAt   time.Time
	rewriteAt time.Time
	syncs     uint64
	// committing: a batch is under way, since began; it comes back through committed.
	committing bool
	began      time.Time
	committed  chan *leasefile.Commit
	rewrites   uint64
	rewriting  context.CancelFunc // of the rewrite under way; nil: none
	rewritten  chan rewritten
	frozen     bool // it is not rewritten: somebody reads it for another configuration
	outdated   bool // what the rewrite under way keeps is not for the present configuration
	kept       int  // records in the file after the last rewrite
}

// load opens the journal and restores the leases in it.
func (s *Service) load() (err error) {
	if s.journal.file, s.journal.found, err = leasefile.Open(s.o.FS, s.engine.Restore); err != nil {
		return err
	}
	for _, d := range s.journal.found.Damage {
		s.log.Error("lease journal damaged", "where", d.String())
	}
	if n := s.journal.found.Torn(); n > 0 {
		s.log.Warn("lease journal: cut off a write that was not finished", "bytes", n)
	}
	s.log.Info("leases restored", "leases", s.engine.Len(), "records", s.journal.found.Records)
	return nil
}

// commit starts to make the records of the batch durable, unless another batch is
// under way, which does so in the end. The work is done beside the owner, which goes on.
func (s *Service) commit() {
	j := &s.journal
	if j.committing || len(s.batch) == 0 {
		return
	}
	began := s.now() // which may begin a batch, or end here for one that it sends
	if j.committing {
		return
	}
	for _, it := range s.batch {
		j.file.Append(it.out.Records...)
	}
	s.batch, s.flying = s.flying[:0], s.batch
	j.committing, j.began = true, began
	c := j.file.Start()
	go func() {
		c.Run()
		j.committed <- c // never waits: one is under way, and there is room for it
	}()
}

// settle concludes what was under way, and sends the next batch on its way.
func (s *Service) settle(c *leasefile.Commit) {
	j, now := &s.journal, s.now()
	j.committing = false
	err := j.file.End(c)
	if err == nil {
		j.syncs++
	}
	j.note(now, err, s.log)
	for _, it := range s.flying {
		if err != nil {
			it.out.Drop, it.out.Reason = dhcp.DropNotStored, j.err.Error()
		}
		s.conclude(now, it)
	}
	select {
	case r := <-j.rewritten:
		s.replaceJournal(now, r)
	default:
		s.compact(now)
	}
	s.commit()
}

// note remembers whether the journal can be written, and logs it when that changes.
func (j *journal) note(now time.Time, err error, log *slog.Logger) {
	switch {
	case err == nil && j.err != nil:
		log.Info("the lease journal can be written again", "failed for", now.Sub(j.since))
	case err != nil && j.err == nil:
		log.Error("no lease is given: the lease journal cannot be written", "err", err)
		j.since = now
	}
	j.err = err
	if err != nil {
		j.err, j.retryAt = fmt.Errorf("not stored: %w", err), now.Add(retryAfter)
	}
}

var errStuck = errors.New("not stored: the disk does not end a write")

// fault returns since when no lease can be stored and why; a nil error: it can.
func (j *journal) fault(now time.Time) (since time.Time, err error) {
	if j.err == nil && j.committing && now.Sub(j.began) >= stuckAfter {
		return j.began, errStuck
	}
	return j.since, j.err
}

// freeze has the file stay what it is until frozen is false again, and returns what it
// has so far and where that ends.
func (j *journal) freeze() (records io.Reader, to int64) {
	j.frozen, j.outdated = true, j.rewriting != nil
	return j.file.Durable(0)
}

// rewritten is how the writing of a shorter journal ended.
type rewritten struct {
	file *leasefile.Rewrite
	err  error
}

// compact starts to rewrite the journal when more than half of it is outdated. The
// work is done beside the owner, which goes on.
func (s *Service) compact(now time.Time) {
	j := &s.journal
	long := j.file.Records() > 2*max(s.engine.Len(), j.kept)+slack
	if !long || j.err != nil || j.rewriting != nil || j.frozen || now.Before(j.rewriteAt) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.rewriting = cancel
	r := j.file.Begin(s.conf.Keeps(now))
	go func() {
		err := r.Run(ctx)
		j.rewritten <- rewritten{r, err} // never waits: one is under way, and there is room for it
	}()
}

var errOutdated = errors.New("the configuration has changed meanwhile")

// replaceJournal takes the rewritten journal into use.
func (s *Service) replaceJournal(now time.Time, r rewritten) {
	j := &s.journal
	j.rewriting()
	j.rewriting = nil
	before := j.file.Records()
	switch {
	case r.err != nil:
	case j.err != nil: // the disk fails: what has been written is not trusted
		r.err = errors.Join(j.err, r.file.Abandon())
	case j.outdated:
		r.err = errors.Join(errOutdated, r.file.Abandon())
	default:
		r.err = j.file.Finish(r.file)
	}
	j.outdated = false
	if r.err != nil {
		j.rewriteAt = now.Add(rewriteAfter)
		s.log.Error("the lease journal goes on without being shortened", "err", r.err)
		return
	}
	j.rewrites++
	j.kept = j.file.Records()
	s.log.Debug("lease journal rewritten", "before", before, "after", j.kept)
}

// wait ends a rewrite that is under way.
func (j *journal) wait() {
	if j.rewriting == nil {
		return
	}
	j.rewriting()
	if r := <-j.rewritten; r.err == nil {
		_ = r.file.Abandon() // the journal itself is complete
	}
	j.rewriting = nil
}
