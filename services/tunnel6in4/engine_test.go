package tunnel6in4

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	server  = netip.MustParseAddr("203.0.113.30")
	local   = netip.MustParseAddr("198.51.100.7")
	own     = netip.MustParseAddr("2001:db8:1f0a:1::2")
	gateway = netip.MustParseAddr("2001:db8:1f0a:1::1")
)

func config() Config {
	return Config{
		Link: "tunnel6", Server: server, Local: local, Own: own, Gateway: gateway, MTU: 1480,
		Update: &Update{User: "customer", Tunnel: "123456", Key: "s3cret",
			URL: "https://broker.example/nic/update"},
	}
}

// A world is a broker and the network to it, under virtual time.
type world struct {
	t      *testing.T
	e      *Engine
	now    time.Duration
	wall   time.Time // of now 0
	inside bool      // the other end answers through the tunnel
	outer  bool      // it answers over IPv4
	answer func() Outcome
	delay  time.Duration // of an answer of the API; 0: at once

	told  []time.Duration
	froms []netip.Addr
	kept  *Kept
	turns []bool
	due   []func()
	at    []time.Duration
}

func newWorld(t *testing.T, conf Config, kept *Kept) *world {
	w := &world{
		t: t, now: time.Hour, wall: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), inside: true, outer: true,
		kept:   kept,
		answer: func() Outcome { return Outcome{Code: Good, Addr: local} },
	}
	w.start(conf)
	return w
}

func (w *world) start(conf Config) {
	w.due, w.at = nil, nil
	w.e = New(conf, w.kept, rand.New(rand.NewPCG(1, 2)).Uint64)
	w.do(w.e.Start(w.moment()))
}

func (w *world) moment() Now { return Now{Up: w.now, Wall: w.wall.Add(w.now)} }

const roundTrip = 30 * time.Millisecond

func (w *world) later(d time.Duration, f func()) {
	w.at, w.due = append(w.at, w.now+d), append(w.due, f)
}

func (w *world) do(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Ping:
			if a.To == gateway && a.From != own || a.To == server && a.From != w.e.conf.Local {
				w.t.Fatalf("a probe %+v", a)
			}
			if a.To == gateway && w.inside || a.To == server && w.outer {
				w.later(roundTrip, func() { w.do(w.e.Echo(w.moment(), a.To, a.Seq)) })
			}
		case Tell:
			w.told, w.froms = append(w.told, w.now), append(w.froms, a.From)
			w.later(w.delay, func() { w.do(w.e.Answered(w.moment(), w.answer())) })
		case Store:
			k := a.Kept
			w.kept = &k
		case Turned:
			w.turns = append(w.turns, a.Up)
		}
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for range 5_000_000 {
		next, which := w.e.Next(), -1
		for i, at := range w.at {
			if at < next || at == next && which < 0 {
				next, which = at, i
			}
		}
		if next > end {
			w.now = end
			return
		}
		if next < w.now {
			next = w.now
		}
		w.now = next
		if which < 0 {
			before := w.e.Next()
			w.do(w.e.Tick(w.moment()))
			if w.e.Next() <= before && len(w.at) == 0 && w.e.Next() <= w.now {
				w.t.Fatalf("at %v the engine goes round", w.now)
			}
			continue
		}
		f := w.due[which]
		w.at = append(w.at[:which:which], w.at[which+1:]...)
		w.due = append(w.due[:which:which], w.due[which+1:]...)
		f()
	}
	w.t.Fatal("time does not pass")
}

func (w *world) status() Status { return w.e.Status(w.moment()) }

// is checks state and cause, and that the key is in nothing that is said.
func (w *world) is(state State, cause Cause) {
	w.t.Helper()
	st := w.status()
	if st.State != state || st.Cause != cause {
		w.t.Errorf("%s, %q (%s); want %s, %q", st.State, st.Cause, st.Why, state, cause)
	}
	if (len(st.Problems) > 0) != (state == StateDown || state == StateAbsent || w.e.refused()) {
		w.t.Errorf("%s: problems %q", state, st.Problems)
	}
}

// TestUpAndDown: the tunnel is up with the second echo, down with the third probe that is lost, and up again
// within a second and a half of its return.
func TestUpAndDown(t *testing.T) {
	w := newWorld(t, config(), nil)
	w.is(StateAsking, "")
	w.run(400 * time.Millisecond)
	w.is(StateUp, "")
	if st := w.status(); time.Duration(st.RTT) != roundTrip {
		t.Errorf("round trip %v", time.Duration(st.RTT))
	}
	probes := w.status().Probes.Sent
	w.run(10 * time.Minute)
	if n := w.status().Probes.Sent - probes; n < 58 || n > 61 {
		t.Errorf("%d probes in ten quiet minutes", n)
	}
	w.inside = false
	w.run(calm + tooMany*hurry + time.Millisecond)
	w.is(StateDown, Eaten)
	w.run(time.Hour)
	w.inside = true
	w.run(hurry + confirm + 2*roundTrip)
	w.is(StateUp, "")
	if len(w.turns) != 3 {
		t.Errorf("turns %v", w.turns)
	}
}

