package front

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/services/dns/fair"
)

// Stats counts what came and went since Listen.
type Stats struct {
	UDP Traffic `json:"udp"`
	TCP Traffic `json:"tcp"`
	// Overflow counts datagrams that came faster than they were read, and that the kernel dropped.
	Overflow uint64 `json:"overflow"`
	// Crowded counts queries by UDP that were dropped because too many came to be answered, and their client
	// had too many of them (package fair); Crowds are those clients of the last ten minutes, with the one in
	// front that lost most.
	Crowded uint64       `json:"crowded"`
	Crowds  []fair.Loser `json:"crowds,omitempty"`
	// Oversized counts messages longer than MaxQuery.
	Oversized uint64 `json:"oversized"`
	// Unanswerable counts datagrams that were sent to more than us, or from where no client is.
	Unanswerable uint64 `json:"unanswerable"`
	// Unsent counts replies by UDP that could not be sent.
	Unsent Unsent `json:"unsent"`
	// Untaken counts answers whose connection was gone.
	Untaken uint64 `json:"untaken"`
	// Connections is how many there are now.
	Connections int `json:"connections"`
	// Accepted counts connections, and Evicted those that had to make place for another.
	Accepted uint64 `json:"accepted"`
	Evicted  uint64 `json:"evicted"`
	// Slow counts connections that were closed because a message or the taking of answers took too long.
	Slow uint64 `json:"slow"`
}

// Traffic counts messages.
type Traffic struct {
	Queries uint64 `json:"queries"`
	Replies uint64 `json:"replies"`
}

// Unsent counts replies by why they could not be sent.
type Unsent struct {
	NoRoom      uint64 `json:"no_room"`     // EAGAIN, ENOBUFS: more were under way than the kernel holds
	Filtered    uint64 `json:"filtered"`    // EPERM: the firewall
	Unreachable uint64 `json:"unreachable"` // no link, no way to the client, or the address asked is gone
	Other       uint64 `json:"other"`
}

type counters struct {
	udp, tcp struct{ queries, replies atomic.Uint64 }

	oversized, unanswerable, untaken, accepted, evicted, slow atomic.Uint64

	unsent unsent
}

type unsent struct{ noRoom, filtered, unreachable, other atomic.Uint64 }

func (u *unsent) add(errno unix.Errno) {
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		u.noRoom.Add(1)
	case unix.EPERM:
		u.filtered.Add(1)
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ENETDOWN, unix.ENODEV, unix.EADDRNOTAVAIL, unix.EINVAL:
		u.unreachable.Add(1) // EINVAL: the address that was asked is ours no more
	default:
		u.other.Add(1)
	}
}

// Stats returns the counters. It may be called after Close.
func (s *Sockets) Stats() Stats {
	c := &s.counts
	all := Stats{
		UDP:          Traffic{c.udp.queries.Load(), c.udp.replies.Load()},
		TCP:          Traffic{c.tcp.queries.Load(), c.tcp.replies.Load()},
		Oversized:    c.oversized.Load(),
		Unanswerable: c.unanswerable.Load(),
		Unsent: Unsent{c.unsent.noRoom.Load(), c.unsent.filtered.Load(), c.unsent.unreachable.Load(),
			c.unsent.other.Load()},
		Untaken:     c.untaken.Load(),
		Connections: s.places.len(),
		Accepted:    c.accepted.Load(),
		Evicted:     c.evicted.Load(),
		Slow:        c.slow.Load(),
	}
	for _, u := range s.udp {
		all.Overflow += u.overflow()
		dropped, losers := u.crowd.lost(time.Now())
		all.Crowded += dropped
		for _, l := range losers {
			all.Crowds = fair.With(all.Crowds, l)
		}
	}
	return all
}
