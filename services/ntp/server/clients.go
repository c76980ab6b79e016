package server

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ways is how many clients may be at one place of the table.
const ways = 8

// A table has a record for each client, by its address. Where there is no room, the one that was silent for
// the longest time is forgotten; its share is then whole again, which it was anyway unless there are more
// clients than records.
type table struct {
	burst, every time.Duration // a whole share, and one answer of it, in time
	seed         uint64
	sets         []set
}

type set struct {
	mu   sync.Mutex
	ways [ways]record
}

// A record is what is known of a client. Times are those of Answer.
type record struct {
	addr        netip.Addr
	full        time.Duration // when its share is whole again
	told        time.Duration // when it is told RATE again, if there is cause
	first, last time.Duration
	interval    time.Duration // between two questions, a mean in which the last ones count most
	asked       uint64
	limited     uint32 // of them, not answered with the time
	version     uint8
}

func newTable(l Limits, seed uint64) table {
	return table{
		burst: time.Duration(l.Burst) * l.Every, every: l.Every, seed: seed,
		sets: make([]set, max(l.Clients/ways, 1)),
	}
}

// What a client gets.
type share uint8

const (
	fine    share = iota
	tell          // it asks too often, and is told so
	nothing       // the same, and it has just been told
)

// tellEvery is how often a client is told that it asks too often.
const tellEvery = time.Second

// take counts a question of a client.
func (t *table) take(client netip.Addr, version uint8, now time.Duration) share {
	s := t.at(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.of(client, now)
	r.note(version, now)
	missing := max(r.full-now, 0)
	if missing+t.every <= t.burst {
		r.full = now + missing + t.every
		return fine
	}
	r.limited++
	if now < r.told {
		return nothing
	}
	r.told = now + tellEvery
	return tell
}

// at returns the place of a client.
func (t *table) at(client netip.Addr) *set {
	const odd = 0x9e3779b97f4a7c15
	a := client.As16() // IPv4 as ::ffff:a.b.c.d
	h, l := bits.Mul64(binary.BigEndian.Uint64(a[:])^t.seed, odd)
	h, l = bits.Mul64(h^l^binary.BigEndian.Uint64(a[8:]), (t.seed^odd)|1)
	i, _ := bits.Mul64(h^l, uint64(len(t.sets)))
	return &t.sets[i]
}

// of returns the record of a client, a new one if it has none.
func (s *set) of(client netip.Addr, now time.Duration) *record {
	oldest := &s.ways[0]
	for i := range s.ways {
		r := &s.ways[i]
		if r.addr == client {
			return r
		}
		if r.last < oldest.last || !r.addr.IsValid() {
			oldest = r
		}
		if !r.addr.IsValid() {
			break // those behind it were never used
		}
	}
	*oldest = record{addr: client, first: now, full: now}
	return oldest
}

// note counts a question.
func (r *record) note(version uint8, now time.Duration) {
	const weight = 4 // of all before, to one of the last
	switch gap := now - r.last; r.asked {
	case 0:
	case 1:
		r.interval = gap
	default:
		r.interval += (gap - r.interval) / (weight + 1)
	}
	r.asked++
	r.last, r.version = now, version
}

// A Client is one that has asked.
type Client struct {
	Addr netip.Addr `json:"addr"`
	// First and Last are when it asked, on the clock of Answer's now.
	First time.Duration `json:"first_ns"`
	Last  time.Duration `json:"last_ns"`
	// Interval is how far its questions are apart, smoothed; 0 if it has asked once.
	Interval time.Duration `json:"interval_ns,omitempty"`
	Asked    uint64        `json:"asked"`
	Limited  uint32        `json:"limited,omitempty"` // of them, asked too soon
	Version  uint8         `json:"version"`           // of the last question
}

// Clients returns those that are known and how many they are: at most so many, who asked last first.
func (s *Server) Clients(most int) (all []Client, known int) {
	for i := range s.table.sets {
		all = s.table.sets[i].list(all)
	}
	slices.SortFunc(all, func(a, b Client) int {
		if a.Last != b.Last {
			return int(max(-1, min(1, b.Last-a.Last)))
		}
		return a.Addr.Compare(b.Addr)
	})
	known = len(all)
	return slices.Clip(all[:min(most, known)]), known
}

func (s *set) list(all []Client) []Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.ways {
		if r.addr.IsValid() {
			all = append(all, Client{r.addr, r.first, r.last, r.interval, r.asked, r.limited, r.version})
		}
	}
	return all
}
