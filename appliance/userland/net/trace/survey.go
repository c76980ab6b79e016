package trace

import (
	"context"
	"math"
	"net/netip"
	"time"
)

// grace is how long the last answers are waited for.
const grace = 5 * time.Second

// unknown is how many hops are asked behind the last that has answered: some routers never do.
const unknown = 5

// A survey asks all hops of the way to a target again and again.
//
//	cycle: hop 1, hop 2, … as far as is known, one each, spread over the interval ──► the next cycle
type survey struct {
	first, last int           // hops
	cycles      int           // 0: until the end of the context
	interval    time.Duration // of a cycle
	prober      prober
	cycled      func() error // after each cycle

	hops   []hop          // by number, less one
	flying map[int]flight // by sequence number
	seq    int
}

// maxSeq is the greatest sequence number: each is a port above the usual one of UDP.
const maxSeq = 30000

// A flight is a probe that is not answered.
type flight struct {
	hop int
	at  time.Time
}

// A hop is what is known of one.
type hop struct {
	addr           netip.Addr // that has answered last
	arrived        bool       // the target
	stuck          bool       // goes no further
	sent, received int
	last           time.Duration
	best, worst    time.Duration
	mean, squares  float64 // in ms: Welford's sum of squares of differences
}

func (h *hop) answered(a answer, took time.Duration) {
	h.addr, h.arrived, h.stuck = a.from, a.arrived, a.mark != ""
	if h.received == 0 || took < h.best {
		h.best = took
	}
	h.worst, h.last = max(h.worst, took), took
	h.received++
	ms := milliseconds(took)
	delta := ms - h.mean
	h.mean += delta / float64(h.received)
	h.squares += delta * (ms - h.mean)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// deviation is the standard deviation, in ms.
func (h *hop) deviation() float64 {
	if h.received < 2 {
		return 0
	}
	return math.Sqrt(h.squares / float64(h.received-1))
}

// run asks. The end of ctx ends it.
func (s *survey) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.hops, s.flying = make([]hop, s.last), map[int]flight{}
	answers := make(chan answer, 64)
	go s.prober.receive(ctx, answers)
	for n := 0; s.cycles == 0 || n < s.cycles; n++ {
		begin := time.Now()
		for i := s.first - 1; i < s.limit() && ctx.Err() == nil; i++ {
			if err := s.send(i); err != nil {
				return err
			}
			s.listen(ctx, answers, s.interval/time.Duration(s.limit()-s.first+1), nil)
		}
		if n+1 != s.cycles {
			s.listen(ctx, answers, time.Until(begin.Add(s.interval)), nil)
		}
		if ctx.Err() != nil {
			return nil
		}
		s.forget()
		if err := s.cycled(); err != nil {
			return err
		}
	}
	s.listen(ctx, answers, grace, s.awaits)
	return nil
}

// limit is the last hop that is asked: the target, what goes no further, or some behind the last that has
// answered.
func (s *survey) limit() int {
	last := s.first - 1
	for i := s.first - 1; i < len(s.hops); i++ {
		h := &s.hops[i]
		if h.arrived || h.stuck {
			return i + 1
		}
		if h.received > 0 {
			last = i + 1
		}
	}
	return min(s.last, last+unknown)
}

// shown is the last hop that a report has: behind the last that has answered, one that has not.
func (s *survey) shown() int {
	last := 0
	for i := range s.hops {
		h := &s.hops[i]
		if h.arrived || h.stuck {
			return i + 1
		}
		if h.received > 0 {
			last = i + 2
		}
	}
	return min(s.last, last)
}

func (s *survey) send(i int) error {
	s.seq = s.seq%maxSeq + 1
	s.flying[s.seq] = flight{i, time.Now()}
	s.hops[i].sent++
	return s.prober.send(s.seq, i+1)
}

// listen takes answers for so long, or until nothing is awaited.
func (s *survey) listen(ctx context.Context, answers <-chan answer, d time.Duration, awaits func() bool) {
	timer := time.NewTimer(max(0, d))
	defer timer.Stop()
	for awaits == nil || awaits() {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case a := <-answers:
			if f, ok := s.flying[a.seq]; ok {
				delete(s.flying, a.seq)
				s.hops[f.hop].answered(a, max(0, a.at.Sub(f.at)))
			}
		}
	}
}

// awaits reports whether an answer of somebody who does answer is not there yet.
func (s *survey) awaits() bool {
	for _, f := range s.flying {
		if s.hops[f.hop].received > 0 {
			return true
		}
	}
	return false
}

// forget gives up what has been away too long.
func (s *survey) forget() {
	for seq, f := range s.flying {
		if time.Since(f.at) > 2*grace {
			delete(s.flying, seq)
		}
	}
}

// underWay is how many probes to a hop may still be answered.
func (s *survey) underWay(i int) (n int) {
	for _, f := range s.flying {
		if f.hop == i && time.Since(f.at) < grace {
			n++
		}
	}
	return n
}
