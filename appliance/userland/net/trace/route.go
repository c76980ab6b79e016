package trace

import (
	"context"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
)

// A prober sends probes to one target. What comes back says which it is about.
type prober interface {
	// send sends the probe seq, which passes ttl routers at most. An error ends the run.
	send(seq, ttl int) error
	// receive gives what answers probes, until ctx ends.
	receive(ctx context.Context, answers chan<- answer)
	close()
}

// An answer is what came back for the probe seq.
type answer struct {
	seq     int
	from    netip.Addr
	ttl     int // that it has left; 0: not known
	at      time.Time
	arrived bool   // the probe was at its target
	mark    string // "!H": it does not get there; "": on its way, or there
}

func answerOf(seq int, a probe.Arrival) answer {
	return answer{seq: seq, from: a.From, ttl: a.TTL, at: a.At, arrived: a.Arrived(), mark: a.Mark()}
}

// impatience is how long the next probe waits for the answer to the one before. A router sends few messages
// at once (Linux six, and then one a second), so probes follow answers; but where nobody answers, a route of
// thirty hops shall not take thirty times the whole wait.
const impatience = 500 * time.Millisecond

// A route finds the way to a target, hop by hop.
//
//	send ──► answered, or half a second is over ──► send the next …
//	  └────► answered, or the whole wait is over ──► shown, in order
//	                                                   └─ a hop was at the target, or goes no further: the end
type route struct {
	first, last int           // hops
	tries       int           // probes of each
	wait        time.Duration // for an answer
	pause       time.Duration // before each probe but the first
	prober      prober
	show        func(result) error

	probes []sent // by sequence number, which begin at 1
	shown  int    // of probes
}

// sent is what is known of a probe.
type sent struct {
	at     time.Time
	answer *answer
}

// A result is a probe whose fate is known.
type result struct {
	hop, try int
	took     time.Duration
	answer   *answer // nil: nobody has answered
	end      bool    // it is the last of its hop
}

// run finds it. The end of ctx ends it.
func (r *route) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, 64) // what comes while a name is waited for
	go r.prober.receive(ctx, answers)
	for {
		for len(answers) > 0 {
			r.take(<-answers)
		}
		if done, err := r.showKnown(); done || err != nil {
			return err
		}
		now := time.Now()
		at, more := r.nextSend()
		if more && !at.After(now) {
			if err := r.send(now); err != nil {
				return err
			}
			continue
		}
		if r.shown < len(r.probes) { // one is waited for
			if give := r.probes[r.shown].at.Add(r.wait); !more || give.Before(at) {
				at = give
			}
		}
		timer := time.NewTimer(at.Sub(now))
		select {
		case <-ctx.Done():
			return nil
		case a := <-answers:
			r.take(a)
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take notes the first answer to a probe.
func (r *route) take(a answer) {
	if i := a.seq - 1; i >= 0 && i < len(r.probes) && r.probes[i].answer == nil {
		r.probes[i].answer = &a
	}
}

// hop is that of the probe with index i.
func (r *route) hop(i int) int { return r.first + i/r.tries }

// nextSend is when the next probe is to go.
func (r *route) nextSend() (at time.Time, more bool) {
	n := len(r.probes)
	if r.hop(n) > r.last {
		return at, false
	}
	if n == 0 {
		return at, true
	}
	before := r.probes[n-1]
	if before.answer != nil {
		return before.at.Add(r.pause), true
	}
	return before.at.Add(max(r.pause, min(impatience, r.wait))), true
}

func (r *route) send(now time.Time) error {
	r.probes = append(r.probes, sent{at: now})
	return r.prober.send(len(r.probes), r.hop(len(r.probes)-1))
}

// showKnown shows, in order, the probes whose fate is known.
func (r *route) showKnown() (done bool, err error) {
	for r.shown < len(r.probes) {
		p := r.probes[r.shown]
		if p.answer == nil && time.Now().Before(p.at.Add(r.wait)) {
			return false, nil
		}
		i := r.shown
		r.shown++
		s := result{hop: r.hop(i), try: i % r.tries, answer: p.answer, end: i%r.tries == r.tries-1}
		if p.answer != nil {
			s.took = max(0, p.answer.at.Sub(p.at))
		}
		if err := r.show(s); err != nil {
			return true, err
		}
		if s.end && (s.hop == r.last || r.ends(i+1-r.tries, i+1)) {
			return true, nil
		}
	}
	return false, nil
}

// ends reports whether a hop, whose probes these are, is the last: one has arrived, or whoever answers says
// that they go no further. A router says so a few times, and then once a second.
func (r *route) ends(from, to int) bool {
	stuck, passed := false, false
	for _, p := range r.probes[from:to] {
		switch {
		case p.answer == nil:
		case p.answer.arrived:
			return true
		case p.answer.mark != "":
			stuck = true
		default:
			passed = true
		}
	}
	return stuck && !passed
}
