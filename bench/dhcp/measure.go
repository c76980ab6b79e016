package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// bench is one comparison.
type bench struct {
	trial   time.Duration
	log     io.Writer
	dir     string
	servers []*server
	disk    delays // of writes to it
	alone   map[int]time.Duration
}

// A network is a wire with those who have been there.
type network struct {
	*wire.Network
	run  int    // perfdhcp runs so far: each has clients of its own
	next uint32 // client of our own generator
}

// server is one of those compared, with what was measured of it. Zero: not measured.
type server struct {
	program
	net   *network
	rate  float64       // leases (DORA) a second
	acks  delays        // at half of that
	lease time.Duration // CPU of one at steadyRate
	quick delays        // of ACKs at quickRate
	room  time.Duration // until the last of a room has its lease
	sizes map[int]size  // by how many leases it had when it was started
	// tooMany: it did not even start with so many.
	tooMany bool
}

// size is how a server does that has many leases.
type size struct {
	start  time.Duration // until its first OFFER
	memory int           // bytes
	cpu    time.Duration // a new lease
}

const (
	lossAllowed = 0.001
	// rounds is how often what can be disturbed is measured. What else runs on the machine only ever makes it
	// worse: the best round counts, for everybody.
	rounds        = 4
	quickRounds   = 8 // of those that take a second
	clientsInRoom = 3000
	// roomLimit is how long a room may take.
	roomLimit = 15 * time.Second
	// steadyRate is at which rate the cost of a lease is measured, in leases a second.
	steadyRate = 1000
	// quickRate is at which rate all have their ACKs' delays measured, in leases a second.
	quickRate = 4000
)

// leaseCounts are the sizes at which a server is looked at.
func leaseCounts() []int { return []int{1000, 10_000, 100_000, 1_000_000} }

// with starts a server that has n leases and ends it after f.
func (b *bench) with(ctx context.Context, s *server, n int, f func(p *process) error) (err error) {
	dir, err := os.MkdirTemp(b.dir, "server-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if n > 0 {
		if err := s.fill(dir, n); err != nil {
			return err
		}
	}
	if s.net == nil {
		wired, err := wire.New(ctx, s.name)
		if err != nil {
			return err
		}
		s.net = &network{Network: wired}
	}
	p, err := s.net.start(ctx, s.program, dir)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	return f(p)
}

func (b *bench) removeNetworks() error {
	var errs []error
	for _, s := range b.servers {
		if s.net != nil {
			errs = append(errs, s.net.Remove())
		}
	}
	return errors.Join(errs...)
}

// rates finds the highest rate that each server keeps up with.
func (b *bench) rates(ctx context.Context) error {
	searches := make([]search, len(b.servers))
	for more := true; more; {
		more = false
		for i, s := range b.servers {
			rate := searches[i].next()
			if rate == 0 {
				continue
			}
			more = true
			got, ok, err := b.keepsUp(ctx, s, rate)
			if err != nil {
				return err
			}
			searches[i].tried(rate, ok)
			if ok {
				s.rate = max(s.rate, got)
			}
		}
	}
	return nil
}

// keepsUp tries a rate, and again if it does not fail by far: what else runs on the machine must not decide.
func (b *bench) keepsUp(ctx context.Context, s *server, rate int) (got float64, ok bool, err error) {
	const hopeless = 0.5
	for range 2 {
		var rep report
		err := b.with(ctx, s, 0, func(*process) (err error) {
			rep, err = s.net.perfdhcp(ctx, rate, b.trial)
			return err
		})
		if err != nil {
			return 0, false, err
		}
		fmt.Fprintf(b.log, "  %s: asked for %d leases/s: %.0f/s, %.2f %% lost\n", s.name, rate, rep.rate,
			100*rep.lost)
		// A generator that falls behind has not shown that the server can do it.
		if rep.lost < lossAllowed && rep.rate > 0.9*float64(rate) {
			return rep.rate, true, nil
		}
		if rep.lost > hopeless {
			break
		}
	}
	return 0, false, nil
}

// search finds the highest rate that works: it doubles until one does not, or quarters until one does, and
// then halves the distance between the two until they are close.
type search struct{ works, fails int }

const (
	firstRate = 4000
	lastRate  = 30_000
	closeTo   = 1.2
)

// next returns the rate to try, 0 for none.
func (s *search) next() int {
	switch {
	case s.works == 0 && s.fails == 0:
		return firstRate
	case s.fails == 0 && s.works < lastRate:
		return 2 * s.works
	case s.works == 0:
		return s.fails / 4
	case float64(s.fails)/float64(s.works) > closeTo && s.fails > 0:
		return int(math.Sqrt(float64(s.works) * float64(s.fails)))
	}
	return 0
}

func (s *search) tried(rate int, works bool) {
	if works {
		s.works = rate
	} else {
		s.fails = rate
	}
}

// delays measures how long ACKs take at half of each server's rate, and writes to the disk beside.
func (b *bench) delays(ctx context.Context) error {
	for range quickRounds {
		disk, err := b.syncs()
		if err != nil {
			return err
		}
		b.disk = better(b.disk, disk)
		for _, s := range b.servers {
			rate := int(s.rate / 2)
			if rate == 0 {
				continue
			}
			d, err := b.load(ctx, s, rate)
			if err != nil {
				return err
			}
			fmt.Fprintf(b.log, "  %s: %d leases/s: %s (DISCOVERs %.2f ms late at most)\n", s.name, rate, &d,
				milliseconds(d.late))
			s.acks = better(s.acks, d)
		}
	}
	return nil
}

