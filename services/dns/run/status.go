package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/dns/front"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// Status is how the service is. Counters run since the start.
type Status struct {
	Started  time.Time         `json:"started"`
	Answers  resolver.Stats    `json:"answers"`
	Links    []LinkStatus      `json:"links"`
	Upstream []upstream.Status `json:"upstream"`
	Leases   int               `json:"leases"`             // that have a name, or want one
	Stations int               `json:"stations,omitempty"` // the same of addresses that hosts made
	Tops     Tops              `json:"tops"`
	Problems []string          `json:"problems,omitempty"` // what a person should look at, one sentence each
}

// LinkStatus is how a link is served.
type LinkStatus struct {
	Name   string `json:"name"`
	Absent string `json:"absent,omitempty"` // why it is not served; "": it is
	front.Stats
}

// Methods returns what can be asked by name: "ping" (nothing, by a question over the loopback), "status"
// (Status), "problems" (those of it), "why" (a Why; the argument is WhyArgs), "flush" (how many answers that
// were; the argument is FlushArgs), and "log" (a Line for each message from now on; the argument is LogArgs).
func (s *Service) Methods() control.Mux {
	return control.Mux{
		control.Ping: func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
			if err := s.ping(ctx); err != nil {
				return err
			}
			return send(struct{}{})
		},
		"status": func(ctx context.Context, _ json.RawMessage,
			send func(any) error) error {
			return send(s.status(ctx))
		},
		"problems": func(ctx context.Context, _ json.RawMessage,
			send func(any) error) error {
			return send(s.problems(ctx))
		},
		"why":   s.answerWhy,
		"flush": s.answerFlush,
		"log":   s.observer.answerLog,
	}
}

// ping asks for the name of the router as everybody on the box does.
func (s *Service) ping(ctx context.Context) error {
	name, err := wire.ParseText(s.config().House.Router.Name + "." + s.config().House.Domain)
	if err != nil {
		return err
	}
	var q wire.Query
	q.Ask(name, wire.TypeA, 0)
	conn, err := s.o.dial("udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.o.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Write(q.AppendQuery(nil)); err != nil {
		return err
	}
	var reply [wire.MaxUDP]byte
	if _, err := conn.Read(reply[:]); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

func (s *Service) status(ctx context.Context) Status {
	st := Status{
		Started: s.started, Answers: s.resolver.Stats(), Upstream: s.upstream.Status(),
		Leases: s.resolver.Table().Leases(), Stations: s.resolver.Table().Stations(), Tops: s.observer.tops(),
		Problems: s.problems(ctx),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range append([]string{loopback}, s.conf.Links...) {
		l := LinkStatus{Name: name}
		if of := s.served[name]; of != nil {
			l.Absent = of.absent
			if of.sockets != nil {
				l.Stats = of.sockets.Stats()
			}
		}
		st.Links = append(st.Links, l)
	}
	return st
}

// problems returns what a person should look at.
func (s *Service) problems(ctx context.Context) []string {
	all := []string{}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var leases, made failure
	if err := s.names.do(ctx, func() { leases, made = s.names.failed, s.names.made.failed }); err == nil &&
		leases != "" {
		all = append(all, "The names of clients with a lease cannot be read: "+string(leases))
	}
	if made != "" {
		all = append(all, "The IPv6 addresses of hosts cannot be read, so their names have those of before: "+
			string(made))
	}
	down, last := 0, ""
	st := s.upstream.Status()
	if slices.ContainsFunc(st, func(u upstream.Status) bool { return u.Clock }) {
		all = append(all, fmt.Sprintf("The clock is wrong, it says %s UTC: "+
			"the dates of resolvers' certificates are not checked.",
			s.o.Upstream.Now().UTC().Format(time.DateTime)))
	}
	for _, u := range st {
		if u.State == upstream.Down {
			down++
			last = fmt.Sprintf("%s: %s", u.Server, u.Error)
		}
	}
	if down > 0 && down == len(st) {
		all = append(all, "No resolver outside answers: "+last)
	}
	return append(all, s.crowds()...)
}

// FlushArgs is the argument of the method "flush".
type FlushArgs struct {
	Name  string `json:"name"`
	Below bool   `json:"below"` // all names below it too; with ".", everything
}

func (s *Service) answerFlush(_ context.Context, raw json.RawMessage, send func(any) error) error {
	var args FlushArgs
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	n, err := s.flush(args.Name, args.Below)
	if err != nil {
		return err
	}
	return send(n)
}

// dial connects as Options.Upstream says.
func (o *Options) dial(network string, to netip.AddrPort) (net.Conn, error) {
	if o.Upstream.Dial != nil {
		return o.Upstream.Dial(context.Background(), network, to)
	}
	return net.Dial(network, net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))))
}
