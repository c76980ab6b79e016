package resolver

import (
	"context"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// maxStream is how long a reply over TCP may be.
const maxStream = 1<<16 - 1

// A Worker answers one message after the other, of one goroutine.
type Worker struct {
	r        *Resolver
	q        wire.Query
	sections []byte
}

// Worker returns a new one.
func (r *Resolver) Worker() *Worker {
	return &Worker{r: r, sections: make([]byte, 0, zone.MaxAnswer)}
}

// Respond handles one message, and appends the reply to dst if there is one at once; else it may follow by
// from.Later. It keeps nothing of msg and from.
func (w *Worker) Respond(now time.Time, dst, msg []byte, from Sender) []byte {
	r, q := w.r, &w.q
	verdict := q.Parse(msg, r.seed)
	if verdict == wire.Drop {
		return dst
	}
	client := from.From()
	o, proven := r.wayBack(q, client.Addr(), from.Stream(), now)
	switch verdict {
	case wire.Reject:
		r.note(Event{At: now, Query: q, From: client, What: Rejected, Rcode: q.Rcode})
		return q.AppendRejection(dst, o)
	case wire.Other:
		return w.serve(now, dst, msg, from, client, o, proven)
	}
	a := r.Table().Answer(w.sections[:0], zone.Query{
		Name: q.Question()[:len(q.Question())-4], Type: q.Type, Class: q.Class, From: client.Addr(),
	})
	switch {
	case a.Kind == zone.Local:
		w.sections = a.Msg
		r.note(Event{At: now, Query: q, From: client, What: Local, Rcode: wire.Rcode(a.RCode)})
		return q.Append(dst, local(a), o)
	case a.Kind == zone.Outside:
		return w.serve(now, dst, msg, from, client, o, proven)
	case !q.RD:
		// Nobody here answers for it. What others have asked for is not told to who does not ask for an
		// answer.
		r.note(Event{At: now, Query: q, From: client, What: Rejected, Rcode: wire.Refused})
		return q.Append(dst, wire.Answer{Rcode: wire.Refused}, o)
	}
	return w.outside(now, dst, from, client, o, proven)
}

// local is the answer of the house as it goes onto the wire.
func local(a zone.Answer) wire.Answer {
	return wire.Answer{
		Rcode: wire.Rcode(a.RCode), AA: true, Records: a.Msg, Answers: a.Answers, Authorities: a.Authority,
	}
}

// wayBack is how a reply goes to a client, and whether its address is proven not to be forged.
func (r *Resolver) wayBack(q *wire.Query, client netip.Addr, stream bool, now time.Time) (wire.ReplyOptions,
	bool) {
	o, proven := wire.ReplyOptions{}, stream
	if stream {
		o.Limit = maxStream
	}
	if q.HasCookie {
		proven = proven || r.cookies.Check(q, client, now) == wire.CookieGood
		o.Cookie = r.cookies.Make(q.ClientCookie, client, now)
	}
	return o, proven
}

// outside answers what others have to be asked for.
func (w *Worker) outside(now time.Time, dst []byte, from Sender, client netip.AddrPort, o wire.ReplyOptions,
	proven bool) []byte {
	r, q := w.r, &w.q
	out, hit := r.cache.Append(dst, q, now, false, o)
	switch hit.State {
	case wire.Fresh:
		r.note(Event{At: now, Query: q, From: client, What: Cached, Rcode: hit.Rcode})
		if hit.Refresh {
			r.refresh(q, now)
		}
		return out
	case wire.Failing:
		if out, hit := r.cache.Append(dst, q, now, true, o); hit.State == wire.Stale {
			r.note(Event{At: now, Query: q, From: client, What: Stale, Rcode: hit.Rcode})
			return out
		}
		r.note(Event{At: now, Query: q, From: client, What: Failed, Rcode: wire.ServFail})
		if o.Extended = hit.Extended; o.Extended == 0 {
			o.Extended = wire.CachedError
		}
		return q.Append(dst, wire.Answer{Rcode: wire.ServFail}, o)
	}
	if r.shareOf(client.Addr(), now) && r.ask(q, now, from, client, o, proven) {
		return dst
	}
	return w.leave(now, dst, client, from.Stream(), o)
}

// leave is the end of a question that there is no room for. Over UDP nothing is said: the client asks again,
// and who forges addresses has nobody to answer to.
func (w *Worker) leave(now time.Time, dst []byte, client netip.AddrPort, stream bool,
	o wire.ReplyOptions) []byte {
	r, q := w.r, &w.q
	if out, hit := r.cache.Append(dst, q, now, true, o); hit.State == wire.Stale {
		r.note(Event{At: now, Query: q, From: client, What: Stale, Rcode: hit.Rcode})
		return out
	}
	r.note(Event{At: now, Query: q, From: client, What: Left, Rcode: wire.ServFail})
	if !stream {
		return dst
	}
	return q.Append(dst, wire.Answer{Rcode: wire.ServFail}, o)
}

// serve has the full server answer.
func (w *Worker) serve(now time.Time, dst, msg []byte, from Sender, client netip.AddrPort,
	o wire.ReplyOptions, proven bool) []byte {
	r, q := w.r, &w.q
	addr := client.Addr()
	if !r.shareOf(addr, now) || !r.enterServing(addr, proven) {
		r.note(Event{At: now, Query: q, From: client, What: Left, Rcode: wire.ServFail})
		if !from.Stream() {
			return dst
		}
		return q.Append(dst, wire.Answer{Rcode: wire.ServFail}, o)
	}
	stream, later := from.Stream(), from.Later()
	copied, asked := append([]byte(nil), msg...), *q
	go func() {
		defer r.running.Done()
		ctx, cancel := context.WithTimeout(r.life, askTime)
		defer cancel()
		reply := r.o.Chain.Serve(ctx, copied, client, stream)
		r.leaveServing(addr)
		over := r.o.Now()
		r.note(Event{At: over, Query: &asked, From: client, What: Served, Took: over.Sub(now)})
		later.Send(reply)
	}()
	return dst
}

func (r *Resolver) shareOf(client netip.Addr, now time.Time) bool {
	return r.o.Shares == nil || r.o.Shares.Take(client, now)
}