func (b *bench) load(ctx context.Context, s *server, rate int) (d delays, err error) {
	err = b.with(ctx, s, 0, func(*process) error {
		g, err := newGenerator(s.net)
		if err != nil {
			return err
		}
		defer g.Close()
		d, err = g.load(rate, time.Second)
		return err
	})
	return d, err
}

// better returns the delays of the round in which the slow ones were faster.
func better(a, b delays) delays {
	x, okA := a.at(0.99)
	y, okB := b.at(0.99)
	if a.sent == 0 || okB && (!okA || y < x) {
		return b
	}
	return a
}

// syncs measures how long a file takes to be appended to, durably, as a journal without further thought would
// be.
func (b *bench) syncs() (d delays, err error) {
	f, err := leasefile.Dir(b.dir).Open("disk")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(filepath.Join(b.dir, "disk"))) }()
	line := make([]byte, 90)
	for d.sent = range 300 {
		began := time.Now()
		if _, err := f.WriteAt(line, int64(d.sent*len(line))); err != nil {
			return d, err
		}
		if err := f.Sync(); err != nil {
			return d, err
		}
		d.acks = append(d.acks, time.Since(began))
	}
	slices.Sort(d.acks)
	return d, nil
}

// rooms measures how long a room of clients takes that ask all at once, and again until all have their lease.
func (b *bench) rooms(ctx context.Context) error {
	for range rounds {
		for _, s := range b.servers {
			if s.room >= roomLimit {
				continue
			}
			took, err := b.room(ctx, s)
			if err != nil {
				return err
			}
			fmt.Fprintf(b.log, "  %s: %d at once: %s\n", s.name, clientsInRoom, took.Round(time.Millisecond))
			if s.room == 0 || took < s.room {
				s.room = took
			}
		}
	}
	return nil
}

func (b *bench) room(ctx context.Context, s *server) (took time.Duration, err error) {
	err = b.with(ctx, s, 0, func(*process) error {
		limited, cancel := context.WithTimeout(ctx, roomLimit)
		defer cancel()
		took, err = s.net.avalanche(limited, clientsInRoom)
		if limited.Err() != nil && ctx.Err() == nil {
			took, err = roomLimit, nil
		}
		return err
	})
	return took, err
}

// steadily measures what a lease costs at one rate, and how long ACKs take at another, the same for all.
func (b *bench) steadily(ctx context.Context) error {
	for range quickRounds {
		disk, err := b.syncs()
		if err != nil {
			return err
		}
		b.disk = better(b.disk, disk)
		for _, s := range b.servers {
			if s.rate > 0 && s.rate < quickRate {
				continue
			}
			err := b.with(ctx, s, 0, func(p *process) error {
				cost, err := b.cost(s, p, 1)
				if err != nil {
					return err
				}
				if s.lease == 0 || cost < s.lease {
					s.lease = cost
				}
				fmt.Fprintf(b.log, "  %s: %d leases/s: %.1f µs of CPU each\n", s.name, steadyRate,
					microseconds(cost))
				return nil
			})
			if err != nil {
				return err
			}
			d, err := b.load(ctx, s, quickRate)
			if err != nil {
				return err
			}
			fmt.Fprintf(b.log, "  %s: %d leases/s: %s\n", s.name, quickRate, &d)
			s.quick = better(s.quick, d)
		}
	}
	return nil
}

// sizes measures servers that have many leases.
func (b *bench) sizes(ctx context.Context) error {
	for _, s := range b.servers {
		s.sizes = make(map[int]size)
	}
	for _, n := range leaseCounts() {
		for _, s := range b.servers {
			if s.tooMany {
				continue
			}
			z, err := b.size(ctx, s, n)
			if s.tooMany = errors.Is(err, errNoAnswer); s.tooMany {
				fmt.Fprintf(b.log, "  %s with %d leases: %v\n", s.name, n, errNoAnswer)
				continue
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(b.log, "  %s with %d leases: start %s, %d MB, one more %s\n", s.name, n,
				z.start.Round(time.Millisecond), z.memory/1e6, z.cpu.Round(time.Microsecond))
			s.sizes[n] = z
		}
	}
	return nil
}

// size measures a server that has n leases.
func (b *bench) size(ctx context.Context, s *server, n int) (z size, err error) {
	err = b.with(ctx, s, n, func(p *process) error {
		z.start = p.took
		if s.rate >= 2*steadyRate {
			if z.cpu, err = b.cost(s, p, rounds); err != nil {
				return err
			}
		}
		z.memory, err = p.rss()
		return err
	})
	const quick = time.Second // a start that takes less is measured twice
	if err == nil && z.start < quick {
		err = b.with(ctx, s, n, func(p *process) error { z.start = min(z.start, p.took); return nil })
	}
	return z, err
}

// cost measures what a new lease costs a server, at steadyRate.
func (b *bench) cost(s *server, p *process, rounds int) (least time.Duration, err error) {
	g, err := newGenerator(s.net)
	if err != nil {
		return 0, err
	}
	defer g.Close()
	for range rounds {
		before, err := p.cpu()
		if err != nil {
			return 0, err
		}
		d, err := g.load(steadyRate, time.Second)
		if err != nil {
			return 0, err
		}
		after, err := p.cpu()
		if err != nil {
			return 0, err
		}
		if each := (after - before) / time.Duration(max(1, len(d.acks))); least == 0 || each < least {
			least = each
		}
	}
	return least, nil
}
