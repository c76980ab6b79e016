// Package links keeps sockets that live and die with a network link.
//
// A socket is bound to a link, not to its name: when the link goes and another of its
// name comes, as a virtual card does that is taken out and put back, the socket is dead
// without an error. A [Keeper] has a list of openings, and keeps each open for as long
// as its link is there:
//
//	Set: a new key                        Set: the key is gone (from everywhere)
//	      │                                      ▲
//	      ▼          took(socket)                │
//	   open it ────────────────────────────► in use
//	   ▲  │  ▲ ◄──── took(nothing, why), ────────┘
//	   │  │  │       Close: its link is gone
//	   │  │  │
//	   │  │  └── a change of links ──── absent ◄─┐
//	   │  ├──────── its link is not there ───────┘
//	   │  └──────── for another reason ────► failed
//	   └── 1 s, 2 s … 1 min; a change ───────────┘
//
// It guarantees that one opening's failure keeps no other from being opened, that a
// socket is not used before took has said so nor closed before took has said that it
// will be, and that each turn of an opening is logged once. Links are looked at ten
// times a second at most, however often they change.
//
// It leaves to others: to know when links change, and all that is done with a socket.
package links

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// Settle is how long to wait for what comes along with a change of links.
	Settle = 100 * time.Millisecond
	// FirstRetry is how long until what failed for another reason than a missing link is
	// tried again; it is twice as much each time, up to LastRetry.
	FirstRetry = time.Second
	// LastRetry is the longest pause.
	LastRetry = time.Minute
)

// ErrAbsent is the cause of an error that will be none once a link or its address is
// there.
var ErrAbsent = errors.New("not there")

// ErrUnwanted is why a socket is closed whose opening is in the list no more.
var ErrUnwanted = errors.New("not wanted any more")

// A Socket is what is opened on a link.
type Socket interface {
	// Check returns ErrAbsent when the link that it was opened on is gone. Any other error
	// says that this cannot be told now.
	Check() error
	Close() error
}

// An Opening is a place where a socket is wanted.
type Opening[T Socket] struct {
	Key  string // what it is: two openings with one key are the same
	Name string // for the log
	// Open opens the socket. With the error ErrAbsent it waits for a change of links.
	Open func() (T, error)
}

// A Keeper keeps the sockets of a list of openings.
type Keeper[T Socket] struct {
	log  *slog.Logger
	took func(o Opening[T], socket T, why error)
	wake chan struct{} // has something in it when the list was set

	mu     sync.Mutex // held while took is called
	all    []*held[T]
	closed bool
}

// held is one opening with what became of it.
type held[T Socket] struct {
	Opening[T]
	socket T
	state  state
}

type state uint8

const (
	untried state = iota
	inUse
	absent // its link is not there
	failed // is tried again
)

// New returns a keeper without openings. took is called with each socket that is open
// now, and with the zero T and the reason before each is closed, also when an opening
// has failed; of one opening that is in the order of what happens. It must not call
// the keeper.
func New[T Socket](log *slog.Logger, took func(o Opening[T], socket T, why error)) *Keeper[T] {
	return &Keeper[T]{log: log, took: took, wake: make(chan struct{}, 1)}
}

// Set makes openings the list, whether Run looks after it or not yet. Sockets of keys
// that are not in it any more are closed, then new ones are opened; the others are left
// alone. When it returns that is done. The error says what new openings failed for other
// reasons than a missing link; Run tries them again.
func (k *Keeper[T]) Set(openings []Opening[T]) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return errors.New("links: set after close")
	}
	old := k.all
	k.all = nil
	for _, o := range openings {
		if k.find(o.Key) != nil {
			continue
		}
		i := slices.IndexFunc(old, func(h *held[T]) bool { return h.Key == o.Key })
		if i < 0 {
			k.all = append(k.all, &held[T]{Opening: o})
			continue
		}
		old[i].Opening = o
		k.all = append(k.all, old[i])
	}
	for _, h := range old {
		if k.find(h.Key) == nil {
			k.shut(h, ErrUnwanted)
		}
	}
	var errs []error
	for _, h := range k.all {
		if h.state == untried {
			if err := k.open(h); h.state == failed {
				errs = append(errs, fmt.Errorf("%s: %w", h.Name, err))
			}
		}
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
	return errors.Join(errs...)
}

