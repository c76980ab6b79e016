package client6

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// A Lease is what a server gave, as it is kept, too. It survives a round trip through JSON.
type Lease struct {
	// Link and Client are whose it is.
	Link   string      `json:"link"`
	Client dhcpv6.DUID `json:"client"`
	Server dhcpv6.DUID `json:"server"`
	// Length is the one that was asked for when it was given: who asks for another is not
	// helped by the same prefix.
	Length   int              `json:"length,omitzero"`
	Prefixes []wan.Delegation `json:"prefixes,omitzero"`
	Addrs    []Address        `json:"addrs,omitzero"`
	DNS      []netip.Addr     `json:"dns,omitzero"`
	NTP      []netip.Addr     `json:"ntp,omitzero"`
	NTPNames []string         `json:"ntp_names,omitzero"`
	Search   []string         `json:"search,omitzero"`
	// Renew and Rebind are T1 and T2 as moments.
	Renew  time.Duration `json:"renew_ns"`
	Rebind time.Duration `json:"rebind_ns"`
	// Boot is the run of the machine that the moments are of. Up and Wall are when the lease
	// was stored, by both clocks; Wall is zero if it was not known.
	Boot string        `json:"boot"`
	Up   time.Duration `json:"up_ns"`
	Wall time.Time     `json:"wall,omitzero"`
	// Unconfirmed: no server has confirmed it since the machine, this client or the link came up.
	Unconfirmed bool `json:"unconfirmed,omitzero"`
}

// An Address is one of an IA_NA. Its lifetimes end as those of a wan.Delegation.
type Address struct {
	Addr      netip.Addr    `json:"addr"`
	Preferred time.Duration `json:"preferred_ns"`
	Valid     time.Duration `json:"valid_ns"`
}

func (l *Lease) addrs() (all []netip.Addr) {
	for _, a := range l.Addrs {
		all = append(all, a.Addr)
	}
	return all
}

func (l *Lease) prefixes() (all []netip.Prefix) {
	for _, d := range l.Prefixes {
		all = append(all, d.Prefix)
	}
	return all
}

// empty reports whether nothing is leased.
func (l *Lease) empty() bool { return len(l.Prefixes) == 0 && len(l.Addrs) == 0 }

// ends is when the first valid lifetime does.
func (l *Lease) ends() time.Duration {
	at := time.Duration(wan.Never)
	for _, d := range l.Prefixes {
		at = min(at, d.Valid)
	}
	for _, a := range l.Addrs {
		at = min(at, a.Valid)
	}
	return at
}

// moments are all moments of l.
func (l *Lease) moments() []*time.Duration {
	all := []*time.Duration{&l.Renew, &l.Rebind}
	for i := range l.Prefixes {
		all = append(all, &l.Prefixes[i].Preferred, &l.Prefixes[i].Valid)
	}
	for i := range l.Addrs {
		all = append(all, &l.Addrs[i].Preferred, &l.Addrs[i].Valid)
	}
	return all
}

// clone returns a copy that shares nothing that is changed.
func (l *Lease) clone() *Lease {
	n := *l
	n.Prefixes, n.Addrs = slices.Clone(l.Prefixes), slices.Clone(l.Addrs)
	return &n
}

// drop takes away what ended by a moment.
func (l *Lease) drop(now time.Duration) {
	l.Prefixes = slices.DeleteFunc(l.Prefixes, func(d wan.Delegation) bool { return d.Valid <= now })
	l.Addrs = slices.DeleteFunc(l.Addrs, func(a Address) bool { return a.Valid <= now })
}

// text says what is leased, and for how long.
func (l *Lease) text(now time.Duration) string {
	b := &bytes.Buffer{}
	say := func(what any, valid time.Duration) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if valid == wan.Never {
			fmt.Fprintf(b, "%s without an end", what)
		} else {
			fmt.Fprintf(b, "%s for another %s", what, span.Text(valid-now))
		}
	}
	for _, d := range l.Prefixes {
		say(d.Prefix, d.Valid)
	}
	for _, a := range l.Addrs {
		say(a.Addr, a.Valid)
	}
	return b.String()
}

