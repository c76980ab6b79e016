package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// network is the relays', and serverAddr the server's, which only they reach.
const network = "10.77.0.0/16"

var serverAddr = netip.MustParseAddrPort("127.0.0.1:123")

// A pair is a client of each kind, at the ends of paths of one kind.
type pair struct {
	path   path
	ours   *ours
	theirs *chronyd
}

// A lab has clients in one namespace, and relays with the server in another.
type lab struct {
	options
	net    *wire.Network
	server *chronyd
	sites  []*site
	pairs  []*pair
}

func newLab(ctx context.Context, o options) (l *lab, err error) {
	l = &lab{options: o}
	if l.net, err = wire.New(ctx, "ntpoffset"); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"-n", l.net.Server, "route", "add", "local", network, "dev", "lo"},
		{"-n", l.net.Clients, "link", "set", "lo", "up"},
		// one neighbour, however many relays
		{"-n", l.net.Clients, "route", "add", network, "via", wire.ServerAddr},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return l, fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	if l.server, err = newServer(o, l.net); err != nil {
		return l, err
	}
	for _, p := range o.paths {
		for range o.clients {
			if err := l.add(p); err != nil {
				return l, err
			}
		}
	}
	return l, nil
}

// add adds a pair.
func (l *lab) add(p path) (err error) {
	one, nth := &pair{path: p}, len(l.sites)
	if one.ours, err = newOurs(l.net, nth); err != nil {
		return err
	}
	for i, pauses := range []func() time.Duration{one.ours.left, func() time.Duration { return 0 }} {
		s, err := newSite(l.net, nth+i, p, pauses, l.seed)
		if err != nil {
			return err
		}
		l.sites = append(l.sites, s)
	}
	if one.theirs, err = newTheirs(l.options, l.net, nth+1); err != nil {
		return err
	}
	l.pairs = append(l.pairs, one)
	return nil
}

// run has all clients ask, for as long as is asked for.
func (l *lab) run(ctx context.Context) error {
	over, cancel := context.WithTimeout(ctx, l.time)
	defer cancel()
	errs := make([]error, len(l.pairs))
	var all sync.WaitGroup
	for i, p := range l.pairs {
		all.Go(func() { p.ours.run(over) })
		all.Go(func() {
			if errs[i] = p.theirs.run(over); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// rows are one for each path.
func (l *lab) rows() (all []row) {
	for i := 0; i < len(l.pairs); i += l.clients {
		r := row{path: l.pairs[i].path}
		for _, p := range l.pairs[i : i+l.clients] {
			r.ours, r.wall, r.theirs = append(r.ours, p.ours.estimate), append(r.wall, p.ours.wall),
				append(r.theirs, p.theirs.estimate)
			r.asked += p.ours.asked
		}
		all = append(all, r)
	}
	return all
}

// end ends everything.
func (l *lab) end() (err error) {
	for _, p := range l.pairs {
		err = errors.Join(err, p.theirs.end())
	}
	for _, s := range l.sites {
		err = errors.Join(err, s.close())
	}
	if l.server != nil {
		err = errors.Join(err, l.server.end())
	}
	return errors.Join(err, l.net.Remove())
}