// TestLoss: with every other probe lost the tunnel stays up, and is not called down and up all the time.
func TestLoss(t *testing.T) {
	w := newWorld(t, config(), nil)
	w.run(time.Second)
	r := rand.New(rand.NewPCG(7, 7))
	for range 10_000 {
		w.inside = r.IntN(10) > 0
		w.run(time.Second)
	}
	if len(w.turns) > 12 { // three in a row are lost in one of a thousand
		t.Errorf("%d turns with a tenth of the probes lost", len(w.turns))
	}
}

// TestCauses says what is wrong.
func TestCauses(t *testing.T) {
	answers := func(code Code) func() Outcome { return func() Outcome { return Outcome{Code: code} } }
	good := func() Outcome { return Outcome{Code: Good, Addr: local} }
	for _, c := range []struct {
		change        func(*Config)
		inside, outer bool
		answer        func() Outcome
		state         State
		cause         Cause
		says          string
	}{
		{nil, true, true, good, StateUp, "", "answers through it"},
		{nil, false, true, good, StateDown, Eaten, "protocol 41"},
		{nil, false, false, good, StateDown, ServerSilent, "does not answer a ping"},
		{nil, false, true, answers(BadAuth), StateDown, NotTaken, "user or key"},
		{nil, false, true, answers(Abuse), StateDown, NotTaken, "blocked"},
		{nil, true, true, answers(NoHost), StateUp, "", ""},
		{nil, false, true, answers(Trouble), StateDown, NotTold, "asked again within"},
		{nil, false, true, func() Outcome { return Outcome{Code: Good, Addr: server} }, StateDown, BehindNAT,
			"NAT"},
		{func(c *Config) { c.Behind = NAT }, false, true, good, StateDown, BehindNAT,
			"pass protocol 41 to 198.51.100.7"},
		{func(c *Config) { c.Behind = CGNAT }, false, true, good, StateDown, BehindCGNAT, "CGNAT"},
		{func(c *Config) { c.Local = netip.Addr{} }, true, true, good, StateAbsent, NoAddress,
			"no IPv4 address"},
		{func(c *Config) { c.Update = nil }, false, true, good, StateDown, OtherEnd, "another address"},
	} {
		conf := config()
		if c.change != nil {
			c.change(&conf)
		}
		w := newWorld(t, conf, nil)
		w.inside, w.outer, w.answer = c.inside, c.outer, c.answer
		w.start(conf)
		w.run(30 * time.Second)
		w.is(c.state, c.cause)
		if st := w.status(); !strings.Contains(st.Why, c.says) {
			t.Errorf("%s: %s, want it to have %q", st.Cause, st.Why, c.says)
		}
		if (conf.Behind == CGNAT || !conf.Local.IsValid() || conf.Update == nil) && len(w.told) > 0 {
			t.Errorf("%s: the broker was told in vain", c.cause)
		}
	}
}

// TestTold: the broker is told once, and after a restart not again; of another address it is told at once.
func TestTold(t *testing.T) {
	w := newWorld(t, config(), nil)
	w.run(24 * time.Hour)
	for range 20 {
		w.start(config())
		w.run(time.Hour)
	}
	if len(w.told) != 1 {
		t.Fatalf("told %d times: %v", len(w.told), w.told)
	}
	moved := config()
	moved.Local = netip.MustParseAddr("198.51.100.8")
	w.do(w.e.Reconfigure(w.moment(), moved))
	w.run(time.Second)
	if len(w.told) != 2 || w.froms[1] != moved.Local {
		t.Errorf("of another address it was told %v", w.froms)
	}
	other := moved
	other.MTU = 1400
	w.do(w.e.Reconfigure(w.moment(), other)) // says nothing new to the broker
	w.run(time.Hour)
	if len(w.told) != 2 {
		t.Errorf("told %d times", len(w.told))
	}
	w.inside = false // somebody has changed the endpoint at the broker
	w.run(25 * time.Hour)
	if n := len(w.told) - 2; n != 4 {
		t.Errorf("while the tunnel is down, told %d times in 25 hours", n)
	}
}

