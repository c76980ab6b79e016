package sshadmin

import (
	"fmt"
)

// maxSessions bounds the sessions of one connection, as MaxSessions of
// sshd_config(5) does.
const maxSessions = 10

// elsewhere is how many of all sessions one source never has.
const elsewhere = 2

// beginSession counts one more running session of c, or says why there can be none.
func (s *Service) beginSession(c *client) (no string) {
	most := s.active.Load().MaxSessions
	s.mu.Lock()
	defer s.mu.Unlock()
	total, own := 0, 0
	for other, n := range s.running {
		total += n
		if other.ticket.source == c.ticket.source {
			own += n
		}
	}
	switch {
	case s.stopping:
		return "the server stops"
	case s.running[c] >= maxSessions:
		return "too many sessions on this connection"
	case total >= most:
		return fmt.Sprintf("%d sessions are open, which is all that this machine has memory for", total)
	case own >= max(1, most-elsewhere):
		return fmt.Sprintf("%d sessions are open from your address, which is all that one may have", own)
	}
	s.running[c]++
	s.sessions.Add(1)
	return ""
}

// endSession takes back what beginSession counted.
func (s *Service) endSession(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[c]--; s.running[c] == 0 {
		delete(s.running, c)
	}
	s.sessions.Done()
}

// full is a sentence about who has the sessions when there can be no more, or "". The caller holds the lock.
func (s *Service) full() string {
	count, total := map[string]int{}, 0
	sources := map[source]int{}
	for c, n := range s.running {
		total += n
		from := c.ticket.source
		sources[from] += n
		count[from.String()+" "+c.openedBy()] += n
	}
	bound := s.active.Load().MaxSessions
	fullest := 0
	for _, n := range sources {
		fullest = max(fullest, n)
	}
	switch {
	case total >= bound:
		return fmt.Sprintf("No further session can begin, %d are open: of %s.", total, most(count))
	case fullest >= max(1, bound-elsewhere):
		return fmt.Sprintf("No further session can begin from one source, which has %d of %d: %s.", fullest,
			bound, most(count))
	}
	return ""
}
