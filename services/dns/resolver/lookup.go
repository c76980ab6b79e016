package resolver

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// A Resolved is the answer of those outside to a question of the box's own.
type Resolved struct {
	Message []byte  // whole, however long it is
	What    Outcome // Cached, Stale, Asked or Failed
	Server  string  // who answered, if somebody was asked
}

// Lookup returns the answer of those outside to a question of the box's own, from the cache if it is there: a
// whole message. Names of the house are not looked at.
func (r *Resolver) Lookup(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error) {
	answer, err := r.Resolve(ctx, name, typ, do, cd)
	return answer.Message, err
}

// Resolve is Lookup that says where the answer is from. It is no client's question, and is not counted.
func (r *Resolver) Resolve(ctx context.Context, name []byte, typ uint16, do, cd bool) (Resolved, error) {
	var q wire.Query
	if !q.Ask(name, typ, r.seed) {
		return Resolved{}, errors.New("that is no name")
	}
	q.EDNS, q.DO, q.CD, q.AD, q.Size = true, do, cd, true, wire.MaxUDP
	now, o := r.o.Now(), wire.ReplyOptions{Limit: maxStream}
	if out, hit := r.cache.Append(nil, &q, now, false, o); hit.State == wire.Fresh {
		return Resolved{Message: out, What: Cached}, nil
	}
	answer := make(own, 1)
	if !r.joinOwn(waiting{q: q, to: answer, o: o, since: now}) {
		return Resolved{}, ErrBusy
	}
	select {
	case said := <-answer:
		return said, nil
	case <-ctx.Done():
		return Resolved{}, ctx.Err()
	}
}

// joinOwn adds a question of the box itself. All of them are those of one client.
func (r *Resolver) joinOwn(w waiting) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayHave(netip.Addr{}, true) && r.join(w)
}

// An own is the box itself as it waits for one answer.
type own chan Resolved

// Send implements Later, which is not how the box is told.
func (c own) Send([]byte) {}
