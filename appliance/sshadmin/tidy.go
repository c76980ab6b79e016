package sshadmin

import (
	"context"
	"runtime/debug"
	"time"
)

// tidyPause is how long memory of those who have left is kept for those who come.
const tidyPause = 10 * time.Second

// tidy gives the memory of connections that have ended back to the machine, until ctx ends: left to itself, the
// runtime collects garbage every two minutes where nothing happens, and what a crowd has had it keeps for longer.
func (s *Service) tidy(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.left:
		}
		pause(ctx, tidyPause)
		debug.FreeOSMemory()
	}
}

// hasLeft tells that a connection has ended.
func (s *Service) hasLeft() {
	select {
	case s.left <- struct{}{}:
	default: // it is known
	}
}
