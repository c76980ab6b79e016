package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// answers is what everybody said to status, in the time that they had.
//
//	            ┌─ init: box, services
//	status ─────┼─ each service of the roster: ping, problems ─┐
//	(patience)  ├─ dhcp, wan, tunnel6in4, ntp: status          ├─► Status, with who is silent among its problems
//	            └─ kernel, site, links, disks ─────────────────┘
//
// Nobody is asked after somebody else, so that one who is silent takes nothing from what others have to say.
type answers struct {
	within               time.Duration // they had
	ofInit, ofSupervisor error         // nil: they have answered
	units                []unitAnswer  // of the roster
	machine              result[machine.Facts]
	site                 result[siteAnswer]
	hosts                []site.Host // of the site, if a unit speaks of cards
	silence              error       // of who did not answer in time
}

// unitAnswer is what one service says: that it works, and what is wrong with it.
type unitAnswer struct {
	service  string
	ping     error // nil: what does its work has answered
	problems []string
	err      error // of problems
}

// siteAnswer is what the site wants, and how the kernel has it.
type siteAnswer struct {
	links    []Link
	gateways []Gateway
	six      *plan.IPv6
}

// collect asks everybody at the same time. Who does not answer is a problem, not an error.
func collect(ctx context.Context, env Env) Status {
	a := answers{within: cmp.Or(env.Patience, patience)}
	a.silence = fmt.Errorf("no answer within %v", a.within)
	ctx, cancel := context.WithTimeoutCause(ctx, a.within, a.silence)
	defer cancel()
	var st Status
	kernel, network := beside(env.Machine), beside(env.siteAsItIs)
	var asking sync.WaitGroup
	asking.Go(func() { a.ofInit = env.ask(ctx, InitService, "box", nil, &st.Box) })
	asking.Go(func() { a.ofSupervisor = env.ask(ctx, InitService, "services", nil, &st.Services) })
	asking.Go(func() { a.units = env.askUnits(ctx) })
	asking.Go(func() {
		var d run.Status
		if env.ask(ctx, roster.DHCP, "status", nil, &d) == nil {
			st.DHCP = &d
		}
	})
	asking.Go(func() {
		if w, err := wan.Ask(ctx, env.RunDir); err == nil {
			st.WAN = &w
		}
	})
	asking.Go(func() {
		if t, err := tunnel.Ask(ctx, env.RunDir); err == nil {
			st.Tunnel = &t
		}
	})
	asking.Go(func() {
		if c, err := clock.Ask(ctx, env.RunDir); err == nil {
			st.Time = &c
		}
	})
	asking.Go(func() { st.Shares = env.shares(ctx) })
	asking.Wait() // the control sockets keep to ctx
	a.machine, a.site = await(ctx, kernel), await(ctx, network)
	a.hosts = env.owners(ctx, a.units)
	st.Machine, st.Links, st.Gateways, st.IPv6 = a.machine.value, a.site.value.links, a.site.value.gateways,
		a.site.value.six
	st.Authorities = env.Authorities
	st.addLease()
	st.clean()
	st.Heard = a.heard(st.Services)
	st.Problems = st.problems(a)
	return st
}

// askUnits asks every service there may be whether it works and what is wrong with it, two questions at once:
// one that hangs may still say from beside its work that nothing is.
func (e Env) askUnits(ctx context.Context) []unitAnswer {
	all := make([]unitAnswer, len(roster.All()))
	var asking sync.WaitGroup
	for i, s := range roster.All() {
		u := &all[i]
		u.service = s.Name
		asking.Go(func() { u.ping = e.ask(ctx, s.Name, control.Ping, nil, nil) })
		asking.Go(func() { u.err = e.ask(ctx, s.Name, unit.Problems, nil, &u.problems) })
	}
	asking.Wait()
	return all
}

// heard lists init, and the services that should answer: those that serve, as init says, or if it says
// nothing those that have a socket.
func (a answers) heard(services []supervise.Status) []Heard {
	all := []Heard{{InitService, a.ofInit == nil && a.ofSupervisor == nil}}
	for _, u := range a.units {
		if a.expected(u, services) {
			all = append(all, Heard{u.service, u.ping == nil})
		}
	}
	return all
}

func (a answers) expected(u unitAnswer, services []supervise.Status) bool {
	if a.ofSupervisor != nil {
		return !errors.Is(u.ping, control.ErrNotRunning)
	}
	return slices.ContainsFunc(services, func(s supervise.Status) bool {
		return s.Name == u.service && serves(s)
	})
}

// result is what a function returned.
type result[T any] struct {
	value T
	err   error
}

// beside calls f, which has no deadline of its own: a disk that has gone can hold it up for ever.
func beside[T any](f func() (T, error)) <-chan result[T] {
	c := make(chan result[T], 1)
	go func() {
		v, err := f()
		c <- result[T]{v, err}
	}()
	return c
}

// await waits for what was called beside, but not beyond ctx.
func await[T any](ctx context.Context, c <-chan result[T]) result[T] {
	select {
	case r := <-c:
		return r
	default: // what is there counts, however late it is asked for
	}
	select {
	case r := <-c:
		return r
	case <-ctx.Done():
		return result[T]{err: context.Cause(ctx)}
	}
}
