package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// errMistake is the error of a question under which a plugin has panicked.
var errMistake = errors.New("a mistake of this program")

// failures is what CoreDNS's plugin of the name errors is for: that one can be made by a Corefile only.
type failures struct {
	next plugin.Handler
	log  *slog.Logger
}

// Name implements plugin.Handler.
func (failures) Name() string { return "errors" }

// ServeDNS implements plugin.Handler. A panic ends here: CoreDNS would outlive it too, but writes of each to
// the log of the process.
func (p failures) ServeDNS(ctx context.Context, w dns.ResponseWriter, m *dns.Msg) (rcode int, err error) {
	r := requestOf(ctx)
	defer func() {
		if v := recover(); v != nil {
			rcode, err = dns.RcodeServerFailure, fmt.Errorf("%w: %v", errMistake, v)
			p.report(r, err, "stack", string(debug.Stack()))
		}
		r.err = err
	}()
	rcode, err = plugin.NextOrFailure(p.Name(), p.next, ctx, w, m)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // nobody waits any more: the service ends
		p.report(r, err)
	}
	return rcode, err
}

func (p failures) report(r *request, err error, more ...any) {
	p.log.Warn("no answer", append([]any{
		"name", nameOf(&r.q), "type", dns.Type(r.q.Type).String(), "error", err,
	}, more...)...)
}

// nameOf is the name of a question for people.
func nameOf(q *wire.Query) string { return wire.Text(q.Name.Bytes()) }

// Extended errors (RFC 8914 4) beside those of wire.
const (
	notReady     = 14 // "unable to answer, as it is not fully functional yet"
	networkError = 23
)

// extendedOf says in a code why nobody had an answer; 0: there is none for it.
func extendedOf(err error) uint16 {
	var network *net.OpError
	switch {
	case errors.Is(err, upstream.ErrClock): // it will be set
		return notReady
	case errors.Is(err, upstream.ErrBusy), errors.Is(err, resolver.ErrBusy), errors.Is(err, context.Canceled):
		return 0
	case errors.As(err, &network):
		return networkError
	}
	return wire.NoReachableUpstream
}

// extendedIn returns the extended error in a message; 0: it has none, or cannot be read.
func extendedIn(msg []byte) uint16 {
	var m dns.Msg
	if m.Unpack(msg) != nil || m.IsEdns0() == nil {
		return 0
	}
	for _, o := range m.IsEdns0().Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			return e.InfoCode
		}
	}
	return 0
}
