// Package ipv6 is the commands `gatehouse ipv6 …`: which prefixes the LANs have and where these come from, by
// what IPv6 leads out, what hosts are told of both, which other routers are there, and which addresses hosts
// have made; and why a LAN has this, or lacks it. For `gatehouse status` it has that in one line.
//
// What should be it has of the site and of what the box has learned, by package plan; what is told, of the
// service radvd; what led there, of the services of the way out and the tunnel, as far as they answer. Text
// of strangers is safe for a terminal and bounded, in JSON too. It changes nothing.
package ipv6

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// Env is where a command finds the appliance.
type Env struct {
	Stdout io.Writer
	RunDir string                     // the directory of the control sockets, and of what the box has learned
	Site   func() (*site.Site, error) // the site that runs
	Now    func() time.Time
	Uptime func() time.Duration // CLOCK_BOOTTIME
}

// A Report is what `gatehouse ipv6 --json` prints. Moments are on the clock of Up.
type Report struct {
	Up       time.Duration  `json:"up_ns"`
	Ways     []plan.Way6    `json:"ways"` // out, the one that conversations begin by first
	Prefixes []plan.Prefix6 `json:"prefixes"`
	LANs     []LAN          `json:"lans"`
	Problems []string       `json:"problems"` // everything that is wrong, for people

	site   *site.Site
	wan    answer[wanrun.Status]    // asked if its IPv6 is the provider's
	tunnel answer[tunnelrun.Status] // asked if there is one
}

// A LAN is what one has, and what its hosts are told and have made.
type LAN struct {
	plan.LAN6
	Told *radvd.LANStatus `json:"told,omitempty"` // nil: not known
	// Hosts have made so many Addresses of prefixes that the LAN has.
	Hosts     int `json:"hosts"`
	Addresses int `json:"addresses"`
}

// answer is what a service said, or why it did not.
type answer[T any] struct {
	value T
	err   error
}

// silence is when a service is taken to hang: each answers at once.
const silence = 5 * time.Second

// ask asks a service for something.
func ask[T any](ctx context.Context, runDir, service, method string) (a answer[T]) {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	if a.err = control.Call(ctx, runDir, service, method, nil, &a.value); a.err != nil {
		a.value = *new(T)
	}
	return a
}

// errNone is the answer to who asks about what the site does not have.
var errNone = errors.New("no LAN has IPv6: the site gives none an address, nor a prefix that LANs have theirs of")

// collect brings together what is known.
func (e Env) collect(ctx context.Context) (*Report, error) {
	s, err := e.Site()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		return nil, errNone
	}
	learned, err := shown.ReadLearned(e.RunDir)
	if err != nil {
		return nil, err
	}
	v := plan.IPv6Of(s, learned)
	r := &Report{Up: e.Uptime(), Ways: v.Ways, Prefixes: v.Prefixes, Problems: []string{}, site: s}
	told := ask[run.Status](ctx, e.RunDir, roster.Radvd, "status")
	cleanTold(&told.value)
	stations := ask[[]stationfile.Station](ctx, e.RunDir, roster.Radvd, "stations")
	for _, lan := range v.LANs {
		l := LAN{LAN6: lan}
		if i := slices.IndexFunc(told.value.LANs, func(t radvd.LANStatus) bool {
			return t.LAN == lan.Name
		}); i >= 0 {
			l.Told = &told.value.LANs[i]
		}
		l.Hosts, l.Addresses = count(stations.value, lan.Name)
		r.LANs = append(r.LANs, l)
	}
	r.askWays(ctx, e.RunDir)
	r.findProblems(v.Lacking, told)
	return r, nil
}

// askWays asks those who know how the ways out are.
func (r *Report) askWays(ctx context.Context, runDir string) {
	if r.site.WAN.Auto6 {
		r.wan = ask[wanrun.Status](ctx, runDir, roster.WAN, "status")
		cleanWAN(r.wan.value.IPv6)
	}
	if r.site.Tunnel != nil {
		r.tunnel = ask[tunnelrun.Status](ctx, runDir, roster.Tunnel, "status")
		cleanTunnel(&r.tunnel.value)
	}
}

// findProblems adds what a person should look at.
func (r *Report) findProblems(lacking []string, told answer[run.Status]) {
	add := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	for _, from := range r.site.Sources6() {
		if names := r.without(from); len(names) > 0 {
			add("LANs have no network of their source %q (%s): %s", from, strings.Join(names, ", "),
				r.whyNone(from))
		}
	}
	r.Problems = append(r.Problems, lacking...)
	for _, way := range r.configured() {
		if why := r.whyDown(way); why != "" {
			add("nothing leads out by %s: %s", way, why)
		}
	}
	if told.err != nil {
		add("what hosts are told is not known: %s", cut(told.err.Error()))
	}
	r.Problems = append(r.Problems, told.value.Problems...)
}

// without are the LANs that a source is to give a network, if it gives none at all.
func (r *Report) without(from site.Source6) (names []string) {
	if slices.ContainsFunc(r.Prefixes, func(p plan.Prefix6) bool { return p.From == from }) {
		return nil
	}
	for _, lan := range r.LANs {
		if slices.Contains(lan.From, from) {
			names = append(names, lan.Name)
		}
	}
	return names
}

// count is how many hosts of a LAN have made how many addresses of prefixes that it has.
func count(all []stationfile.Station, lan string) (hosts, addresses int) {
	seen := map[string]bool{}
	for _, s := range all {
		if s.Network == lan && s.Current {
			seen[s.MAC.String()] = true
			addresses++
		}
	}
	return len(seen), addresses
}
