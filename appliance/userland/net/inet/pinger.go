package inet

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// echoConn sends echo requests to one target and receives what comes back.
type echoConn interface {
	send(seq uint16) error
	// receive passes on what answers a request, until ctx ends.
	receive(ctx context.Context, answers chan<- answer)
}

// answer is what came back for the request seq.
type answer struct {
	seq     uint16
	at      time.Time
	from    netip.Addr
	size    int    // octets of the ICMP message
	ttl     int    // 0: not known
	problem string // empty for an echo reply
}

// pinger is one run of ping.
type pinger struct {
	pingOptions
	conn     echoConn
	stdout   io.Writer
	complain func(error)
	lost     bool // stdout takes no more

	tally   tally
	pending map[uint16]request // at most 65536
}

// request is what is known of the newest request with one sequence number.
type request struct {
	sent     time.Time
	answered bool
}

// run sends requests and prints answers until all that were asked for have come,
// or there is no hope of more, or ctx ends. Its error is why not even the first
// could be sent; later the reason may pass.
func (p *pinger) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer)
	go p.conn.receive(ctx, answers)
	p.pending = map[uint16]request{}
	if p.deadline > 0 {
		var stop context.CancelFunc // a moment before the next request would be sent
		ctx, stop = context.WithTimeout(ctx, p.deadline-time.Millisecond)
		defer stop()
	}
	if err := p.send(); err != nil {
		return err
	}
	next := time.NewTicker(p.interval)
	defer next.Stop()
	var patience <-chan time.Time // runs after the last request
	for !p.complete() {
		if p.lastSent() && patience == nil {
			next.Stop()
			patience = time.After(p.linger())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-patience:
			return nil
		case <-next.C:
			p.sendNext()
		case a := <-answers:
			if p.answer(a) && p.adaptive && !p.lastSent() {
				p.sendNext()
				next.Reset(p.interval)
			}
		}
	}
	return nil
}

// lastSent reports whether no request is to follow.
func (p *pinger) lastSent() bool { return p.count > 0 && p.tally.sent >= p.count }

// complete reports whether everything that was asked for has an outcome, or nobody
// hears of it.
func (p *pinger) complete() bool {
	return p.lost || p.count > 0 && p.tally.received+p.tally.errors >= p.count
}

// linger is how long to wait after the last request: two round trips when the
// host is known to answer, a second at least, else the patience that was asked for.
func (p *pinger) linger() time.Duration {
	if p.tally.received > 0 {
		return max(2*p.tally.max, time.Second)
	}
	return p.patience
}

// send sends the next request.
func (p *pinger) send() error {
	seq := uint16(p.tally.sent)
	p.tally.sent++
	p.pending[seq] = request{sent: time.Now()}
	return p.conn.send(seq)
}

// sendNext is send. A request that the system refuses counts as an error and as
// lost, since the reason may pass (no route, no neighbour).
func (p *pinger) sendNext() {
	if err := p.send(); err != nil {
		p.tally.errors++
		p.complain(fmt.Errorf("seq=%d: %w", uint16(p.tally.sent-1), err))
	}
}

// answer counts and prints one answer; it reports whether it is the first to a
// request. Errors are not for whoever reads standard output, as of busybox's.
func (p *pinger) answer(a answer) (fresh bool) {
	r, known := p.pending[a.seq]
	switch {
	case !known:
		return false
	case a.problem != "":
		p.tally.errors++
		if !p.quiet {
			p.complain(fmt.Errorf("from %v: seq=%d: %s", a.from, a.seq, a.problem))
		}
		return false
	}
	rtt := max(0, a.at.Sub(r.sent))
	p.tally.reply(rtt, r.answered)
	again := ""
	if r.answered {
		again = " (DUP!)"
	}
	fresh = !r.answered
	r.answered = true
	p.pending[a.seq] = r
	if p.quiet {
		return fresh
	}
	took := ""
	if p.timed() {
		took = fmt.Sprintf(" time=%s ms", milliseconds(rtt))
	}
	_, err := fmt.Fprintf(p.stdout, "%d bytes from %v: seq=%d ttl=%d%s%s\n",
		a.size, a.from.WithZone(""), a.seq, a.ttl, took, again)
	p.lost = err != nil
	return fresh
}

// timed reports whether round trips are shown. busybox has its clock in the data; that of others is
// elsewhere, and what scripts read is the same.
func (p *pinger) timed() bool { return p.size >= 4 }

// status is the exit status of ping: 1 if somebody did not answer.
func (p *pinger) status() int {
	if p.tally.received == 0 || p.deadline > 0 && p.tally.received < p.count {
		return 1
	}
	return 0
}

// tally are the statistics of a run.
type tally struct {
	sent, received, duplicates, errors int
	min, max, sum                      time.Duration // of round trips, of duplicates too
}

// reply counts one reply that took rtt.
func (t *tally) reply(rtt time.Duration, again bool) {
	if t.received == 0 || rtt < t.min {
		t.min = rtt
	}
	t.max = max(t.max, rtt)
	t.sum += rtt
	if again {
		t.duplicates++
	} else {
		t.received++
	}
}

// print writes the statistics.
func (t *tally) print(w io.Writer, host string, timed bool) {
	fmt.Fprintf(w, "\n--- %s ping statistics ---\n%d packets transmitted, %d packets received", host, t.sent,
		t.received)
	if t.duplicates > 0 {
		fmt.Fprintf(w, ", %d duplicates", t.duplicates)
	}
	fmt.Fprintf(w, ", %d%% packet loss\n", 100*(t.sent-t.received)/max(1, t.sent))
	if n := time.Duration(t.received + t.duplicates); n > 0 && timed {
		fmt.Fprintf(w, "round-trip min/avg/max = %s/%s/%s ms\n", milliseconds(t.min), milliseconds(t.sum/n),
			milliseconds(t.max))
	}
}

// milliseconds writes d to the microsecond.
func milliseconds(d time.Duration) string {
	us := d.Microseconds()
	return fmt.Sprintf("%d.%03d", us/1000, us%1000)
}
