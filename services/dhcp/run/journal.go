package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

const (
	// retryAfter is how long a failing disk is left alone.
	retryAfter = time.Second
	// rewriteAfter is how long until a failed rewrite is tried again.
	rewriteAfter = time.Minute
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
	rewrites  uint64
	rewriting context.CancelFunc // of the rewrite under way; nil: none
	rewritten chan rewritten
	kept      int // records in the file after the last rewrite
}

// load opens the journal and restores the leases in it.
func (s *Service) load() (err error) {
	if s.journal.file, s.journal.found, err = leasefile.Open(s.fs, s.engine.Restore); err != nil {
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

// store makes the records of the batch durable.
func (s *Service) store(now time.Time) error {
	j := &s.journal
	if j.err != nil && now.Before(j.retryAt) {
		return j.err
	}
	for _, it := range s.batch {
		j.file.Append(it.out.Records...)
	}
	err := j.file.Sync()
	switch {
	case err == nil && j.err != nil:
		s.log.Info("the lease journal can be written again", "failed for", now.Sub(j.since))
		j.err = nil
	case err != nil && j.err == nil:
		s.log.Error("no lease is given: the lease journal cannot be written", "err", err)
		j.since = now
	}
	if err != nil {
		j.err, j.retryAt = fmt.Errorf("not stored: %w", err), now.Add(retryAfter)
		return j.err
	}
	j.syncs++
	return nil
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
	if j.err != nil || j.rewriting != nil || j.file.Records() <= 2*max(s.engine.Len(), j.kept)+slack || now.Before(j.rewriteAt) {
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

// replaceJournal takes the rewritten journal into use.
func (s *Service) replaceJournal(now time.Time, r rewritten) {
	j := &s.journal
	j.rewriting()
	j.rewriting = nil
	before := j.file.Records()
	if r.err == nil && j.err != nil { // the disk fails: what has been written is not trusted
		r.err = errors.Join(j.err, r.file.Abandon())
	} else if r.err == nil {
		r.err = j.file.Finish(r.file)
	}
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