// Bounds of a kept lease: a file may have been damaged.
const (
	bound     = time.Duration(1) << 60
	maxLeased = 8 // prefixes, and addresses
)

// sinceClocks is before every moment at which this program can run: who believes an earlier
// one has a clock that was never set.
func sinceClocks() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

func (l *Lease) check() error {
	for _, at := range l.moments() {
		if *at != wan.Never && (*at > bound || *at < -bound) {
			return fmt.Errorf("it has a time of %s", *at)
		}
	}
	switch {
	case l.Up < 0 || l.Up > bound || l.Renew > l.Rebind:
		return fmt.Errorf("its times are out of order")
	case len(l.Prefixes) > maxLeased || len(l.Addrs) > maxLeased:
		return fmt.Errorf("it has %d prefixes and %d addresses", len(l.Prefixes), len(l.Addrs))
	case !l.Server.Valid():
		return fmt.Errorf("it has no server")
	}
	return nil
}

// age puts the moments of a kept lease into this run of the machine. Within one run they are
// exact; over a start the time of day tells how long it was off, if it was known both times and
// did not go back. If not, nothing is known but what may be asked for.
func (l *Lease) age(now Now, boot string) (exact, known bool) {
	if boot != "" && boot == l.Boot && l.Up <= now.Up {
		return true, true
	}
	gone := now.Wall.Sub(l.Wall)
	known = !l.Wall.Before(sinceClocks()) && gone >= 0 && gone <= bound
	if !known {
		gone = 0
	}
	for _, at := range l.moments() {
		if *at != wan.Never {
			*at += now.Up - l.Up - gone
		}
	}
	return false, known
}

// takeUp looks at the lease that was kept, and decides what it is good for: that of the same
// run of the machine is used at once, as before; that of another run is asked for first, and
// used if nobody answers, as RFC 8415 18.2.12 has it, where it is known how old it is.
func (c *Client) takeUp(kept *Lease) {
	fail := func(cause Cause, format string, args ...any) {
		c.out = append(c.out, Forget{})
		text := "the kept lease is not used: " + fmt.Sprintf(format, args...)
		c.report(Event{Name: Fail6, Cause: cause, Text: text})
	}
	if err := kept.check(); err != nil {
		fail(NotBelieved, "%v", err)
		return
	}
	if kept.Link != c.conf.Link || !bytes.Equal(kept.Client, c.duid) {
		fail(Foreign, "it is that of another link or client (%.15q, %s)", kept.Link, kept.Client)
		return
	}
	l := kept.clone()
	exact, known := l.age(c.now, c.boot)
	l.Prefixes = slices.DeleteFunc(l.Prefixes, func(d wan.Delegation) bool {
		return c.conf.IPv6.Delegation == nil || c.conf.DisbelievePrefix(d.Prefix) != ""
	})
	if !c.conf.IPv6.Address {
		l.Addrs = nil
	}
	if wish := c.conf.IPv6.Delegation; wish != nil && wish.Length == l.Length {
		c.asked = l.prefixes()
	}
	l.drop(c.now.Up)
	l.Unconfirmed = true
	switch {
	case l.empty():
	case exact:
		c.lease = l
		c.report(Event{Name: Bound6, Cause: Restarted, Text: "still ours: " + l.text(c.now.Up)})
	default:
		if !known {
			l.Boot = "" // it is asked for, and not used without an answer
		}
		c.kept = l
	}
}

// store hands out the lease in use, for storing.
func (c *Client) store() {
	l := c.lease.clone()
	l.Boot, l.Up, l.Wall = c.boot, c.now.Up, c.now.Wall
	c.out = append(c.out, Store{*l})
}
