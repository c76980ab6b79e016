package resolver

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// Lookup returns the answer of those outside to a question of the box's own, from the cache if it is there: a whole
// message. Names of the house are not looked at.
func (r *Resolver) Lookup(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error) {
	var q wire.Query
	if !q.Ask(name, typ, r.seed) {
		return nil, errors.New("that is no name")
	}
	q.EDNS, q.DO, q.CD, q.AD, q.Size = true, do, cd, true, wire.MaxUDP
	now, o := r.o.Now(), wire.ReplyOptions{Limit: maxStream}
	out, hit := r.cache.Append(nil, &q, now, false, o)
	if hit.State == wire.Fresh {
		return out, nil
	}
	answer := make(channel, 1)
	if !r.own(waiting{q: q, to: answer, o: o, since: now}) {
		return nil, ErrBusy
	}
	select {
	case out = <-answer:
		return out, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// own adds a question of the box itself. All of them are those of one client.
func (r *Resolver) own(w waiting) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayHave(netip.Addr{}, true) && r.join(w)
}

// A channel takes one reply.
type channel chan []byte

// Send implements Later.
func (c channel) Send(reply []byte) { c <- reply }
