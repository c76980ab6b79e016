package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// Reasons why an attempt got no answer.
var (
	errMoved   = errors.New("the connection was given up") // by us, or by an idle server: ask again
	errSilent  = errors.New("it does not answer, nor to a probe")
	errTimeout = errors.New("no answer in time")
	errCut     = errors.New("the connection is cut: nothing comes, not even to a probe")
	errBusy    = errors.New("too many questions are outstanding")
	errSpoofed = errors.New("wrong answers come in numbers: somebody guesses")
)

// How servers are judged.
const (
	silence    = 600 * time.Millisecond // a plain server that does not answer a probe for so long has failed
	backoffMin = time.Second / 4        // the first, for which one that has failed is left out
	backoffMax = 30 * time.Second       // the last
	backoffFew = patience               // the last of the only server: an outage ends soon after it has ended
	explore    = time.Minute            // a server that was not asked for so long is asked beside another
	noEDNS     = 10 * time.Minute       // so long a server that did not understand EDNS is asked without
)

// A peer is a server and what is known of it. An attempt is made by start and ends with finish, once.
type peer struct {
	server servers.Server
	world  *world
	tls    *tls.Config // nil for plain ones

	mu         sync.Mutex
	gone       error // why nothing is asked here any more
	latency    latency
	asked      time.Time // last
	unheard    time.Time // when the first question since the last answer was asked; zero: there is none
	probed     time.Time // when it was probed since then
	down       bool
	fails      int
	failed     time.Time     // last
	wait       time.Duration // from then on
	cause      error         // of being down
	fatal      bool          // waiting will not mend it
	plainUntil time.Time     // no EDNS
	inFlight   int
	streams    []*stream
	sockets    map[net.Conn]struct{}
	count      Counters
	lastErr    error
	lastErrAt  time.Time // by the wall clock
}

func newPeer(s servers.Server, w *world) *peer {
	p := &peer{server: s, world: w, sockets: map[net.Conn]struct{}{}}
	if s.Kind == servers.TLS {
		p.tls = &tls.Config{
			ServerName: s.Name, RootCAs: w.Roots(), Time: w.Now, MinVersion: tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(maxStreams),
		}
	}
	return p
}

// An attempt is a question at one server. Whoever asked may have his answer from another by the time it ends.
type attempt struct {
	q        *question
	raw      []byte // the question in the letters that it is asked in
	peer     *peer
	done     chan<- result // has room for all attempts of a question; nil: nobody waits
	sent     time.Time     // zero: its time is not that of one question
	deadline time.Time
	probe    bool
	streamed bool // over TCP or TLS
	id       uint16
}

// A result is the end of an attempt.
type result struct {
	peer *peer
	reply
	err error
}

// start makes an attempt.
func (p *peer) start(a *attempt) {
	a.peer = p
	p.mu.Lock()
	now := time.Now()
	err := p.gone
	if err == nil && p.inFlight >= maxInFlight {
		err = errBusy
	}
	if err != nil {
		p.mu.Unlock()
		a.deliver(result{peer: p, err: err})
		return
	}
	p.inFlight++
	p.count.Asked++
	p.asked, a.sent = now, now
	if p.tls != nil {
		p.attach(a)
		p.mu.Unlock()
		return
	}
	if p.unheard.IsZero() {
		p.unheard = now
	}
	p.world.running.Add(1)
	p.mu.Unlock()
	go p.askDatagram(a)
}

// finish ends an attempt, and notes what it says about the server.
func (p *peer) finish(a *attempt, r reply, err error) {
	p.mu.Lock()
	p.settle(a, err)
	p.mu.Unlock()
	a.deliver(result{p, r, err})
}

// settle is what finish does with p locked.
func (p *peer) settle(a *attempt, err error) {
	now := time.Now()
	p.inFlight--
	switch {
	case err == nil:
		p.count.Answered++
		if p.tls != nil || !a.streamed {
			p.heard()
			if !a.probe && !a.sent.IsZero() {
				p.latency.add(now, now.Sub(a.sent))
			}
		}
	case errors.Is(err, errTimeout):
		p.count.Unanswered++
		p.latency.lost(a.sent)
		p.note(err)
		p.listen(now)
	case errors.Is(err, errMoved), errors.Is(err, ErrClosed):
	default:
		p.note(err)
	}
}

// heard notes that the server answers.
func (p *peer) heard() {
	p.unheard, p.probed, p.fails, p.fatal = time.Time{}, time.Time{}, 0, false
	if p.down {
		p.down, p.latency = false, latency{} // it may be another path now
		p.world.Log.Info("upstream answers again", "server", p.server.String())
	}
}

// note keeps an error for people.
func (p *peer) note(err error) { p.lastErr, p.lastErrAt = err, p.world.Now() }

// fail notes that the server is not to be asked for a while, longer each time.
func (p *peer) fail(err error) {
	p.note(err)
	p.unheard, p.probed = time.Time{}, time.Time{}
	now := time.Now()
	if p.down && now.Before(p.failed.Add(min(p.wait, backoffFew))) {
		return // the same failure, told by another question
	}
	p.failed, p.wait = now, p.backoff()
	p.fails++
	var bad *CertificateError
	p.fatal, p.cause = errors.As(err, &bad), err
	if !p.down {
		p.down = true
		p.world.Log.Warn("upstream failed", "server", p.server.String(), "error", err.Error())
	}
}

