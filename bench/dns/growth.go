package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
)

const (
	growthRounds = 3
	reloadTime   = 10 * time.Second // of asking, in which there are
	reloadCount  = 8                // reloads
)

// A size is what was measured of a server with so many hosts.
type size struct {
	hosts   int
	cpu     []float64 // µs a query
	reloads []time.Duration
	memory  int
}

// growth compares houses of all sizes. unbound with two threads is left out: it is unbound.
func (b *bench) growth(ctx context.Context, w io.Writer) error {
	sizes := map[string][]size{}
	var names []string
	for _, n := range b.sizes {
		fmt.Fprintf(b.log, "%d hosts\n", n)
		some, err := b.sized(ctx, n)
		if err != nil {
			return fmt.Errorf("%d hosts: %w", n, err)
		}
		names = names[:0]
		for _, s := range some {
			names = append(names, s.name)
			sizes[s.name] = append(sizes[s.name], s.size)
		}
	}
	return printGrowth(w, b.sizes, names, sizes)
}

type namedSize struct {
	name string
	size
}

// sized measures houses of n hosts.
func (b *bench) sized(ctx context.Context, n int) (sizes []namedSize, err error) {
	chosen := func(p program) bool { return p.house && p.reloads() && p.name != unbound(2).name }
	all, err := b.startAll(ctx, chosen, n, houseQuestions(min(hosts, 10*n), n))
	defer endAll(all, &err)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if err := s.askAll(ctx); err != nil {
			return nil, err
		}
		sizes = append(sizes, namedSize{s.name, size{hosts: n}})
	}
	for round := range growthRounds {
		for i, s := range all {
			got, err := s.flood(ctx)
			if err != nil {
				return nil, err
			}
			took, _, err := s.reloaded(ctx, n+1+round)
			if err != nil {
				return nil, fmt.Errorf("%s: reload: %w", s.name, err)
			}
			if err := sleep(ctx, settled/4); err != nil {
				return nil, err
			}
			z := &sizes[i]
			z.cpu, z.reloads = append(z.cpu, got.cpu), append(z.reloads, took)
			if z.memory, err = s.memory(); err != nil {
				return nil, err
			}
			fmt.Fprintf(b.log, "  %s: %.2f µs, reload %v, %d MB\n", s.name, got.cpu, took, z.memory/1e6)
		}
	}
	return sizes, nil
}

// A reloading is what was measured of a server that was reloaded while it was asked.
type reloading struct {
	name           string
	answered, said []time.Duration
	result         *generate.Result
}

// reloads has each server reload again and again while it is asked 200,000 times.
func (b *bench) reloads(ctx context.Context, w io.Writer) (err error) {
	chosen := func(p program) bool { return p.house && p.reloads() }
	all, err := b.startAll(ctx, chosen, hosts, houseQuestions(hosts, hosts))
	defer endAll(all, &err)
	if err != nil {
		return err
	}
	var done []reloading
	for _, s := range all {
		if err := s.askAll(ctx); err != nil {
			return err
		}
		r, err := s.reloading(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(b.log, "  %s: %v, %v, %s\n", r.name, r.answered, r.said, r.result)
		done = append(done, r)
	}
	return printReloads(w, done)
}

// reloading reloads a server while it is asked.
func (s *server) reloading(ctx context.Context) (r reloading, err error) {
	r.name = s.name
	asking, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	asked := make(chan error, 1)
	go func() {
		var err error
		r.result, err = s.generator.Pace(asking, slow)
		asked <- err
	}()
	for i := range reloadCount {
		if err = sleep(asking, reloadTime/(reloadCount+2)); err != nil {
			err = nil // those before took longer than the asking
			break
		}
		answered, said, failed := s.reloaded(ctx, hosts+1+i)
		if err = failed; err != nil {
			break
		}
		r.answered = append(r.answered, answered)
		if said > 0 {
			r.said = append(r.said, said)
		}
	}
	return r, errors.Join(err, <-asked)
}
