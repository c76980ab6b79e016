// Package watch holds sources to their share of the conversations: each second it asks the kernel how many
// there are, and if they are many, whose; who has his share is put into the sets of the rules, and what is
// too much is cut (firewall/shares says when).
//
// Only who loads the rules may run it: before the first load, or without one, there are no such sets, and
// nothing is done. It needs CAP_NET_ADMIN in the network namespace of the calling thread.
package watch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/firewall/shares"
)

const (
	// refusal is how long a source stays refused if nobody says more: several times as long as a census may
	// be put off.
	refusal = 6 * shares.Longest
	// maxRefused bounds the sets.
	maxRefused = 4096
	// saidAgain is how far lines about who is refused are apart.
	saidAgain = 10 * time.Second
	// named is how many of them a line names.
	named = 3
)

// A Watcher looks at the conversations of a network namespace. Set and State are for any goroutine, Look for
// one.
type Watcher struct {
	Log    func(format string, args ...any) // lines for people
	Limits func() (conntrack.Limits, error) // nil: those of the kernel

	mu     sync.Mutex
	policy *firewall.Policy
	state  State

	watch   shares.Watch
	failed  bool
	crowded bool // there is something in the sets
	cut     int  // conversations, since the last line
	saidAt  time.Time
	said    string
}

// Set tells of the policy whose rules are loaded.
func (w *Watcher) Set(p firewall.Policy) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.policy = &p
}

// State is what was seen last.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Run looks each second until ctx ends. What fails is said once, and tried again.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := w.Look(time.Now())
		if err != nil && !w.failed {
			w.Log("shares of the conversations are not watched: %v", err)
		}
		w.failed = err != nil
	}
}

// Look does what is to be done at now.
func (w *Watcher) Look(now time.Time) error {
	w.mu.Lock()
	policy := w.policy
	w.mu.Unlock()
	if policy == nil {
		return nil
	}
	read := w.Limits
	if read == nil {
		read = conntrack.ReadLimits
	}
	limits, err := read()
	if err != nil {
		return err
	}
	l := shares.Limits{Table: limits.Max, Share: int(policy.Share)}
	if !w.watch.Due(now, limits.Flows, l) {
		return nil
	}
	return w.look(now, l, *policy)
}

// look makes a census, and does what follows of it.
func (w *Watcher) look(now time.Time, l shares.Limits, policy firewall.Policy) error {
	began := time.Now()
	places, err := placesOf(policy)
	if err != nil {
		return err
	}
	census := shares.NewCensus(places)
	if err := conntrack.Each(func(f conntrack.Flow) { census.Add(conversation(f)) }); err != nil {
		return err
	}
	v := w.watch.Judge(now, time.Since(began), l, census)
	err = w.refuse(v.Refused)
	n, cutErr := cut(places, v.Excess)
	w.note(now, l, v, n)
	return errors.Join(err, cutErr)
}

// conversation is a flow in the words of package shares.
func conversation(f conntrack.Flow) shares.Conversation {
	c := shares.Conversation{Source: f.Source.Addr(), Phase: shares.Unanswered, Packets: f.Sent.Packets +
		f.Received.Packets}
	switch {
	case f.Ended:
		c.Phase = shares.Ended
	case f.Assured:
		c.Phase = shares.Going
	}
	return c
}

// cut has the kernel forget what is too much.
func cut(places shares.Places, excess map[shares.Source]int) (int, error) {
	if len(excess) == 0 {
		return 0, nil
	}
	c := shares.NewCut(places, excess)
	if err := conntrack.Each(func(f conntrack.Flow) { c.Add(conversation(f)) }); err != nil {
		return 0, err
	}
	c.Done()
	return conntrack.Forget(func(f conntrack.Flow) bool { return c.Goes(conversation(f)) })
}

// refuse makes the sets of the rules hold these sources.
func (w *Watcher) refuse(holders []shares.Holder) error {
	if len(holders) == 0 && !w.crowded {
		return nil
	}
	var c nft.Crowded
	for _, h := range holders[:min(len(holders), maxRefused)] {
		switch p := h.Source.Prefix; {
		case p.Addr().Is4():
			c.IPv4 = append(c.IPv4, p.Addr())
		case p.IsValid() && !p.IsSingleIP():
			c.Net6 = append(c.Net6, p.Addr())
		default:
			c.IPv6 = append(c.IPv6, h.Addrs...)
		}
	}
	err := nft.SetCrowded(firewall.TableName, c, refusal)
	w.crowded = err != nil || len(holders) > 0
	return err
}
