package run

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/dns/fair"
)

const (
	crowdProblem = 100 // questions of a client that are dropped before a person should look at it
	crowdNamed   = 3   // clients of a link that are named
)

// crowds returns a sentence for each link with clients that ask more than can be answered.
func (s *Service) crowds() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range append([]string{loopback}, s.conf.Links...) {
		if of := s.served[name]; of != nil && of.sockets != nil {
			if text := crowdOf(name, of.sockets.Stats().Crowds, s.o.Now()); text != "" {
				all = append(all, text)
			}
		}
	}
	return all
}

// crowdOf is the sentence about a link, "" if nobody there has lost much. The first lost most.
func crowdOf(link string, losers []fair.Loser, now time.Time) string {
	var named []string
	others := 0
	for _, l := range losers {
		switch {
		case l.Dropped < crowdProblem:
		case len(named) < crowdNamed:
			named = append(named, fmt.Sprintf("%s lost %d in %s, the last %s ago", l.Client.WithZone(""),
				l.Dropped, seconds(l.Last.Sub(l.First)), seconds(now.Sub(l.Last))))
		default:
			others++
		}
	}
	if len(named) == 0 {
		return ""
	}
	if others > 0 {
		named = append(named, fmt.Sprintf("and %d others too", others))
	}
	return "More is asked on " + link + " than this machine answers, so who asks most loses questions: " +
		strings.Join(named, "; ")
}

// seconds is a time as people read it.
func seconds(d time.Duration) string { return span.Text(max(d, time.Second)) }
