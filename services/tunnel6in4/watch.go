package tunnel6in4

import (
	"net/netip"
	"time"
)

// How the other end is looked after.
const (
	calm    = 10 * time.Second // between probes while they are answered
	hurry   = time.Second      // while they are not
	confirm = 200 * time.Millisecond
	enough  = 2 // echoes before the tunnel is up
	tooMany = 3 // probes in a row without an echo before it is down
	outer   = 10 * time.Second

	remembered = 8 // probes whose echo is still heard
)

// A probe is one that was sent.
type probe struct {
	seq uint16
	at  time.Duration
}

// probes are the last ones to one target.
type probes struct {
	seq   uint16
	sent  []probe
	heard time.Duration // the last echo; 0: none
	rtt   time.Duration
	lost  int // in a row
	count Counts
}

// Counts are of probes since the process began.
type Counts struct{ Sent, Heard uint64 }

// send notes a probe.
func (p *probes) send(now time.Duration) uint16 {
	p.seq++
	if len(p.sent) == remembered {
		p.sent = p.sent[1:]
	}
	p.sent = append(p.sent, probe{p.seq, now})
	p.count.Sent++
	return p.seq
}

// take notes an echo, and reports whether it is one of a probe that was not answered before.
func (p *probes) take(now time.Duration, seq uint16) bool {
	for i, s := range p.sent {
		if s.seq == seq {
			p.rtt, p.heard, p.lost = now-s.at, now, 0
			p.sent = p.sent[i+1:] // older ones are of no interest any more
			p.count.Heard++
			return true
		}
	}
	return false
}

// watch looks whether the other end answers.
type watch struct {
	up     bool
	since  time.Duration
	known  bool // whether it is up was found out at least once
	good   int  // echoes in a row while down
	next   time.Duration
	inside probes // to the other end through the tunnel
	outer  probes // to its IPv4 address, while the tunnel is down
	asked  time.Duration
}

// begin starts over with another configuration: the tunnel is taken for what it was until that is found out.
func (w *watch) begin(now time.Duration, conf *Config) []Action {
	w.inside.sent, w.inside.lost, w.outer.sent, w.outer.lost, w.good = nil, 0, nil, 0, 0
	w.asked = now - outer
	w.outer.heard = 0
	w.next = now
	if !conf.Local.IsValid() {
		w.next = Never
		return w.turn(now, false)
	}
	return nil
}

// turn makes it up or down.
func (w *watch) turn(now time.Duration, up bool) []Action {
	same := w.up == up && w.known
	w.known = true
	if same {
		return nil
	}
	w.up, w.since, w.good = up, now, 0
	return []Action{Turned{Up: up}}
}

// tick sends what it is time for.
func (w *watch) tick(now time.Duration, conf *Config) (out []Action) {
	if now < w.next {
		return nil
	}
	if len(w.inside.sent) > 0 { // the last one is not answered
		w.inside.lost++
		w.good = 0
		if w.inside.lost >= tooMany {
			out = w.turn(now, false)
		}
	}
	out = append(out, Ping{To: conf.Gateway, From: conf.Own, Seq: w.inside.send(now)})
	w.next = now + hurry
	if !w.up && now >= w.asked+outer {
		if len(w.outer.sent) > 0 {
			w.outer.lost++
		}
		w.asked = now
		out = append(out, Ping{To: conf.Server, From: conf.Local, Seq: w.outer.send(now)})
	}
	return out
}

// echo takes an answer.
func (w *watch) echo(now time.Duration, conf *Config, from netip.Addr, seq uint16) []Action {
	switch from {
	case conf.Server:
		w.outer.take(now, seq)
		return nil
	case conf.Gateway:
	default:
		return nil
	}
	if !w.inside.take(now, seq) {
		return nil
	}
	if w.up {
		w.next = now + calm
		return nil
	}
	if w.good++; w.good < enough {
		w.next = now + confirm
		return nil
	}
	w.next = now + calm
	return w.turn(now, true)
}
