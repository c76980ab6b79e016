package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// A Lease is what is kept of a lease. It has what the server said, not what was made of
// it: the site may have changed since, and it is judged again. It survives a round trip
// through JSON.
type Lease struct {
	// Link, MAC and ClientID are whose lease it is.
	Link     string
	MAC      wan.MAC
	ClientID option.Bytes `json:",omitzero"`
	Said     wan.Said
	Term     wan.Term
	// Message is what Said was read from; nil in what an older version has kept.
	Message *wan.Message `json:",omitempty"`
	// Boot is the run of the machine that the times of Term are of. Up and Wall are
	// when the lease was stored, by both clocks; Wall is zero if it was not known.
	Boot string
	Up   time.Duration
	Wall time.Time `json:",omitzero"`
}

// Age is how much is known of how old a kept lease is.
type Age uint8

// What is known.
const (
	AgeUnknown Age = iota // the time of day is not known, or was not
	AgeByClock            // by the time of day: the machine was started since
	AgeByBoot             // exactly: it is the same run of the machine
)

// String says what the age is known by.
func (a Age) String() string { return [...]string{"unknown", "clock", "boot", "?"}[a&3] }

// sinceClocks is before every moment at which this program can run: a machine that
// believes an earlier one has a clock that was never set, and starts at 1970 or wherever.
func sinceClocks() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

// bound is the largest time of a kept lease that is believed: nothing can be computed
// with it that does not fit.
const bound = time.Duration(1) << 60

// check says what is wrong with a kept lease: a file may have been damaged.
func (l *Lease) check() error {
	t := &l.Term
	for _, d := range []time.Duration{t.Start, t.Renew, t.Rebind, t.End, l.Up} {
		if d != wan.Never && (d > bound || d < -bound) {
			return fmt.Errorf("a time of %s", d)
		}
	}
	switch {
	case t.Start == wan.Never || l.Up == wan.Never || l.Up < 0:
		return errors.New("no beginning")
	case t.Start > t.Renew || t.Renew > t.Rebind || t.Rebind > t.End:
		return fmt.Errorf("times out of order: from %s, T1 %s, T2 %s, to %s", t.Start, t.Renew, t.Rebind,
			t.End)
	case !l.Said.Addr.Is4():
		return errors.New("no address")
	}
	return nil
}

// message returns what the lease was read from, or of one that was kept without it what is known.
func (l *Lease) message() *wan.Message {
	if l.Message != nil {
		return l.Message
	}
	m := &wan.Message{YIAddr: l.Said.Addr}
	add := func(code uint8, all ...netip.Addr) {
		o := wan.Option{Code: code}
		for _, a := range all {
			if a.Is4() {
				o.Data = append(o.Data, a.AsSlice()...)
			}
		}
		if len(o.Data) > 0 && len(o.Data) < wan.MaxMessage/8 {
			m.Options = append(m.Options, o)
		}
	}
	add(packet.OptionSubnetMask, l.Said.Mask)
	add(packet.OptionRouter, l.Said.Routers...)
	add(packet.OptionDNS, l.Said.DNS...)
	add(packet.OptionServerID, l.Term.Server)
	return m
}

// age returns the term of a kept lease in the times of this run of the machine.
//
// Within one run it is exact. Over a start of the machine the time of day tells how long
// it was off, if it was known both times and did not go back; a clock that lost time
// while the machine was off can make a lease look younger than it is, and who knows that
// gives no Wall. Without it nothing is known: such a lease may be asked for, but is not
// used without an answer, unless it is infinite.
func (l *Lease) age(now Now, boot string) (wan.Term, Age) {
	if boot != "" && boot == l.Boot && l.Up <= now.Up {
		return l.Term, AgeByBoot
	}
	t := l.Term
	t.Unconfirmed = true
	gone := now.Wall.Sub(l.Wall)
	known := !l.Wall.Before(sinceClocks()) && gone >= 0 && gone <= bound
	if !known {
		gone = 0
	}
	shift := now.Up - l.Up - gone
	for _, at := range []*time.Duration{&t.Start, &t.Renew, &t.Rebind, &t.End} {
		if *at != wan.Never {
			*at += shift
		}
	}
	if !known {
		return t, AgeUnknown
	}
	return t, AgeByClock
}

// A held lease is one with what was made of it.
type held struct {
	Lease
	facts   wan.Facts
	remarks []wan.Remark
}

func (h *held) addr() netip.Addr { return h.facts.Addrs[0].Addr() }

// judged returns the lease of a reply with what is believed of it.
func (c *Client) judged(r *reply) (*held, error) {
	facts, remarks, err := c.conf.Judge(&r.said)
	if err != nil {
		return nil, err
	}
	return &held{
		Lease: Lease{
			Link: c.conf.Link, MAC: c.conf.MAC, ClientID: c.conf.ClientID, Said: r.said, Term: r.term,
			Message: r.raw,
		},
		facts: facts, remarks: append(r.remarks, remarks...),
	}, nil
}

// store hands out the lease in use, for storing.
func (c *Client) store() {
	l := c.lease.Lease
	l.Boot, l.Up, l.Wall = c.boot, c.now.Up, c.now.Wall
	c.out = append(c.out, Store{l})
}

func (c *Client) forget() {
	c.last.addr, c.kept = netip.Addr{}, nil
	c.out = append(c.out, Forget{})
}

// takeUp looks at the lease that was kept, and decides what it is good for.
func (c *Client) takeUp(kept *Lease) {
	fail := func(cause Cause, format string, args ...any) {
		c.out = append(c.out, Forget{})
		c.leaseFail(cause, "the kept lease is not used: "+format, args...)
	}
	if err := kept.check(); err != nil {
		fail(NotBelieved, "it has %v", err)
		return
	}
	if kept.Link != c.conf.Link || kept.MAC != c.conf.MAC || !bytes.Equal(kept.ClientID, c.conf.ClientID) {
		fail(Foreign, "it is that of another link, card or client identifier (%.15q, %s)",
			kept.Link, kept.MAC)
		return
	}
	term, age := kept.age(c.now, c.boot)
	l, err := c.judged(&reply{said: kept.Said, term: term, raw: kept.message()})
	if err != nil {
		fail(NotBelieved, "%v", err)
		return
	}
	c.last.addr, c.last.server = l.addr(), l.Term.Server
	switch {
	case term.End <= c.now.Up:
		return // it has ended: a new one is looked for, with the same address if possible
	case age == AgeByBoot:
		l.Term.Unconfirmed = true
		c.lease = l
		c.report(Event{
			Name: BoundTo, Cause: Restarted, Changed: true, Facts: l.facts, Term: l.Term, Remarks: l.remarks,
			Message: l.Message,
			Text:    fmt.Sprintf("%s is still ours: %s", l.facts.Addrs[0], c.until(l)),
		})
	case age == AgeByClock || term.End == wan.Never:
		c.kept = l
	}
	c.enter(InitReboot)
}
