// Package server answers clients that ask for the time (RFC 5905), without sockets, and knows who they are.
//
//	question ─► form, mode ─► its client's record ─┬─► answer, or "not synchronised"
//	   │            │                              ├─► RATE, once a second
//	   └────────────┴─► nothing                    └─► nothing
//
// It guarantees that what is said of the clock is what Set was told last, with the dispersion that it has by
// then; that an answer is never longer than its question, and goes to questions alone, so that nobody is
// answered who answers back: control and private messages (modes 6 and 7) are not spoken, and who asks as a
// symmetric peer is answered and not taken for one; that extension fields and authenticators are read over
// (RFC 7822) and not answered; that each client has a share of answers of its own, in a table of a fixed
// size; and that answering allocates nothing. Leap seconds are announced, not smeared.
//
// It leaves to others where a question came from, when, and the moment in Transmit, which is to be written as
// late as can be: Stamp.
package server

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A State is what the clock is said to be.
type State struct {
	// Stratum is the appliance's own, 1 to 15; 0: the clock is not synchronised, and nothing else counts but
	// Precision and Reference.
	Stratum   uint8
	Leap      wire.Leap
	Precision int8 // of the clock when it is read, log2 of seconds
	RefID     wire.RefID
	RootDelay time.Duration
	// RootDispersion is that at the moment At. It grows by 15 µs a second (PHI of RFC 5905).
	RootDispersion time.Duration
	// Reference is when the clock was last corrected, At when the rest was so, both on the clock itself.
	Reference, At wire.Timestamp
	// Local: nobody corrects the clock, and the site wants it served all the same. Reference is then always
	// now.
	Local bool
}

// RefIDs of what is no server.
var (
	// RefIDLocal is that of a clock that nobody corrects.
	RefIDLocal = wire.RefID{'L', 'O', 'C', 'L'}
	// refIDInit is said while there is no time (RFC 5905 figure 13).
	refIDInit = wire.RefID{'I', 'N', 'I', 'T'}
)

// A Verdict is what became of a message.
type Verdict uint8

// Verdicts.
const (
	Answered       Verdict = iota
	Unsynchronised         // answered: that the clock is not
	Rated                  // told RATE: its client asks too often (RFC 5905 7.4)
	Unanswered             // the same, and was told less than a second ago
	Other                  // no question: another mode
	Malformed              // no message of NTP, or of a version that is none
	verdicts
)

// Limits bound what one client gets. The zero value of each field is its default.
type Limits struct {
	// Burst is how many questions of one address are answered at once; 64. Some hosts stand for many: all
	// containers of one, all behind a router.
	Burst int
	// Every is how often it may go on asking; 50 ms. Clients ask once in 16 s and more, and every two seconds
	// when they start.
	Every time.Duration
	// Clients is how many are known at a time, about; 16384. One is 80 bytes.
	Clients int
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.Burst, 64)
	orDefault(&l.Every, 50*time.Millisecond)
	orDefault(&l.Clients, 16384)
	return l
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// A Server answers. It may be used by several goroutines.
type Server struct {
	state  atomic.Pointer[State]
	table  table
	counts [verdicts]atomic.Uint64
}

// New returns a server whose clock is not synchronised yet. The seed should be one that clients do not know.
func New(l Limits, seed uint64) *Server {
	s := &Server{table: newTable(l.withDefaults(), seed)}
	s.state.Store(&State{})
	return s
}

// Set says what the clock is from now on.
func (s *Server) Set(st State) { s.state.Store(&st) }

// State is what was set.
func (s *Server) State() State { return *s.state.Load() }

// Answer appends the answer to a message to dst, if it gets one. now is a clock that never jumps, the same
// for all calls; received is when the message came, on the clock that is served.
func (s *Server) Answer(dst, msg []byte, from netip.Addr, now time.Duration, received wire.Timestamp) ([]byte,
	Verdict) {
	reply, v := s.answer(dst, msg, from, now, received)
	s.counts[v].Add(1)
	return reply, v
}

func (s *Server) answer(dst, msg []byte, from netip.Addr, now time.Duration, received wire.Timestamp) ([]byte,
	Verdict) {
	q, _, err := wire.Read(msg)
	if err != nil {
		return dst, Malformed
	}
	mode := answers(&q)
	if mode == 0 {
		return dst, Other
	}
	h := wire.Header{
		Version: q.Version, Mode: mode, Poll: q.Poll, Origin: q.Transmit, Receive: received,
		Leap: wire.LeapUnknown,
	}
	st := s.state.Load()
	h.Precision = st.Precision
	switch s.table.take(from, q.Version, now) {
	case fine:
	case tell:
		h.RefID, h.Poll = wire.KissRate, max(h.Poll, ratePoll)
		return h.Append(dst), Rated
	default:
		return dst, Unanswered
	}
	if st.Stratum == 0 {
		h.RefID, h.Reference = refIDInit, st.Reference
		return h.Append(dst), Unsynchronised
	}
	st.describe(&h)
	return h.Append(dst), Answered
}

// answers is the mode of the answer to a question, 0 if it gets none: nothing is answered in a mode that
// would be answered again. Windows asks as a peer (mode 1) whom it was told to follow without more words; the
// answer makes no peer of it. Version 1 has no mode (RFC 1059).
func answers(q *wire.Header) wire.Mode {
	switch {
	case q.Mode == wire.ModeClient, q.Mode == 0 && q.Version == 1:
		return wire.ModeServer
	case q.Mode == wire.ModeActive:
		return wire.ModePassive
	}
	return 0
}

// ratePoll is how seldom one is to ask who is told RATE, at least: 16 s.
const ratePoll = 4

// describe fills in what is said of the clock at the moment h.Receive.
func (st *State) describe(h *wire.Header) {
	h.Leap, h.Stratum, h.RefID = st.Leap, st.Stratum, st.RefID
	h.RootDelay = wire.ToShort(st.RootDelay)
	if st.Local {
		h.Reference, h.RootDispersion = h.Receive, wire.ToShort(st.RootDispersion)
		return
	}
	h.Reference = st.Reference
	h.RootDispersion = wire.ToShort(st.RootDispersion + drift(h.Receive.Sub(st.At)))
}

// drift is by how much a clock may have drifted in a time: 15 ppm of it (PHI, RFC 5905 figure 27).
func drift(d time.Duration) time.Duration { return max(d, 0) / 1_000_000 * 15 }

// transmitAt is where a header has its field Transmit.
const transmitAt = 40

// Stamp writes to an answer when it is sent, on the clock that is served.
func Stamp(answer []byte, sent wire.Timestamp) {
	binary.BigEndian.PutUint64(answer[transmitAt:], uint64(sent))
}

// Counts are how many messages there were of each Verdict.
type Counts struct {
	Answered       uint64 `json:"answered"`
	Unsynchronised uint64 `json:"unsynchronised"`
	Rated          uint64 `json:"rated"`
	Unanswered     uint64 `json:"unanswered"`
	Other          uint64 `json:"other"`
	Malformed      uint64 `json:"malformed"`
}

// Counts returns them since New.
func (s *Server) Counts() Counts {
	n := func(v Verdict) uint64 { return s.counts[v].Load() }
	return Counts{n(Answered), n(Unsynchronised), n(Rated), n(Unanswered), n(Other), n(Malformed)}
}