// backoff returns how long the server is left out: from half to all of 0.25, 0.5, 1 … 30 s, so that boxes
// that lost it together do not come back together.
func (p *peer) backoff() time.Duration {
	most := min(backoffMin<<min(p.fails, 10), backoffMax)
	return max(backoffMin, most/2+time.Duration(p.world.Rand()%uint64(most/2+1)))
}

// listen finds out whether a plain server has gone silent: one slow name does not mean that, so it is asked
// what every resolver knows. One with connections is judged by them.
func (p *peer) listen(now time.Time) {
	switch {
	case p.tls != nil || !p.silent(now) || p.gone != nil:
	case p.probed.IsZero():
		p.probed = now
		p.world.running.Add(1)
		go p.askDatagram(p.probe(silence))
	case now.Sub(p.probed) >= max(silence, 2*p.latency.mean):
		p.fail(fmt.Errorf("%w: nothing for %s", errSilent, now.Sub(p.unheard).Round(time.Millisecond)))
	}
}

// silent reports whether a plain server has not answered for longer than one slow path takes.
func (p *peer) silent(now time.Time) bool {
	return !p.unheard.IsZero() && now.Sub(p.unheard) >= max(quietMin, 2*p.latency.mean)
}

// stuck reports whether the server is to be asked behind others for now, without having failed.
func (p *peer) stuck(now time.Time) bool {
	if p.tls == nil {
		return p.silent(now)
	}
	for _, s := range p.streams {
		if !s.probed && (s.conn != nil || now.Sub(s.began) < quietMin) {
			return false
		}
	}
	return len(p.streams) > 0
}

// probe returns a question that every resolver can answer at once. The peer is locked.
func (p *peer) probe(wait time.Duration) *attempt {
	p.inFlight++
	p.count.Asked++
	q := &question{raw: []byte{0, 0, typeNS, 0, classIN}}
	return &attempt{q: q, raw: q.raw, peer: p, probe: true, deadline: time.Now().Add(wait)}
}

// A view is a peer at one moment, for the choice among several.
type view struct {
	down, fatal bool
	stuck       bool
	known       bool // its latency is
	latency     time.Duration
	usual       time.Duration
	retry       time.Time // when one that is down may be asked
	retryAlone  time.Time // the same if there is no other
}

func (p *peer) view(now time.Time) view {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listen(now)
	v := view{
		down: p.down, fatal: p.fatal, stuck: p.stuck(now),
		known: p.latency.n > 0, latency: p.latency.mean, usual: p.latency.usual(),
	}
	if !p.down {
		return v
	}
	v.retry = p.failed.Add(p.wait)
	v.retryAlone = p.failed.Add(min(p.wait, backoffFew))
	// A datagram costs nobody anything, nor does a connection that is there or being made.
	if p.tls == nil || len(p.streams) > 0 {
		v.retryAlone = now
	}
	return v
}

// claim reports whether the server is due to be asked beside another, to know how it is. Who is told so asks.
func (p *peer) claim(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.asked
	switch {
	case p.gone != nil || p.down && now.Before(p.failed.Add(p.wait)):
		return false
	case p.down:
	case p.latency.n == 0 && (last.IsZero() || now.Sub(last) >= silence):
	case p.latency.n > 0 && now.Sub(last) >= explore:
	default:
		return false
	}
	p.asked = now
	return true
}

// form is how questions are written for the server.
func (p *peer) form(stream bool) form {
	return form{edns: !time.Now().Before(p.plainUntil), stream: stream, pad: p.tls != nil}
}

// deliver hands a result to whoever asked.
func (a *attempt) deliver(r result) {
	if a.done != nil {
		a.done <- r
	}
}

// moved drops all connections and sockets, and forgets how the server was.
func (p *peer) moved() {
	p.mu.Lock()
	p.latency, p.fails, p.down, p.fatal = latency{}, 0, false, false
	p.unheard, p.probed, p.asked = time.Time{}, time.Time{}, time.Time{}
	p.mu.Unlock()
	p.drop(errMoved)
}

// redate ends the connections that were made without looking at dates: what is outstanding is asked again.
func (p *peer) redate() {
	p.mu.Lock()
	streams := slices.DeleteFunc(slices.Clone(p.streams), func(s *stream) bool { return !s.undated })
	p.mu.Unlock()
	for _, s := range streams {
		s.end(errMoved)
	}
}

// leave has nothing asked here any more, for a reason.
func (p *peer) leave(why error) {
	p.mu.Lock()
	p.gone = why
	p.mu.Unlock()
	p.drop(why)
}

// drop ends all connections and sockets.
func (p *peer) drop(why error) {
	p.mu.Lock()
	streams := append([]*stream(nil), p.streams...)
	for conn := range p.sockets {
		delete(p.sockets, conn) // which tells its reader
		_ = conn.Close()
	}
	p.mu.Unlock()
	for _, s := range streams {
		s.end(why)
	}
}
