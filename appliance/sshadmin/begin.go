package sshadmin

import (
	"net"
	"time"
)

// How many conversations with strangers begin: so many at once, and then one for each time that passes. What
// a key exchange computes cannot be stopped when its connection is ended, so those of a crowd would keep the
// machine busy for others for seconds.
const (
	strangersAtOnce = 20
	strangersEvery  = 200 * time.Millisecond
)

// beginPause is how often a stranger looks whether it is his turn.
const beginPause = 50 * time.Millisecond

// begin talks with c. A stranger waits in the gate for his turn, and those that are driven out there never
// have one; who comes from where somebody has logged in waits for nobody.
//
//	accepted ──► in the gate ── turn, or familiar ──► key exchange, login ──► sessions
//	                  └── driven out ──► closed
func (s *Service) begin(c *client) {
	for !c.ticket.familiar {
		if ok, _ := s.strangers.Take(time.Now()); ok {
			break
		}
		select {
		case <-c.out:
		case <-s.stop.Done():
		case <-time.After(beginPause):
			continue
		}
		s.failed(c, net.ErrClosed)
		c.Close()
		return
	}
	s.active.Load().transport.HandleConn(c)
}
