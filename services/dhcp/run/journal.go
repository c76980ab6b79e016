package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
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
	file       *leasefile.Journal
	found      leasefile.Summary
	err        error     // why it cannot be written; nil: it can
	since      time.Time // of err
	retryAt    time.Time
	rewriteAt  time.Time
	datedAt    time.Time // when its times were written anew
	syncs      uint64
	committing bool // a batch is under way, since began
	began      time.Time
	rewrites   uint64
	rewriting  context.CancelFunc // of the rewrite under way; nil: none
	rewritten  *rewritten         // it has been written, and is not in use yet; nil: it has not
	frozen     bool               // it is not rewritten: somebody reads it for another configuration
	outdated   bool               // what the rewrite under way keeps is not for the present configuration
	kept       int                // records in the file after the last rewrite
}

// load opens the journal, sets the clock by it, and restores the leases in it.
func (s *Service) load() (err error) {
	j, wall := &s.journal, s.clock.wall()
	var latest, end time.Time
	if j.file, j.found, err = leasefile.Open(s.o.FS, func(l lease.Lease) {
		if end = moment(l); !end.After(wall) && end.After(latest) {
			latest = end
		}
	}); err != nil {
		return err
	}
	if !s.clock.begin(latest, end) {
		s.log.Warn("the clock is not believed: leases go on from the last record of the journal",
			"clock", wall.Format(time.RFC3339), "record", end.Format(time.RFC3339))
	}
	records, _ := j.file.Durable(0)
	bounded := make(map[netip.Addr]lease.Lease)
	if err = restored(records, 0, s.clock.now(), s.engine, bounded); err != nil {
		return errors.Join(err, j.file.Close())
	}
	if len(bounded) > 0 {
		s.log.Warn("leases that cannot run for as long as the journal says were bounded", "leases",
			len(bounded))
		s.batch = append(s.batch, item{out: &dhcp.Outcome{Records: s.dated(bounded)}})
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

// dated returns the records of leases that had to be bounded as the journal is to have them: given now, so
// that none is of the future when it is read again, but before a lease that the card has besides. The last is
// one that says when the journal ends: see clock.begin.
func (s *Service) dated(bounded map[netip.Addr]lease.Lease) (records []lease.Lease) {
	now := s.clock.now()
	first := map[lease.MAC]time.Time{} // of the others that run, by card
	var newest lease.Lease
	for l := range s.engine.All(now) {
		if _, was := bounded[l.Addr]; was {
			continue
		}
		if t, ok := first[l.MAC]; l.State == lease.Bound && (!ok || l.Since.Before(t)) {
			first[l.MAC] = l.Since
		}
		if moment(l).After(moment(newest)) {
			newest = l
		}
	}
	for _, l := range bounded {
		l.Since = now
		if t, ok := first[l.MAC]; ok {
			l.Since = t.Add(-time.Second)
		}
		records = append(records, l)
	}
	if newest.Addr.IsValid() {
		records = append(records, newest)
	}
	slices.SortFunc(records, func(a, b lease.Lease) int { return moment(a).Compare(moment(b)) })
	return records
}

// moment is when l became what it is.
func moment(l lease.Lease) time.Time {
	if l.State == lease.Free {
		return l.Until
	}
	return l.Since
}

// restored reads records whose times are ahead by so much, and restores them into engine. Those that had to
// be bounded are noted.
func restored(records io.Reader, ahead time.Duration, now time.Time, engine *dhcp.Server,
	bounded map[netip.Addr]lease.Lease) error {
	_, err := leasefile.Read(records, func(l lease.Lease) {
		l.Since, l.Until = l.Since.Add(-ahead), l.Until.Add(-ahead)
		l, was := l.Bounded(now, dhcp.MaxLeaseTime)
		engine.Restore(l)
		if delete(bounded, l.Addr); was {
			bounded[l.Addr] = l
		}
	})
	return err
}

// commit has the records of the batch made durable beside all else, which goes on.
func (s *Service) commit() {
	if c := s.next(); c != nil {
		go s.store(c)
	}
}

// next takes the records of the batch, to be given to store; nil: there are none, or another batch is under
// way, which is followed by this one.
func (s *Service) next() *leasefile.Commit {
	j := &s.journal
	if j.committing || len(s.batch) == 0 {
		return nil
	}
	for _, it := range s.batch {
		j.file.Append(it.out.Records...)
	}
	s.batch, s.flying = s.flying[:0], s.batch
	j.committing, j.began = true, s.clock.now()
	return j.file.Start()
}

// store makes one batch after the other durable, until there is none.
func (s *Service) store(c *leasefile.Commit) {
	for c != nil {
		c.Run()
		s.mu.Lock()
		s.settle(c)
		c = s.next()
		s.turned.Broadcast()
		s.mu.Unlock()
	}
}

// settle concludes what was under way.
func (s *Service) settle(c *leasefile.Commit) {
	j, now := &s.journal, s.clock.now()
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
	if s.ended {
		return
	}
	s.replaceJournal(now)
	s.shorten(now)
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
// has so far, and where that ends.
func (j *journal) freeze() (records io.Reader, to int64) {
	j.frozen, j.outdated = true, j.rewriting != nil
	return j.file.Durable(0)
}

// rewritten is how the writing of a shorter journal ended.
type rewritten struct {
	file *leasefile.Rewrite
	err  error
}

// shorten starts to rewrite the journal when more than half of it is outdated.
func (s *Service) shorten(now time.Time) {
	if j := &s.journal; j.file.Records() > 2*max(s.engine.Len(), j.kept)+slack {
		s.rewrite(now, s.clock.ahead())
	}
}

// date starts to rewrite its times when the clock was set.
func (s *Service) date(now time.Time) {
	j, ahead := &s.journal, s.clock.ahead()
	if (ahead-j.file.Ahead()).Abs() >= step && !now.Before(j.datedAt.Add(dateEvery)) {
		s.rewrite(now, ahead)
	}
}

// rewrite starts to rewrite the journal, if it may be now. The work is done beside all else, which goes on.
func (s *Service) rewrite(now time.Time, ahead time.Duration) {
	j := &s.journal
	if j.err != nil || j.rewriting != nil || j.frozen || now.Before(j.rewriteAt) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.rewriting = cancel
	r := j.file.Begin(ahead, s.conf.Keeps(now))
	go func() {
		err := r.Run(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		j.rewritten = &rewritten{r, err}
		s.turned.Broadcast()
		if !s.ended {
			s.replaceJournal(s.clock.now())
		}
	}()
}

var errOutdated = errors.New("the configuration has changed meanwhile")

// replaceJournal takes the rewritten journal into use, if there is one and no batch under way.
func (s *Service) replaceJournal(now time.Time) {
	j := &s.journal
	if j.rewritten == nil || j.committing {
		return
	}
	r := *j.rewritten
	j.rewriting()
	j.rewriting, j.rewritten = nil, nil
	before, dated := j.file.Records(), j.file.Ahead()
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
	if by := j.file.Ahead() - dated; by.Abs() >= step {
		j.datedAt = now
		s.log.Info("the clock was set: the lease journal is dated by it, and no lease ends for it", "by",
			by.String())
	}
}

// giveUp ends a rewrite that is under way.
func (s *Service) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := &s.journal
	if j.rewriting == nil {
		return
	}
	j.rewriting()
	for j.rewritten == nil {
		s.turned.Wait()
	}
	if j.rewritten.err == nil {
		_ = j.rewritten.file.Abandon() // the journal itself is complete
	}
	j.rewriting, j.rewritten = nil, nil
}
