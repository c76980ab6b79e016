package admin

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// Status is what `gatehouse status --json` prints.
type Status struct {
	Machine  machine.Facts      `json:"machine"`
	Box      Box                `json:"box"`
	Links    []Link             `json:"links"`
	Gateways []Gateway          `json:"gateways"` // that the site wants, or the lease of its way out
	Services []supervise.Status `json:"services"`
	DHCP     *run.Status        `json:"dhcp,omitempty"`   // nil: it does not answer
	WAN      *wanrun.Status     `json:"wan,omitempty"`    // nil: the address is the site's own, or it does not answer
	Tunnel   *tunnelrun.Status  `json:"tunnel,omitempty"` // nil: there is none, or it does not answer
	IPv6     *plan.IPv6         `json:"ipv6,omitempty"`   // nil: no LAN has any, or it is not known
	Time     *ntprun.Status     `json:"time,omitempty"`   // nil: no time is kept, or its service does not answer
	Shares   *Shares            `json:"shares,omitempty"` // of the conversations; nil: init does not say
	Problems []string           `json:"problems"`         // everything that is wrong, for people
}

// Gateway is a default route of the site, or of the lease of its way out.
type Gateway struct {
	Via  netip.Addr `json:"via"`
	Link string     `json:"link"`
}

// patience is how long all together may take to answer status.
const patience = 3 * time.Second

// status prints the appliance on one screen.
func status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	st := collect(ctx, env)
	show := st.print
	if *asJSON {
		show = func(w io.Writer) error { return cli.JSON(w, st) }
	}
	if err := show(env.Stdout); err != nil {
		return err
	}
	if len(st.Problems) > 0 {
		return cli.ErrProblems
	}
	return nil
}

// answers is what everybody said to status, in the time that they had.
type answers struct {
	ofInit, ofSupervisor error // nil: they have answered
	units                []unitAnswer
	machine              result[machine.Facts]
	site                 result[siteAnswer]
	silence              error // of who did not answer in time
}

// unitAnswer is what one service says is wrong with it.
type unitAnswer struct {
	service  string
	problems []string
	err      error
}

// siteAnswer is what the site wants, and how the kernel has it.
type siteAnswer struct {
	links    []Link
	gateways []Gateway
	six      *plan.IPv6
}

// collect asks everybody at the same time. Who does not answer is a problem, not an error.
func collect(ctx context.Context, env Env) Status {
	within := cmp.Or(env.Patience, patience)
	a := answers{silence: fmt.Errorf("no answer within %v", within)}
	ctx, cancel := context.WithTimeoutCause(ctx, within, a.silence)
	defer cancel()
	var st Status
	kernel, network := beside(env.Machine), beside(env.siteAsItIs)
	var asking sync.WaitGroup
	asking.Go(func() { a.ofInit = env.ask(ctx, InitService, "box", nil, &st.Box) })
	asking.Go(func() {
		a.ofSupervisor = env.ask(ctx, InitService, "services", nil, &st.Services)
		a.units = env.askUnits(ctx, st.Services)
	})
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
	st.Machine, st.Links, st.Gateways, st.IPv6 = a.machine.value, a.site.value.links, a.site.value.gateways, a.site.value.six
	st.addLease()
	st.clean()
	st.Problems = st.problems(a)
	return st
}

// askUnits asks every service that is ready what is wrong with it. One that is not ready need not answer yet.
func (e Env) askUnits(ctx context.Context, services []supervise.Status) []unitAnswer {
	all := make([]unitAnswer, len(services))
	var asking sync.WaitGroup
	for i, s := range services {
		all[i].service = s.Name
		if serves(s) {
			asking.Go(func() { all[i].err = e.ask(ctx, s.Name, unit.Problems, nil, &all[i].problems) })
		}
	}
	asking.Wait()
	return all
}

// serves reports whether a service is there for its clients: also while it takes another configuration.
func serves(s supervise.Status) bool {
	return s.State == supervise.Ready || s.State == supervise.Reloading
}

// siteAsItIs reads the site, and looks at what of it the kernel has.
func (e Env) siteAsItIs() (siteAnswer, error) {
	s, err := e.Site()
	if err != nil {
		return siteAnswer{}, fmt.Errorf("the site is not readable: %w", err)
	}
	return siteAnswer{e.Links(s), gateways(s), e.ipv6(s)}, nil
}

// ipv6 is what the LANs have over IPv6; nil: none has any, or what the box has learned is not known.
func (e Env) ipv6(s *site.Site) *plan.IPv6 {
	learned, err := shown.ReadLearned(e.RunDir)
	if err != nil || !slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		return nil
	}
	v := plan.IPv6Of(s, learned)
	return &v
}

// gateways are those that s gives the box.
func gateways(s *site.Site) []Gateway {
	all := []Gateway{}
	for _, via := range []netip.Addr{s.WAN.Gateway, s.WAN.Gateway6} {
		if via.IsValid() {
			all = append(all, Gateway{via, s.WAN.Link()})
		}
	}
	return all
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

// clean makes safe for a terminal what services have said.
func (st *Status) clean() {
	for i := range st.Services {
		s := &st.Services[i]
		s.LastExit = plain(s.LastExit)
		for i, words := range s.LastWords {
			s.LastWords[i] = plain(words)
		}
	}
	for i, p := range st.Box.Problems {
		st.Box.Problems[i] = plain(p)
	}
}

// why says in a few words how a service that is not ready came to that.
func why(s supervise.Status) string {
	words := s.LastExit
	if n := len(s.LastWords); n > 0 {
		words = strings.TrimSpace(words + ", " + s.LastWords[n-1])
	}
	if words == "" {
		return "since " + cli.Span(s.Since)
	}
	return words
}