func (k *Keeper[T]) find(key string) *held[T] {
	for _, h := range k.all {
		if h.Key == key {
			return h
		}
	}
	return nil
}

// Run looks after the sockets until ctx ends. changed tells that links or addresses may
// have changed; nil: they never do.
func (k *Keeper[T]) Run(ctx context.Context, changed <-chan struct{}) {
	done, delay := k.done(), time.Duration(0)
	for {
		var retry <-chan time.Time
		if !done {
			delay = min(max(FirstRetry, 2*delay), LastRetry)
			retry = time.After(delay)
		}
		select {
		case <-ctx.Done():
			return
		case <-k.wake: // Set has just tried
			done, delay = k.done(), 0
			continue
		case <-retry:
		case <-changed:
			delay = 0
			select {
			case <-ctx.Done():
				return
			case <-time.After(Settle):
			}
		}
		done = k.look()
	}
}

// done reports whether nothing is to be tried again.
func (k *Keeper[T]) done() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !slices.ContainsFunc(k.all, func(h *held[T]) bool {
		return h.state == failed
	})
}

// look looks at each once: closes sockets of links that are gone, opens those of links
// that are there. It reports whether nothing is to be tried again.
func (k *Keeper[T]) look() (done bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done = true
	for _, h := range k.all {
		done = k.tend(h) && done
	}
	return done
}

func (k *Keeper[T]) tend(h *held[T]) (done bool) {
	if h.state == inUse {
		err := h.socket.Check()
		if !errors.Is(err, ErrAbsent) {
			return err == nil
		}
		k.shut(h, err)
	}
	k.open(h)
	return h.state != failed
}

// open opens the socket of h, and has it used. The error is that of Open.
func (k *Keeper[T]) open(h *held[T]) error {
	socket, err := h.Open()
	if err != nil {
		k.turn(h, err)
		var nothing T
		k.took(h.Opening, nothing, err)
		return err
	}
	h.socket = socket
	k.turn(h, nil)
	k.took(h.Opening, socket, nil)
	return nil
}

// shut ends the use of the socket of h, if it has one, and closes it.
func (k *Keeper[T]) shut(h *held[T], why error) {
	var nothing T
	socket, open := h.socket, h.state == inUse
	h.socket = nothing
	k.turn(h, why)
	k.took(h.Opening, nothing, why)
	if open {
		_ = socket.Close() // of a link that is gone, or that nobody wants: there is nothing to lose
	}
}

// turn notes what became of h, and logs it if that is news.
func (k *Keeper[T]) turn(h *held[T], why error) {
	before := h.state
	switch {
	case why == nil:
		h.state = inUse
	case errors.Is(why, ErrAbsent):
		h.state = absent
	default:
		h.state = failed
	}
	switch {
	case errors.Is(why, ErrUnwanted):
		k.log.Info("served no longer", "name", h.Name)
	case before == h.state:
	case h.state == inUse:
		k.log.Info("served", "name", h.Name)
	case h.state == absent:
		k.log.Warn("not served until its link is there", "name", h.Name, "why", why)
	default:
		k.log.Error("not served, is tried again", "name", h.Name, "why", why)
	}
}

// Close closes all sockets for good; took is not told. Run must have ended, or its ctx.
func (k *Keeper[T]) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	var errs []error
	for _, h := range k.all {
		if h.state == inUse {
			errs = append(errs, h.socket.Close())
		}
	}
	k.all = nil
	return errors.Join(errs...)
}
