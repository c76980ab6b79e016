package run

import (
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

// compact rewrites the journal when more than half of it is outdated.
func (s *Service) compact(now time.Time) {
	j := &s.journal
	if j.err != nil || j.file.Records() <= 2*s.engine.Len()+slack || now.Before(j.rewriteAt) {
		return
	}
	before := j.file.Records()
	if err := j.file.Rewrite(s.engine.All(now)); err != nil {
		j.rewriteAt = now.Add(rewriteAfter)
		s.log.Error("the lease journal goes on without being shortened", "err", err)
		return
	}
	j.rewrites++
	s.log.Debug("lease journal rewritten", "before", before, "after", j.file.Records())
}
