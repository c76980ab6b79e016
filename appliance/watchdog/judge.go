package watchdog

import "slices"

// What a judge allows a service, in rounds. It counts rounds and no time, so that
// a clock that jumps, as that of a saved domain that goes on days later, counts as
// nothing.
const (
	hungRounds     = 3   // a process that serves, they say, and is silent for so long is started again
	silentRounds   = 18  // it was tried for long enough: the box itself is at fault, perhaps
	longestRounds  = 180 // between two starts of one that hangs each time
	soundRounds    = 60  // of answers in a row: what hangs after them hangs for the first time
	mentionedAfter = 2   // more than a late answer
)

// sight is what was seen of one service in a round.
type sight struct {
	name     string
	up       bool // its process is there, has said that it serves, and is not told anything else just now
	answered bool // it has answered the last question
}

// verdict is what a round means.
type verdict struct {
	armed   bool // every essential service has answered in this boot
	feed    bool // the watchdog is to be fed
	restart []hang
}

// hang is a service to be started again, since it was silent for so many rounds.
type hang struct {
	name   string
	rounds int
}

// judge decides, round by round, whether the box deserves to live on.
type judge struct {
	services []*service
	spared   int // rounds that are fed whatever happens
	armed    bool
}

// service is what a judge remembers of a service.
//
//	                     no answer                     hung == patience
//	sound ──────────────────────────────────► silent ────────────────────► started again, patience doubles
//	  ▲  │ no process: supervise is at it         │ an answer                    │ it is up again
//	  └──┴────────────────────────────────────────┴──────────────────────────────┘ soundRounds of answers:
//	                                                                               patience is hungRounds again
//
// The patience with an essential one doubles only once the watchdog is not fed for it: until then starting it
// again is all that can help.
type service struct {
	name      string
	essential bool
	known     bool // it has answered in this boot
	silent    int  // rounds since its last answer
	hung      int  // of these, in a row, those with a process that should have answered
	patience  int  // so many of those, and it is started again
	sound     int  // rounds with an answer, in a row
	tries     int  // how often it was started again since it was sound
}

func newJudge(essential, others []string, spared int) *judge {
	j := &judge{spared: spared}
	for _, name := range essential {
		j.services = append(j.services, &service{name: name, essential: true, patience: hungRounds})
	}
	for _, name := range others {
		j.services = append(j.services, &service{name: name, patience: hungRounds})
	}
	return j
}

// round takes what was seen of every service.
//
// The watchdog is armed once all essential ones have answered: a box whose services fail from the start would
// fail again after a reset, for ever.
func (j *judge) round(seen []sight) verdict {
	v, lost := verdict{armed: true}, false
	for _, s := range j.services {
		i := slices.IndexFunc(seen, func(x sight) bool { return x.name == s.name })
		if n := s.round(i >= 0 && seen[i].up, i >= 0 && seen[i].answered); n > 0 {
			v.restart = append(v.restart, hang{s.name, n})
		}
		v.armed = v.armed && (s.known || !s.essential)
		lost = lost || s.essential && s.silent >= silentRounds
	}
	j.armed = j.armed || v.armed
	v.armed = j.armed
	v.feed = j.armed && (!lost || j.spared > 0)
	j.spared = max(0, j.spared-1)
	return v
}

// round returns, if the service is to be started again, for how many rounds its process has been silent; else
// 0.
func (s *service) round(up, answered bool) int {
	if answered {
		s.known, s.silent, s.hung = true, 0, 0
		if s.sound++; s.sound >= soundRounds {
			s.patience, s.tries = hungRounds, 0
		}
		return 0
	}
	s.sound = 0
	s.silent++
	if !up { // supervise is at it, or the site has no such service
		s.hung = 0
		if !s.essential {
			s.silent = 0
		}
		return 0
	}
	s.hung++
	if s.hung < s.patience {
		return 0
	}
	rounds := s.hung
	s.hung = 0
	s.tries++
	if !s.essential || s.silent > silentRounds {
		s.patience = min(2*s.patience, longestRounds)
	}
	return rounds
}
