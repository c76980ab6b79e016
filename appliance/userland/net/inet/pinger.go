package inet

import (
	"context"
	"fmt"
	"io"
	"math"
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
	target         netip.Addr
	conn           echoConn
	stdout, stderr io.Writer

	tally   tally
	pending map[uint16]request // at most 65536
}

// request is what is known of the newest request with one sequence number.
type request struct {
	sent     time.Time
	answered bool
}

// run sends requests and prints answers until all that were asked for have come,
// or there is no hope of more, or ctx ends.
func (p *pinger) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer)
	go p.conn.receive(ctx, answers)
	p.pending = map[uint16]request{}
	p.tally.began = time.Now()
	defer func() { p.tally.took = time.Since(p.tally.began) }()
	if p.deadline > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, p.deadline)
		defer stop()
	}
	next := time.NewTicker(p.interval)
	defer next.Stop()
	var patience <-chan time.Time // runs after the last request
	for p.send(); !p.complete(); {
		if p.lastSent() && patience == nil {
			next.Stop()
			patience = time.After(p.linger())
		}
		select {
		case <-ctx.Done():
			return
		case <-patience:
			return
		case <-next.C:
			p.send()
		case a := <-answers:
			p.answer(a)
		}
	}
}

// lastSent reports whether no request is to follow.
func (p *pinger) lastSent() bool { return p.count > 0 && p.tally.sent >= p.count }

// complete reports whether everything that was asked for has an outcome.
func (p *pinger) complete() bool {
	return p.count > 0 && p.tally.received+p.tally.errors >= p.count
}

// linger is how long to wait after the last request: two round trips when the
// host is known to answer, else the patience that was asked for.
func (p *pinger) linger() time.Duration {
	if p.tally.received > 0 {
		return max(2*p.tally.max, p.interval)
	}
	return p.patience
}

// send sends the next request. One that the system refuses counts as an error
// and as lost, since the reason may pass (no route, no neighbour).
func (p *pinger) send() {
	p.tally.sent++
	seq := uint16(p.tally.sent)
	p.pending[seq] = request{sent: time.Now()}
	if err := p.conn.send(seq); err != nil {
		p.tally.errors++
		p.tally.unsent++
		fmt.Fprintf(p.stderr, "ping: icmp_seq=%d: %v\n", seq, err)
	}
}

// answer counts and prints one answer.
func (p *pinger) answer(a answer) {
	r, known := p.pending[a.seq]
	switch {
	case !known:
		return
	case a.problem != "":
		p.tally.errors++
		if !p.quiet {
			fmt.Fprintf(p.stdout, "From %v icmp_seq=%d %s\n", a.from, a.seq, a.problem)
		}
		return
	}
	rtt := max(0, a.at.Sub(r.sent))
	again := ""
	if r.answered {
		p.tally.duplicates++
		again = " (DUP!)"
	} else {
		p.tally.reply(rtt)
		r.answered = true
		p.pending[a.seq] = r
	}
	if p.quiet {
		return
	}
	ttl := ""
	if a.ttl > 0 {
		ttl = fmt.Sprintf(" ttl=%d", a.ttl)
	}
	fmt.Fprintf(p.stdout, "%d bytes from %v: icmp_seq=%d%s time=%s ms%s\n", a.size, a.from, a.seq, ttl, milliseconds(rtt), again)
}

// status is the exit status of ping(8).
func (p *pinger) status() int {
	if p.tally.unsent == p.tally.sent {
		return exitUsage
	}
	if p.tally.received == 0 || p.deadline > 0 && p.tally.received < p.count {
		return exitFailed
	}
	return exitOK
}

// tally are the statistics of a run.
type tally struct {
	sent, received, duplicates, errors int
	unsent                             int // of sent: the system refused them
	began                              time.Time
	took                               time.Duration
	min, max                           time.Duration
	sum, squares                       float64 // of round trips, in ms and ms²
}

// reply counts one first reply that took rtt.
func (t *tally) reply(rtt time.Duration) {
	if t.received == 0 || rtt < t.min {
		t.min = rtt
	}
	t.max = max(t.max, rtt)
	t.received++
	ms := rtt.Seconds() * 1000
	t.sum += ms
	t.squares += ms * ms
}

// print writes the statistics; nothing when nothing was sent.
func (t *tally) print(w io.Writer, host string) {
	if t.sent == 0 {
		return
	}
	fmt.Fprintf(w, "\n--- %s ping statistics ---\n%d packets transmitted, %d received", host, t.sent, t.received)
	if t.duplicates > 0 {
		fmt.Fprintf(w, ", +%d duplicates", t.duplicates)
	}
	if t.errors > 0 {
		fmt.Fprintf(w, ", +%d errors", t.errors)
	}
	loss := 100 * float64(t.sent-t.received) / float64(t.sent)
	fmt.Fprintf(w, ", %.6g%% packet loss, time %dms\n", loss, t.took.Milliseconds())
	if t.received > 0 {
		n := float64(t.received)
		mean := t.sum / n
		deviation := math.Sqrt(max(0, t.squares/n-mean*mean))
		fmt.Fprintf(w, "rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", t.min.Seconds()*1000, mean, t.max.Seconds()*1000, deviation)
	}
}

// milliseconds writes d with the precision that its size deserves.
func milliseconds(d time.Duration) string {
	ms := d.Seconds() * 1000
	decimals := 3
	for limit := 1.0; decimals > 0 && ms >= limit; limit *= 10 {
		decimals--
	}
	return fmt.Sprintf("%.*f", decimals, ms)
}
