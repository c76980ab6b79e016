package ntptest

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// Start is when worlds begin: 2026-11-29.
const Start = 1795910400 * int64(time.Second)

// Built is when the program of all worlds was built, before which no time is.
const Built = Start - int64(30*24*time.Hour)

// A Queue is how long a packet waits in one direction, in seconds.
type Queue func(*rand.Rand) float64

// Exponential is a queue of a mean.
func Exponential(mean time.Duration) Queue {
	return func(r *rand.Rand) float64 { return mean.Seconds() * r.ExpFloat64() }
}

// A Server answers, in its way.
type Server struct {
	Addr      netip.Addr
	Out, Back time.Duration // of the path, without queues
	Queue     Queue         // nil: none
	Loss      float64
	// Offset is how wrong it is at a moment (since Start); nil: it is right.
	Offset func(time.Duration) time.Duration
	// Down tells whether it does not answer; nil: it does.
	Down     func(time.Duration) bool
	Unsynced bool
	Kiss     wire.RefID // it answers with that
	Leap     wire.Leap
	Stratum  uint8 // 0: 2
	// RefID is whom it says it follows; zero: GPS.
	RefID wire.RefID
	// LeapAt is the midnight of a leap second, 0: there is none; one that is inserted, unless Deleted.
	LeapAt  int64
	Deleted bool

	Asked []time.Duration // since Start
}

// A World has one machine, and servers.
type World struct {
	clock
	T          *testing.T
	Servers    []*Server
	Names      map[string][]netip.Addr
	Client     *client.Client
	Discipline *discipline.Discipline
	// Steps are those that the clock made; Jumps those that were noticed.
	Steps, Jumps []time.Duration
	Kept         discipline.Kept
	Offline      bool
	// Watch is called each second of true time.
	Watch func(at time.Duration)
	// Resolving is called with each name that is resolved; nil: nothing is.
	Resolving func(name string)

	events []event
	drops  map[uint64]bool
}

// An event is an answer on its way.
type event struct {
	at     int64 // of truth
	answer client.Answer
}

// New returns a world. wall is what the machine's clock says at the start, less the truth.
func New(t *testing.T, seed uint64, conf ntp.Config, crystal Crystal, wall time.Duration,
	kept discipline.Kept, servers ...*Server) *World {

	r := rand.New(rand.NewPCG(seed, 42))
	w := &World{T: t, Servers: servers, Names: map[string][]netip.Addr{}, drops: map[uint64]bool{}}
	w.clock = clock{
		crystal: crystal, rand: r, truth: Start, begin: Start, f: crystal.Frequency, free: 5e9,
		wall: Start + int64(wall), second: Start / 1e9,
	}
	var err error
	if w.Client, err = client.New(&conf, Built, kept.Prior(), r.Uint64); err != nil {
		t.Fatal(err)
	}
	w.Discipline = discipline.New(conf.Limit(), kept)
	w.tend(w.Discipline.Start(w.now()))
	return w
}

// Now is what the machine's clocks say.
func (w *World) Now() discipline.Now { return w.now() }

// At is how long the world is old.
func (w *World) At() time.Duration { return time.Duration(w.truth - w.begin) }

// Error is how wrong the time of day is.
func (w *World) Error() time.Duration { return time.Duration(w.wall - w.truth) }

// Estimate is how wrong the estimate is, if there is one.
func (w *World) Estimate() (time.Duration, bool) {
	e, ok := w.Client.Estimate()
	return time.Duration(int64(w.free) + e.Ahead(time.Duration(w.free)).Offset - w.truth), ok
}

// Run goes on until the world is so old.
func (w *World) Run(until time.Duration) {
	for w.At() < until {
		free := time.Duration(w.free)
		for w.Client.Next() <= free {
			w.act(w.Client.Tick(free))
		}
		if w.Discipline.Next() <= free {
			w.tend(w.Discipline.Tick(w.now()))
		}
		w.deliver()
		before := w.second
		w.advance(w.pause(until))
		if w.second != before && w.Watch != nil {
			w.Watch(w.At())
		}
	}
}

// pause is how long nothing happens, at most to the next second.
func (w *World) pause(until time.Duration) int64 {
	next := min((w.second+1)*1e9, w.begin+int64(until))
	for _, e := range w.events {
		next = min(next, e.at)
	}
	wanted := min(w.Client.Next(), w.Discipline.Next()) - time.Duration(w.free)
	next = min(next, w.truth+int64(float64(wanted)/(1+w.f))+1)
	return max(1, next-w.truth)
}

// deliver hands over what has come.
func (w *World) deliver() {
	for i := 0; i < len(w.events); i++ {
		if e := w.events[i]; e.at <= w.truth {
			w.events = slices.Delete(w.events, i, i+1)
			i--
			if w.truth-e.at > int64(time.Second) || w.drops[e.answer.Exchange] {
				continue // the machine stood still, or it is not waited for
			}
			e.answer.Received = time.Duration(w.free)
			w.act(w.Client.Receive(time.Duration(w.free), e.answer))
		}
	}
}

