// Package chain is the full server, CoreDNS, behind the resolver: what is no plain question, names of the
// house that lead outside, and everything that others must be asked for go through its plugins:
//
//	dnsserver ─ errors ─ house ─ any ─ rebind ─ alias ─ (a validator of DNSSEC) ─ outside ─► upstream
//
//	errors    says why there was no answer, to the log and to the client (RFC 8914), and outlives a panic
//	house     the names of the house; one that stands for a name outside is completed by the resolver
//	any       CoreDNS's own: to ANY it says HINFO (RFC 8482 4.2), and nobody is asked
//	rebind    takes private addresses out of answers of strangers
//	alias     asks on where an answer ends at an alias
//	outside   asks upstream
//
// A validator belongs between alias and outside: there, each answer is as its server has signed it, and a
// question is asked for each name.
//
// It is guaranteed that nothing a client sends reaches CoreDNS or a server outside but its question, with DO
// and CD; that a name of the house is asked of nobody, an alias outside that leads to it included; that a
// reply fits and is to the question, whatever others say; and that CoreDNS opens no socket, reads no file and
// writes to no log. No Corefile is read and no caddy started, so a process may have several chains.
//
// Left to the resolver: the cache, equal questions asked once, how many calls there are at a time. Left to
// package upstream: who is asked, and for how long.
package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	anyplugin "github.com/coredns/coredns/plugin/any"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// ErrQuery is the error of Ask for what is not one plain question.
var ErrQuery = errors.New("not one plain question")

// maxMessage is the length of the longest message, and of the longest reply over TCP.
const maxMessage = 1<<16 - 1

// Lines of the log: a burst, and then one for each time that passes.
const (
	logBurst = 10
	logEvery = 6 * time.Second
)

// Options are what a Chain has of the world.
type Options struct {
	// Table returns the names of the house as they are now.
	Table func() *zone.Table
	// Lookup returns the answer of those outside to a question about a name in wire form: a whole message of
	// any length. It is asked for what a name of the house stands for.
	Lookup func(ctx context.Context, name []byte, typ uint16, do, cd bool) ([]byte, error)
	// Upstream asks those outside.
	Upstream interface {
		Ask(ctx context.Context, query []byte) (upstream.Answer, error)
	}
	// Rebind takes private addresses out of answers; nil: they stay.
	Rebind *upstream.Rebind
	// Cookie returns the server cookie for a client that has sent one; nil: it gets none.
	Cookie func(q *wire.Query, client netip.Addr) wire.ServerCookie
	// Log is told of questions without an answer, ten lines at once and then ten a minute; nil: nobody is.
	Log *slog.Logger
}

// A Chain is a resolver.Chain. Its methods may be called by several goroutines.
type Chain struct {
	o      Options
	server atomic.Pointer[dnsserver.Server]
}

// New returns a Chain. Table, Lookup and Upstream must be set.
func New(o Options) (*Chain, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = slog.New(ratelimit.Handler(o.Log.Handler(), logBurst, logEvery, time.Now))
	c := &Chain{o: o}
	if err := c.Reconfigure(o.Rebind); err != nil {
		return nil, err
	}
	return c, nil
}

// Reconfigure has questions from now on answered with other exceptions from what rebind drops; those that are
// under way keep theirs.
func (c *Chain) Reconfigure(rebind *upstream.Rebind) error {
	config := &dnsserver.Config{Zone: "."}
	for _, p := range plugins(c.o, rebind) {
		config.AddPlugin(p)
	}
	// The address is a name in CoreDNS's counters: nothing listens.
	server, err := dnsserver.NewServer("chain", []*dnsserver.Config{config})
	if err != nil {
		return err
	}
	c.server.Store(server)
	return nil
}

// plugins are those of the package comment, in their order.
func plugins(o Options, rebind *upstream.Rebind) []plugin.Plugin {
	own := locals{o.Table}
	all := []plugin.Plugin{
		func(next plugin.Handler) plugin.Handler { return failures{next, o.Log} },
		func(next plugin.Handler) plugin.Handler { return house{next, own, o.Lookup} },
		func(next plugin.Handler) plugin.Handler { return anyplugin.Any{Next: next} },
	}
	if rebind != nil {
		all = append(all, func(next plugin.Handler) plugin.Handler { return rebinding{next, rebind, o.Log} })
	}
	return append(all,
		func(next plugin.Handler) plugin.Handler { return alias{next, own} },
		// Here a validator would stand.
		func(plugin.Handler) plugin.Handler { return outside{o.Upstream} },
	)
}

// Ask implements resolver.Chain. Whatever its error, the Outside may have an extended one.
func (c *Chain) Ask(ctx context.Context, query []byte) (resolver.Outside, error) {
	r := &request{stream: true}
	if r.q.Parse(query, 0) != wire.Plain {
		return resolver.Outside{}, ErrQuery
	}
	c.run(ctx, r)
	said := resolver.Outside{Server: strings.Join(r.servers, ", "), Extended: r.extended}
	switch {
	case r.err != nil:
		return said, r.err
	case r.refused != 0 || r.msg == nil:
		return said, fmt.Errorf("the full server says %s", dns.RcodeToString[r.refused])
	}
	said.Message = r.msg
	return said, nil
}

// Serve implements resolver.Chain.
func (c *Chain) Serve(ctx context.Context, msg []byte, from netip.AddrPort, stream bool) []byte {
	r := &request{from: from, stream: stream}
	verdict := r.q.Parse(msg, 0)
	var o wire.ReplyOptions
	if stream {
		o.Limit = maxMessage
	}
	if c.o.Cookie != nil && r.q.HasCookie {
		o.Cookie = c.o.Cookie(&r.q, from.Addr())
	}
	switch verdict {
	case wire.Drop:
		return nil
	case wire.Reject:
		return r.q.AppendRejection(nil, o)
	}
	c.run(ctx, r)
	o.Extended = r.extended
	return r.q.Append(nil, r.said(), o)
}

// run has CoreDNS answer a request. It sees the question as this server would ask it: not the bytes of a
// stranger.
func (c *Chain) run(ctx context.Context, r *request) {
	var m dns.Msg
	if err := m.Unpack(r.q.AppendQuery(nil)); err != nil {
		r.err, r.refused = err, dns.RcodeServerFailure
		return
	}
	c.server.Load().ServeDNS(context.WithValue(ctx, requestKey{}, r), writer{r}, &m)
}
