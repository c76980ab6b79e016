package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// Bounds of how far aliases are followed.
const (
	maxSteps   = 8  // questions about their targets
	maxAliases = 16 // in one answer; package wire takes no more
)

var (
	errCircle = errors.New("its aliases lead in a circle, or too far")
	errSteps  = fmt.Errorf("its aliases lead to more than %d servers' answers", maxSteps)
)

// alias completes answers that end at an alias. A full resolver gives none of these, so it is rare.
type alias struct {
	next plugin.Handler
	own  locals
}

// Name implements plugin.Handler.
func (alias) Name() string { return "alias" }

// ServeDNS implements plugin.Handler.
func (p alias) ServeDNS(ctx context.Context, w dns.ResponseWriter, m *dns.Msg) (int, error) {
	r := requestOf(ctx)
	c := capture{ResponseWriter: w}
	rcode, err := plugin.NextOrFailure(p.Name(), p.next, ctx, &c, m)
	if err != nil || c.msg == nil {
		return rcode, err
	}
	msg, err := p.follow(ctx, w, r, c.msg)
	if err != nil {
		return dns.RcodeServerFailure, err
	}
	_, err = w.Write(msg)
	return dns.RcodeSuccess, err
}

// follow returns an answer with those to the targets of its aliases, as far as they are missing.
func (p alias) follow(ctx context.Context, w dns.ResponseWriter, r *request, msg []byte) ([]byte, error) {
	if find(&r.q, msg) != wire.Incomplete {
		return msg, nil
	}
	whole, err := read(msg)
	if err != nil {
		return nil, err
	}
	target, err := end(whole)
	for range maxSteps {
		if err != nil {
			return nil, err
		}
		said, err := p.step(ctx, w, r, target)
		if err != nil {
			return nil, fmt.Errorf("%s, which it stands for: %w", target, err)
		}
		join(whole, said)
		if msg, err = pack(whole); err != nil {
			return nil, err
		}
		before := target
		if target, err = end(whole); err != nil {
			return nil, err
		}
		// Nothing more was said of it: there is nothing, without a proof.
		if find(&r.q, msg) != wire.Incomplete || strings.EqualFold(target, before) {
			return msg, nil
		}
	}
	return nil, errSteps
}

// end returns the name that the aliases of an answer lead to.
func end(m *dns.Msg) (string, error) {
	name := m.Question[0].Name
	for range maxAliases + 1 {
		target := ""
		for _, rr := range m.Answer {
			if c, ok := rr.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, name) {
				target = c.Target
				break
			}
		}
		if target == "" {
			return name, nil
		}
		name = target
	}
	return "", errCircle
}

// step returns the answer about a target: of the house, if it is one of its names, else of those outside.
func (p alias) step(ctx context.Context, w dns.ResponseWriter, r *request, target string) (*dns.Msg, error) {
	sub := &request{from: r.from, stream: true}
	name := make([]byte, wire.MaxName)
	n, err := dns.PackDomainName(target, name, 0, nil, false)
	if err != nil || !sub.q.Ask(name[:n], r.q.Type, 0) {
		return nil, errors.New("that is no name")
	}
	sub.q.ID, sub.q.EDNS, sub.q.DO, sub.q.CD, sub.q.AD = r.q.ID, true, r.q.DO, r.q.CD, r.q.AD
	msg, err := p.stepped(ctx, w, sub)
	r.asked(sub.servers...)
	r.extended = sub.extended
	if err != nil {
		return nil, err
	}
	return readAnswer(&sub.q, msg)
}

func (p alias) stepped(ctx context.Context, w dns.ResponseWriter, sub *request) ([]byte, error) {
	if a, answer := p.own.answer(&sub.q, sub.from.Addr()); a.Kind != zone.NotLocal {
		return sub.q.Append(nil, answer, wire.ReplyOptions{Limit: maxMessage}), nil
	}
	m, err := read(sub.q.AppendQuery(nil))
	if err != nil {
		return nil, err
	}
	c := capture{ResponseWriter: w}
	rcode, err := plugin.NextOrFailure(p.Name(), p.next, context.WithValue(ctx, requestKey{}, sub), &c, m)
	if err == nil && c.msg == nil {
		err = errors.New(dns.RcodeToString[rcode])
	}
	return c.msg, err
}