// act carries out what the client wants.
func (w *World) act(actions []client.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case client.Ask:
			w.ask(a)
		case client.Drop:
			w.drops[a.Exchange] = true
		case client.Resolve:
			if w.Resolving != nil {
				w.Resolving(a.Name)
			}
			addrs, cause := w.Names[a.Name], ""
			if w.Offline {
				addrs, cause = nil, "no network"
			}
			w.act(w.Client.Resolved(time.Duration(w.free), a.Name, addrs, cause))
		case client.Follow:
			w.tend(w.Discipline.Follow(w.now(), a.Estimate))
		}
	}
}

// Act carries out one thing that the client wants.
func (w *World) Act(a client.Action) { w.act([]client.Action{a}) }

// Reconfigure has the client go on with other sources.
func (w *World) Reconfigure(conf ntp.Config) {
	w.T.Helper()
	actions, err := w.Client.Reconfigure(time.Duration(w.free), &conf)
	if err != nil {
		w.T.Fatal(err)
	}
	w.act(actions)
}

// tend carries out what the discipline wants.
func (w *World) tend(actions []discipline.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case discipline.Step:
			w.wall += int64(a.By)
			w.slew, w.chunk = 0, 0
			w.Steps = append(w.Steps, a.By)
		case discipline.Tune:
			w.tune(a)
		case discipline.Store:
			w.Kept = a.Kept
		case discipline.Remeasure:
			w.Jumps = append(w.Jumps, a.By)
			w.act(w.Client.Jumped(time.Duration(w.free)))
		case discipline.Shift:
			w.Client.Shift(a.By)
		}
	}
}

// ask sends a question on its way, and its answer.
func (w *World) ask(a client.Ask) {
	var s *Server
	for _, o := range w.Servers {
		if o.Addr == a.To {
			s = o
		}
	}
	if s == nil || w.Offline {
		return
	}
	at := w.At()
	s.Asked = append(s.Asked, at)
	if s.Down != nil && s.Down(at) || w.rand.Float64() < s.Loss {
		return
	}
	queue := func() int64 {
		if s.Queue == nil {
			return 0
		}
		return int64(s.Queue(w.rand) * 1e9)
	}
	came := w.truth + int64(s.Out) + queue()
	w.events = append(w.events, event{came + 20000 + int64(s.Back) + queue(), client.Answer{
		Exchange: a.Exchange, Packet: s.answer(a.Packet[:], came, at),
		Sent: time.Duration(w.free + w.rand.NormFloat64()*1000), Error: time.Microsecond,
	}})
}

// answer is what a server says to a question that came at a moment.
func (s *Server) answer(question []byte, came int64, age time.Duration) []byte {
	q, _, err := wire.Read(question)
	if err != nil {
		panic(err)
	}
	if s.Offset != nil {
		came += int64(s.Offset(age))
	}
	leap := s.Leap
	at, kind, shift := s.LeapAt, wire.LeapInsert, -int64(time.Second)
	if s.Deleted {
		at, kind, shift = at+shift, wire.LeapDelete, -shift
	}
	if s.LeapAt != 0 && came < at && came > at-int64(24*time.Hour) {
		leap = kind
	} else if s.LeapAt != 0 && came >= at {
		came += shift
	}
	h := wire.Header{
		Version: 4, Mode: wire.ModeServer, Stratum: 2, Poll: 6, Precision: -23, Leap: leap,
		RootDelay: wire.ToShort(2 * time.Millisecond), RootDispersion: wire.ToShort(time.Millisecond),
		RefID: wire.RefID{'G', 'P', 'S'}, Origin: q.Transmit, Receive: wire.FromUnix(came),
		Transmit: wire.FromUnix(came + 20000), Reference: wire.FromUnix(came - 1e9),
	}
	if s.Stratum != 0 {
		h.Stratum = s.Stratum
	}
	if s.RefID != (wire.RefID{}) {
		h.RefID = s.RefID
	}
	if s.Unsynced {
		h.Leap, h.Stratum, h.RefID = wire.LeapUnknown, 0, wire.RefID{}
	}
	if s.Kiss != (wire.RefID{}) {
		h.Leap, h.Stratum, h.RefID = wire.LeapUnknown, 0, s.Kiss
	}
	return h.Append(nil)
}

// Suspend stops both clocks for some time, as xl save and restore do; then the time of day is set from the
// hypervisor's, if injected.
func (w *World) Suspend(d time.Duration, injected bool) {
	w.truth += int64(d)
	w.second = w.truth / 1e9
	if injected {
		w.wall += int64(d)
	}
}

// Restored says that the machine was restored.
func (w *World) Restored() { w.tend(w.Discipline.Restored(w.now())) }

// Set sets the time of day, as a person would.
func (w *World) Set(by time.Duration) { w.wall += int64(by) }

// Move takes the machine to another crystal, without a word: a live migration.
func (w *World) Move(by float64) { w.f += by }
