package watchdog

import "slices"

// What a judge allows a service, in rounds. It counts rounds and no time, so that
// a clock that jumps, as that of a saved domain that goes on days later, counts as
// nothing.
const (
	hungRounds   = 3  // a process that serves, they say, and is silent for so long is started again
	silentRounds = 18 // supervise has tried for long enough: the box itself is at fault, perhaps
)

// sight is what was seen of one service in a round.
type sight struct {
	name     string
	up       bool // its process is there and has said that it serves
	answered bool // it has answered the last question
}

// verdict is what a round means.
type verdict struct {
	armed   bool     // every service has answered in this boot
	feed    bool     // the watchdog is to be fed
	restart []string // services that hang
}

// judge decides, round by round, whether the box deserves to live on.
type judge struct {
	services []*service
	spared   int // rounds that are fed whatever happens
	armed    bool
}

// service is what a judge remembers of a service.
type service struct {
	name   string
	known  bool // it has answered in this boot
	silent int  // rounds since its last answer
	hung   int  // of these, in a row, those with a process that should have answered
}

func newJudge(services []string, spared int) *judge {
	j := &judge{spared: spared}
	for _, name := range services {
		j.services = append(j.services, &service{name: name})
	}
	return j
}

// round takes what was seen of every service.
//
// The watchdog is armed once all have answered: a box whose services fail from
// the start would fail again after a reset, for ever.
func (j *judge) round(seen []sight) verdict {
	var v verdict
	for _, s := range j.services {
		if i := slices.IndexFunc(seen, func(x sight) bool { return x.name == s.name }); s.round(i >= 0 && seen[i].up, i >= 0 && seen[i].answered) {
			v.restart = append(v.restart, s.name)
		}
	}
	j.armed = j.armed || !slices.ContainsFunc(j.services, func(s *service) bool { return !s.known })
	lost := slices.ContainsFunc(j.services, func(s *service) bool { return s.silent >= silentRounds })
	v.armed = j.armed
	v.feed = j.armed && (!lost || j.spared > 0)
	j.spared = max(0, j.spared-1)
	return v
}

// round returns whether the service is to be started again.
func (s *service) round(up, answered bool) bool {
	if answered {
		s.known, s.silent, s.hung = true, 0, 0
		return false
	}
	s.silent++
	if !up { // supervise is at it
		s.hung = 0
		return false
	}
	s.hung++
	if s.hung < hungRounds {
		return false
	}
	s.hung = 0
	return true
}
