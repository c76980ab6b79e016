package main

import (
	"context"
	"errors"
	"fmt"
)

// few is how many forwards and rules about hosts a box has that others are compared with.
const few = 10

// A kind is traffic that meets some of the forwards or rules of [grown], each in its turn.
type kind struct {
	what   string
	stream func(l *lab, some int) (*stream, error)
}

func kinds() []kind {
	return []kind{
		{"established UDP, packets/s", func(l *lab, some int) (*stream, error) {
			s, _, err := l.established(some, 100*few)
			return s, err
		}},
		{"new UDP conversations by forwards, a second", func(l *lab, some int) (*stream, error) {
			return l.stream(fromWAN, visitors(some, beginnings), true)
		}},
		{"new UDP conversations by rules, a second", func(l *lab, some int) (*stream, error) {
			return l.stream(fromLAN, clients(some, beginnings), true)
		}},
	}
}

// growth compares what a box forwards with many forwards and rules about single hosts to what it does with
// few. Where all of many are met, so is the memory of them all, which no cache holds: what the lookups cost
// is in the rows where traffic meets as many as there are few.
func growth(ctx context.Context, rounds int) (rows []row, err error) {
	var labs []*lab
	defer func() {
		for _, l := range labs {
			err = errors.Join(err, l.remove())
		}
	}()
	for _, n := range []int{few, 10 * few, 100 * few} {
		l, err := newLab(ctx, fmt.Sprintf("with%d", n))
		if err != nil {
			return nil, err
		}
		labs = append(labs, l)
		if err := l.compile(grown(n)); err != nil {
			return nil, err
		}
	}
	for _, k := range kinds() {
		streams := make([]*stream, 4)
		for i, some := range []int{few, 10 * few, few, 100 * few} {
			if streams[i], err = k.stream(labs[min(i, 2)], some); err != nil {
				return nil, err
			}
		}
		if err := alternate(ctx, rounds, streams...); err != nil {
			return nil, err
		}
		base := streams[0].rates
		rows = append(rows,
			row{fmt.Sprintf("%s, %d of %[2]d (peer: of %d)", k.what, 10*few, few), streams[1].rates, base,
				atLeast, 0.9},
			row{fmt.Sprintf("%s, %d of %d", k.what, few, 100*few), streams[2].rates, base, atLeast, 0.9},
			row{fmt.Sprintf("%s, %d of %[2]d", k.what, 100*few), streams[3].rates, base, atLeast, 0.8})
	}
	return rows, nil
}