// TestThereAndBack: an address that comes back while the broker is told of another, or did not answer for it,
// is told again: who knows what it took.
func TestThereAndBack(t *testing.T) {
	for _, delay := range []time.Duration{10 * time.Second, 2 * time.Minute} {
		w := newWorld(t, config(), nil)
		w.run(time.Hour)
		moved := config()
		moved.Local = netip.MustParseAddr("198.51.100.8")
		w.delay = delay
		w.do(w.e.Reconfigure(w.moment(), moved))
		w.run(min(delay/2, 5*time.Second))
		if delay > time.Minute {
			w.run(90 * time.Second) // it counts as silent
		}
		w.delay = 0
		w.do(w.e.Reconfigure(w.moment(), config()))
		w.run(2 * time.Minute)
		if n := len(w.froms); n < 3 || w.froms[n-1] != local || !w.status().Broker.Told {
			t.Errorf("with an answer after %v it was told %v: %+v", delay, w.froms, w.status().Broker)
		}
		n := len(w.told)
		if w.run(24 * time.Hour); len(w.told) != n {
			t.Errorf("then it was told %d times more", len(w.told)-n)
		}
	}
}

// TestRefused: after a refusal nobody is asked before a day is over, over restarts too; another key is tried
// at once.
func TestRefused(t *testing.T) {
	for _, code := range []Code{BadAuth, BadAgent, Abuse, NoHost, NotFQDN, NotYours, NumHost, NotPaid,
		HTTPRefused, Redirected} {
		w := newWorld(t, config(), nil)
		w.answer, w.inside = func() Outcome { return Outcome{Code: code} }, false
		w.start(config())
		for range 23 {
			w.run(time.Hour)
			w.start(config())
		}
		before := len(w.told)
		w.run(2 * time.Hour)
		if before != 1 && before != 2 ||
			len(w.told) != before+1 { // New has started once before the answer was set
			t.Errorf("%s: asked %d times in 23 hours, then %d", code, before, len(w.told)-before)
		}
		other := config()
		other.Update.Key = "another"
		w.answer = func() Outcome { return Outcome{Code: Good, Addr: local} }
		w.do(w.e.Reconfigure(w.moment(), other))
		w.run(2 * time.Minute)
		if len(w.told) != before+2 || !w.e.update.isTold() {
			t.Errorf("%s: another key is not tried", code)
		}
	}
}

// TestWeek is a week of failures of all kinds, addresses that change and restarts: never more than six
// requests in any hour.
func TestWeek(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 3))
		codes := []Code{Good, NoChange, BadAuth, Abuse, DNSError, Trouble, Unknown, HTTPTrouble, Silent,
			Untrusted}
		w := newWorld(t, config(), nil)
		w.answer = func() Outcome { return Outcome{Code: codes[r.IntN(len(codes))], Addr: local} }
		conf := config()
		for range 7 * 24 * 4 {
			w.run(time.Duration(r.IntN(int(30 * time.Minute))))
			w.inside, w.outer = r.IntN(3) > 0, r.IntN(3) > 0
			w.delay = time.Duration(r.IntN(int(2 * answerWithin)))
			switch r.IntN(3) {
			case 0:
				conf.Local = netip.AddrFrom4([4]byte{198, 51, 100, byte(r.IntN(250))})
				w.do(w.e.Reconfigure(w.moment(), conf))
			case 1:
				w.do(w.e.Reconfigure(w.moment(), conf))
			}
		}
		for i := maxAnHour; i < len(w.told); i++ {
			if d := w.told[i] - w.told[i-maxAnHour]; d < time.Hour {
				t.Fatalf("seed %d: %d requests within %v", seed, maxAnHour+1, d)
			}
		}
		for i := 1; i < len(w.told); i++ {
			if d := w.told[i] - w.told[i-1]; d < leastPause {
				t.Fatalf("seed %d: two requests within %v", seed, d)
			}
		}
		if len(w.told) < 20 { // a refusal is a day of silence
			t.Errorf("seed %d: asked only %d times in a week of changes", seed, len(w.told))
		}
	}
}

// TestBackOff: after trouble it takes five minutes, then twice as long, up to an hour; who was not reached is
// asked again sooner.
func TestBackOff(t *testing.T) {
	for code, want := range map[Code][]time.Duration{
		Trouble: {5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour,
			time.Hour},
		Unreached: {time.Minute, time.Minute, time.Minute, 2 * time.Minute, 4 * time.Minute},
	} {
		conf := config()
		w := &world{t: t, now: time.Hour, inside: false,
			answer: func() Outcome { return Outcome{Code: code} }}
		w.start(conf)
		w.run(5 * time.Hour)
		for i, least := range want {
			if d := w.told[i+1] - w.told[i]; d < least || d > least*6/5+time.Second {
				t.Errorf("%s: pause %d is %v, want %v to a fifth more", code, i, d, least)
			}
		}
	}
}

// TestStrangers: an echo that nobody asked for is none.
func TestStrangers(t *testing.T) {
	w := newWorld(t, config(), nil)
	w.inside, w.outer = false, false
	w.start(config())
	for seq := range uint16(2000) {
		w.do(w.e.Echo(w.moment(), netip.MustParseAddr("2001:db8::666"), seq))
		w.do(w.e.Echo(w.moment(), gateway, seq+1000))
		w.run(10 * time.Millisecond)
	}
	w.is(StateDown, ServerSilent)
}
