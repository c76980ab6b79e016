package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// rebinding takes private addresses out of answers, those of the house that an alias outside leads to
// included: with it a stranger's page could reach into the house just as well.
type rebinding struct {
	next   plugin.Handler
	filter *upstream.Rebind
	log    *slog.Logger
}

// Name implements plugin.Handler.
func (rebinding) Name() string { return "rebind" }

// ServeDNS implements plugin.Handler.
func (p rebinding) ServeDNS(ctx context.Context, w dns.ResponseWriter, m *dns.Msg) (int, error) {
	r := requestOf(ctx)
	c := capture{ResponseWriter: w}
	rcode, err := plugin.NextOrFailure(p.Name(), p.next, ctx, &c, m)
	if err != nil || c.msg == nil {
		return rcode, err
	}
	kept, dropped, err := p.filter.Filter(c.msg)
	if err != nil {
		return dns.RcodeServerFailure, err
	}
	if dropped > 0 {
		r.extended = wire.Blocked
		p.log.Warn("private addresses were dropped from an answer of others", "name", nameOf(&r.q),
			"records", dropped, "server", r.servers)
	}
	_, err = w.Write(kept)
	return dns.RcodeSuccess, err
}

// outside asks upstream. It is the end of the chain.
type outside struct {
	upstream interface {
		Ask(ctx context.Context, query []byte) (upstream.Answer, error)
	}
}

// Name implements plugin.Handler.
func (outside) Name() string { return "outside" }

// ServeDNS implements plugin.Handler.
func (p outside) ServeDNS(ctx context.Context, w dns.ResponseWriter, _ *dns.Msg) (int, error) {
	r := requestOf(ctx)
	if !r.q.RD { // what others have asked for is not told to who wants nothing but what is known here
		return dns.RcodeRefused, nil
	}
	a, err := p.upstream.Ask(ctx, r.q.AppendQuery(nil))
	if err != nil {
		r.extended = extendedOf(err)
		if errors.Is(err, upstream.ErrBusy) {
			err = fmt.Errorf("%w: %w", resolver.ErrBusy, err)
		}
		return dns.RcodeServerFailure, err
	}
	r.asked(a.From.String())
	if failed(a.Message) {
		r.extended = extendedIn(a.Message)
	}
	_, err = w.Write(a.Message)
	return dns.RcodeSuccess, err
}

// failed reports whether a message has another result than those of an answer.
func failed(msg []byte) bool {
	return len(msg) < headerSize || msg[3]&15 != dns.RcodeSuccess && msg[3]&15 != dns.RcodeNameError
}

// asked notes who has answered.
func (r *request) asked(servers ...string) {
	for _, s := range servers {
		if !slices.Contains(r.servers, s) {
			r.servers = append(r.servers, s)
		}
	}
}
