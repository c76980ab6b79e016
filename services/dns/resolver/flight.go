package resolver

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// A waiting is a question whose answer is awaited.
//
//	ask ─► under way ─┬─ Chain.Ask has returned ─────────────────────────► replied, with what it said
//	                  └─ 1.8 s, and there is an answer that has run out ─► replied with that; asking goes on
type waiting struct {
	q      wire.Query
	to     Later // nil: nobody, the cache is filled
	client netip.AddrPort
	o      wire.ReplyOptions
	since  time.Time
}

// ask has a question asked outside, or waits for an equal one. It is false if there is no room for it.
func (r *Resolver) ask(q *wire.Query, now time.Time, from Sender, client netip.AddrPort, o wire.ReplyOptions,
	proven bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mayHave(client.Addr(), proven) {
		return false
	}
	return r.join(waiting{q: *q, to: from.Later(), client: client, o: o, since: now})
}

// refresh has an answer asked for again before it runs out, if there is room enough.
func (r *Resolver) refresh(q *wire.Query, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flights.Len() < r.o.Limits.InFlight/2 {
		r.join(waiting{q: *q, since: now})
	}
}

// join adds a question to those under way. It is called with mu held.
func (r *Resolver) join(w waiting) bool {
	if r.closed {
		return false
	}
	ticket, role := r.flights.Join(&w.q)
	if role == wire.Full {
		return false
	}
	r.waits[ticket.Index()] = w
	r.has[w.client.Addr()]++
	if role == wire.Leader {
		r.running.Add(1)
		go r.fly(ticket, w)
	}
	return true
}

// mayHave says whether a client may have one more question under way: as long as it has fewer than there are
// places left. So one client gets a half of them, two get a third each, and there is always one left for the
// next. It is called with mu held.
func (r *Resolver) mayHave(client netip.Addr, proven bool) bool {
	free := r.o.Limits.InFlight - r.flights.Len()
	if !proven {
		free -= r.o.Limits.Reserved
	}
	return r.has[client] < free
}

// fly asks a question, and replies to all that wait for the answer.
func (r *Resolver) fly(ticket wire.Ticket, w waiting) {
	defer r.running.Done()
	ctx, cancel := context.WithTimeout(r.life, askTime)
	defer cancel()
	stale := time.AfterFunc(patience, func() { r.giveStale(ticket, &w.q) })
	said, err := r.o.Chain.Ask(ctx, w.q.AppendQuery(nil))
	stale.Stop()
	e := wire.NewExtract(wire.DefaultBounds())
	answer := r.take(e, &w.q, said, err)
	if r.life.Err() != nil {
		r.land(ticket) // and nobody is told
		return
	}
	r.reply(r.land(ticket), answer, said.Server)
}

// A result is what is said to all that wait for an answer.
type result struct {
	wire.Answer
	failed   bool // nobody had one: an answer that has run out is better
	extended uint16
}

// take reads what was said outside, and keeps it if it may be kept.
func (r *Resolver) take(e *wire.Extract, q *wire.Query, said Outside, err error) result {
	failure := result{Answer: wire.Answer{Rcode: wire.ServFail}, failed: true, extended: said.Extended}
	if err != nil {
		if failure.extended == 0 {
			failure.extended = wire.NoReachableUpstream
		}
		if !errors.Is(err, ErrBusy) && r.life.Err() == nil {
			r.cache.Fail(q, r.o.Now(), failure.extended)
		}
		return failure
	}
	finding := e.Take(q, said.Message)
	if finding == wire.Good {
		r.cache.Put(e, r.o.Now())
	}
	if finding.Usable() {
		return result{Answer: e.Answer}
	}
	r.cache.Fail(q, r.o.Now(), failure.extended)
	return failure
}

// land ends a question, and returns all that waited for its answer; nobody if it has ended before.
func (r *Resolver) land(ticket wire.Ticket) (all []waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flights.Finish(ticket, func(t wire.Ticket) {
		w := &r.waits[t.Index()]
		all = append(all, *w)
		r.drop(w.client.Addr())
		*w = waiting{}
	})
	return all
}

// drop takes one question under way from a client. It is called with mu held.
func (r *Resolver) drop(client netip.Addr) {
	if r.has[client]--; r.has[client] == 0 {
		delete(r.has, client)
	}
}

// reply tells an answer to all that waited for it.
func (r *Resolver) reply(all []waiting, v result, server string) {
	now := r.o.Now()
	for i := range all {
		w := &all[i]
		if w.to == nil {
			continue
		}
		e := Event{
			At: now, Query: &w.q, From: w.client, What: Asked, Rcode: v.Rcode, Took: now.Sub(w.since),
			Server: server,
		}
		var msg []byte
		if v.failed {
			e.What = Failed
			var hit wire.Hit
			if msg, hit = r.cache.Append(nil, &w.q, now, true, w.o); hit.State != wire.Miss {
				e.What, e.Rcode = Stale, hit.Rcode
			}
		}
		if msg == nil {
			w.o.Extended = v.extended
			msg = w.q.Append(nil, v.Answer, w.o)
		}
		if box, ok := w.to.(own); ok {
			box <- Resolved{Message: msg, What: e.What, Server: server}
			continue
		}
		r.note(e)
		w.to.Send(msg)
	}
}

// giveStale replies with an answer that has run out, if there is one, to all that have waited long enough,
// and for a moment to all others with that question: RFC 8767 5.
func (r *Resolver) giveStale(ticket wire.Ticket, q *wire.Query) {
	now := r.o.Now()
	if _, hit := r.cache.Append(nil, q, now, true, wire.ReplyOptions{}); hit.State != wire.Stale {
		return
	}
	r.cache.Fail(q, now, wire.NoReachableUpstream)
	r.reply(r.land(ticket), result{Answer: wire.Answer{Rcode: wire.ServFail}, failed: true}, "")
}

// enterServing takes a place of those that the full server has.
func (r *Resolver) enterServing(client netip.Addr, proven bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := r.o.Limits.Serving - r.serving
	if r.closed || r.has[client] >= free && !(proven && free > 0 && r.has[client] == 0) {
		return false
	}
	r.serving++
	r.has[client]++
	r.running.Add(1)
	return true
}

func (r *Resolver) leaveServing(client netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving--
	r.drop(client)
}
