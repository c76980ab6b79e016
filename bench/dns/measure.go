package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/bench/proc"
)

const (
	outstanding = 64              // queries under way, of those who ask as fast as they can
	floodSize   = 100_000         // queries of theirs in each round
	floodTime   = 3 * time.Second // and no more of them than in that
	slow, fast  = 20_000, 50_000
	paceTime    = 2 * time.Second
	settled     = 2 * time.Second // after a start
	tolerated   = 0.001           // of queries may be lost
)

// A sample is what came of asking at one pace.
type sample struct {
	cpu       float64 // µs of the server's processes for each answer
	perSecond float64
	p50, p99  time.Duration
	lost      float64 // share of the queries
	behind    time.Duration
}

// String is the sample for those who watch.
func (s sample) String() string {
	return fmt.Sprintf("%.2f µs %.0fk/s p99 %v lost %.2f %%", s.cpu, s.perSecond/1000,
		s.p99.Round(time.Microsecond), 100*s.lost)
}

// A figure is what was measured of one server.
type figure struct {
	name              string
	flood, fast, slow []sample
	idle, load        int // bytes
}

// meter measures the server while somebody asks.
func (s *server) meter(ask func(*generate.Generator) (*generate.Result, error)) (sample, error) {
	family, err := s.family()
	if err != nil {
		return sample{}, err
	}
	before, err := proc.CPU(family)
	if err != nil {
		return sample{}, err
	}
	r, err := ask(s.generator)
	if err != nil {
		return sample{}, err
	}
	after, err := proc.CPU(family)
	if err != nil || r.Answered == 0 {
		return sample{}, errors.Join(err, fmt.Errorf("%s: %d answers", s.name, r.Answered))
	}
	return sample{
		cpu: float64((after - before).Nanoseconds()) / 1000 / float64(r.Answered), perSecond: r.PerSecond(),
		p50: r.Percentile(50), p99: r.Percentile(99), lost: float64(r.Lost) / float64(r.Sent),
		behind: r.Behind,
	}, s.plausible(r)
}

// plausible returns what is wrong with the results as a whole.
func (s *server) plausible(r *generate.Result) error {
	negative := 0
	for _, q := range s.questions {
		if q.rcode == nxDomain {
			negative++
		}
	}
	want := float64(negative) / float64(len(s.questions))
	got := float64(r.Rcodes[nxDomain]) / float64(r.Answered)
	others := r.Answered - r.Rcodes[noError] - r.Rcodes[nxDomain]
	if others > 0 || math.Abs(got-want) > 0.02 {
		return fmt.Errorf("%s: results by their number: %v", s.name, r.Rcodes)
	}
	return nil
}

func (s *server) flood(ctx context.Context) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, floodTime)
	defer cancel()
	return s.meter(func(g *generate.Generator) (*generate.Result, error) {
		return g.Flood(ctx, outstanding, floodSize)
	})
}

func (s *server) pace(ctx context.Context, rate int) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, paceTime)
	defer cancel()
	return s.meter(func(g *generate.Generator) (*generate.Result, error) { return g.Pace(ctx, rate) })
}

// startAll starts all programs that are chosen; the caller ends them, whatever the error.
func (b *bench) startAll(ctx context.Context, chosen func(program) bool, n int, questions []question) (
	all []*server, err error) {
	for _, p := range b.programs {
		if !chosen(p) {
			continue
		}
		s, err := b.start(ctx, p, n, questions)
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}

func endAll(all []*server, err *error) {
	for _, s := range all {
		*err = errors.Join(*err, s.end())
	}
}

// compareAll measures servers by turns.
func (b *bench) compareAll(ctx context.Context, all []*server) ([]figure, error) {
	figures := make([]figure, len(all))
	if err := sleep(ctx, settled); err != nil {
		return nil, err
	}
	for i, s := range all {
		var err error
		figures[i].name = s.name
		if figures[i].idle, err = s.memory(); err != nil {
			return nil, err
		}
		if err := s.askAll(ctx); err != nil {
			return nil, err
		}
	}
	for round := range b.rounds {
		for i, s := range all {
			f := &figures[i]
			for _, step := range []struct {
				into *[]sample
				ask  func() (sample, error)
			}{
				{&f.flood, func() (sample, error) { return s.flood(ctx) }},
				{&f.fast, func() (sample, error) { return s.pace(ctx, fast) }},
				{&f.slow, func() (sample, error) { return s.pace(ctx, slow) }},
			} {
				got, err := step.ask()
				if err = errors.Join(err, ctx.Err()); err != nil {
					return nil, err
				}
				*step.into = append(*step.into, got)
			}
			fmt.Fprintf(b.log, "  %d %s: %v\n", round+1, s.name, f.last())
			var err error
			if f.load, err = s.memory(); err != nil {
				return nil, err
			}
		}
	}
	return figures, nil
}

func (f *figure) last() [3]sample {
	i := len(f.flood) - 1
	return [3]sample{f.flood[i], f.fast[i], f.slow[i]}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// house compares names of the house.
func (b *bench) house(ctx context.Context, w io.Writer) (err error) {
	all, err := b.startAll(ctx, func(p program) bool { return p.house }, hosts, houseQuestions(hosts, hosts))
	defer endAll(all, &err)
	if err != nil {
		return err
	}
	figures, err := b.compareAll(ctx, all)
	if err != nil {
		return err
	}
	return printFigures(w, fmt.Sprintf("%d hosts", hosts), figures, 0.9, 1.2)
}

// outside compares names outside that are in the cache.
func (b *bench) outside(ctx context.Context, w io.Writer) (err error) {
	all, err := b.startAll(ctx, func(p program) bool { return p.outside }, 0, outsideQuestions(outsideNames))
	defer endAll(all, &err)
	if err != nil {
		return err
	}
	figures, err := b.compareAll(ctx, all)
	if err != nil {
		return err
	}
	return printFigures(w, fmt.Sprintf("%d cached", outsideNames), figures, 1, 1.05)
}

// median returns that of a value of samples.
func median[S any, V cmp.Ordered](all []S, of func(S) V) V {
	var values []V
	for _, s := range all {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
