package boot

import (
	"sync"
	"time"
)

// A Schedule has an end of the machine that was asked for ahead of its time: one at most, and another takes
// its place. It may be used by several goroutines.
//
//	nothing ──Set──▶ pending ──its time──▶ Request
//	   ▲               │  ▲└─Set─┘
//	   └────Cancel─────┘
type Schedule struct {
	Request func(Kind) error                 // asks init
	Say     func(format string, args ...any) // tells the log

	mu      sync.Mutex
	timer   *time.Timer // nil: nothing is pending
	pending Kind
	number  int // of the last that was set
}

// Set has the machine end in a while, as time goes: that the clock is set meanwhile does not matter.
func (s *Schedule) Set(kind Kind, in time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.number++
	mine := s.number
	s.timer, s.pending = time.AfterFunc(in, func() { s.due(mine, kind) }), kind
}

// due asks, unless that was cancelled, or replaced, at the last moment.
func (s *Schedule) due(number int, kind Kind) {
	s.mu.Lock()
	mine := s.timer != nil && s.number == number
	if mine {
		s.timer = nil
	}
	s.mu.Unlock()
	if !mine {
		return
	}
	if err := s.Request(kind); err != nil {
		s.Say("%s, as it was asked for: %v", kind, err)
	}
}

// Cancel takes back what is pending: which kind, or "" if nothing was.
func (s *Schedule) Cancel() Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil {
		return ""
	}
	s.timer.Stop()
	s.timer = nil
	return s.pending
}
