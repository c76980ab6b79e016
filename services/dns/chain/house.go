package chain

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// locals answers for the names of the house.
type locals struct{ table func() *zone.Table }

// answer returns what the house says to a question, and as it goes onto the wire.
func (l locals) answer(q *wire.Query, from netip.Addr) (zone.Answer, wire.Answer) {
	question := q.Question()
	a := l.table().Answer(nil, zone.Query{
		Name: question[:len(question)-4], Type: q.Type, Class: q.Class, From: from,
	})
	return a, wire.Answer{
		Rcode: wire.Rcode(a.RCode), AA: true, Records: a.Msg, Answers: a.Answers, Authorities: a.Authority,
	}
}

// house answers for the names of the house.
type house struct {
	next   plugin.Handler
	own    locals
	lookup func(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error)
}

// Name implements plugin.Handler.
func (house) Name() string { return "house" }

// ServeDNS implements plugin.Handler.
func (p house) ServeDNS(ctx context.Context, w dns.ResponseWriter, m *dns.Msg) (int, error) {
	r := requestOf(ctx)
	a, answer := p.own.answer(&r.q, r.from.Addr())
	switch {
	case a.Kind == zone.NotLocal:
		return plugin.NextOrFailure(p.Name(), p.next, ctx, w, m)
	case !plugin.ClientWrite(int(a.RCode)):
		return int(a.RCode), nil
	case a.Kind == zone.Local, !r.q.RD:
		return r.say(w, answer)
	}
	rcode, err := p.complete(ctx, w, r, answer, a.Target)
	if err != nil {
		err = fmt.Errorf("%s, which it stands for: %w", wire.Text(a.Target), err)
	}
	return rcode, err
}

// complete writes an answer of the house that ends at a name outside, and what those outside say of that.
func (p house) complete(ctx context.Context, w dns.ResponseWriter, r *request, answer wire.Answer,
	target []byte) (
	int, error,
) {
	rest, err := p.lookup(ctx, target, r.q.Type, r.q.DO, r.q.CD)
	if err != nil {
		r.extended = extendedOf(err)
		return dns.RcodeServerFailure, err
	}
	whole, err := read(r.q.Append(nil, answer, wire.ReplyOptions{Limit: maxMessage}))
	if err != nil {
		return dns.RcodeServerFailure, err
	}
	var q wire.Query
	q.Ask(target, r.q.Type, 0)
	q.DO, q.CD = r.q.DO, r.q.CD
	said, err := readAnswer(&q, rest)
	if err != nil {
		r.extended = extendedIn(rest)
		return dns.RcodeServerFailure, err
	}
	join(whole, said)
	r.aa = true // RFC 1035 4.1.1: it is about the first name
	return write(w, whole)
}
