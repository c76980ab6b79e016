package client6

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

// A world is a provider and a house in which everything happens that does: an obvious model of who was given
// what until when, beside the engine.
type world struct {
	*lab
	// What the provider is like for now.
	up, giving, rude bool // rude: it does not answer a Rebind for what it does not know
	loss             int  // of ten messages
	current          netip.Prefix
	life             time.Duration
	knows            map[netip.Prefix]bool
	// granted is until when each prefix was last given, and we were told so, by the provider's clock.
	granted map[netip.Prefix]time.Duration
	// saying are those of the answer that is being given: one that is lost changes nothing.
	saying map[netip.Prefix]time.Duration
	link   bool
	well   time.Duration // since when nothing is wrong
	had    time.Duration // when there was a prefix last
	stamps []time.Duration
	n      int
}

func (w *world) isWell() bool { return w.up && w.giving && w.loss == 0 && w.link }

// carry sends and takes messages over the link.
func (w *world) carry(actions []Action) {
	for _, a := range actions {
		if s, ok := a.(Send); ok {
			w.stamp()
			if w.link && w.r.IntN(10) >= w.loss {
				m, err := dhcpv6.Read(s.Message)
				if err != nil {
					w.t.Fatal(err)
				}
				w.queue = append(w.queue, arrival{w.now + time.Duration(1+w.r.IntN(300))*time.Millisecond, m})
				slices.SortFunc(w.queue, func(a, b arrival) int { return int(a.at - b.at) })
			}
			continue
		}
		w.lab.do([]Action{a})
	}
	w.events = nil
	w.look()
}

// stamp notes a message: RFC 8415 14.1, and no storm in the long run.
func (w *world) stamp() {
	w.stamps = append(w.stamps, w.now)
	if n := len(w.stamps); n > messageBurst && w.stamps[n-1]-w.stamps[n-1-messageBurst] < messageSpan {
		w.t.Fatalf("at %s: more than %d messages in %s", w.now, messageBurst, messageSpan)
	}
	if n := len(w.stamps); n > 500 && w.stamps[n-1]-w.stamps[n-501] < time.Hour {
		w.t.Fatalf("at %s: more than 500 messages in an hour", w.now)
	}
}

// look holds the engine against the model.
func (w *world) look() {
	for _, d := range w.c.Said().Delegated {
		if end, ok := w.granted[d.Prefix]; !ok || w.now >= end || d.Valid > end {
			w.t.Fatalf("at %s: %s is used until %s, and was given until %s: %s", w.now, d.Prefix, d.Valid, end, w.log())
		}
	}
	if len(w.c.Said().Delegated) > 0 {
		w.had = w.now
	}
	if w.isWell() && w.now > max(w.well, w.had)+80*time.Minute {
		w.t.Fatalf("at %s: all is well since %s, and there is no prefix: %s", w.now, w.well, w.log())
	}
}

// answerNow is what the provider says now; nil: nothing.
func (w *world) answerNow(m *dhcpv6.Message) *dhcpv6.Message {
	if !w.up {
		return nil
	}
	p := &provider{duid: someDUID, preference: -1, more: dhcpv6.Options{
		{Code: dhcpv6.OptionSolMaxRT, Data: dhcpv6.AppendSeconds(nil, 5*time.Minute)},
	}}
	give := func(prefix netip.Prefix, preferred, valid time.Duration) {
		p.pd = append(p.pd, dhcpv6.Prefix{Prefix: prefix, Preferred: preferred, Valid: valid})
		if m.Type != dhcpv6.Solicit {
			w.saying[prefix] = w.now + valid
			w.knows[prefix] = valid > 0
		}
	}
	asked := (&sent{w.now, *m}).pd(w.t)
	switch m.Type {
	case dhcpv6.Renew, dhcpv6.Rebind:
		known := false
		for _, a := range asked {
			switch {
			case !w.knows[a]:
			case a == w.current:
				known = true
				give(a, w.life/2, w.life)
			case w.r.IntN(2) == 0: // renumbered: it is taken back, or not mentioned
				known = true
				give(a, 0, 0)
			}
		}
		switch {
		case known && w.giving && w.knows[w.current] == false && w.r.IntN(2) == 0:
			give(w.current, w.life/2, w.life)
		case !known && w.rude && m.Type == dhcpv6.Rebind:
			return nil
		case !known:
			p.pdStatus = dhcpv6.NoBinding
		}
	case dhcpv6.Solicit, dhcpv6.Request:
		if !w.giving {
			p.pdStatus = dhcpv6.NoPrefixAvail
			break
		}
		give(w.current, w.life/2, w.life)
	}
	return p.answer(m)
}

// deliver has the provider answer what has come to it.
func (w *world) deliver() {
	m := w.queue[0].m
	w.queue = w.queue[1:]
	w.saying = map[netip.Prefix]time.Duration{}
	r := w.answerNow(&m)
	if r == nil || !w.link || w.r.IntN(10) < w.loss {
		w.look()
		return
	}
	read, err := dhcpv6.Read(r.Append(nil))
	if err != nil {
		w.t.Fatal(err)
	}
	if w.c.x.asks(m.ID) { // an answer that comes when another question is asked is as lost as any
		maps.Copy(w.granted, w.saying)
	}
	w.carry(w.c.Receive(w.moment(), &read))
}

func (w *world) number() netip.Prefix {
	w.n++
	return prefix(fmt.Sprintf("2001:db8:%x::/56", 0x100+w.n))
}

// restart starts the client again: its process alone, or the machine, which was off for a while.
func (w *world) restart(machine bool) {
	if machine {
		off := time.Duration(w.r.IntN(90)) * time.Minute
		w.now += off // one clock for the model; the machine's begins anew
		w.n++
		w.boot = fmt.Sprint(w.n)
		w.wall = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if w.r.IntN(4) == 0 {
			w.wall = time.Time{}
		}
	}
	c, err := New(w.conf, ourDUID, w.boot, w.r.Uint64)
	if err != nil {
		w.t.Fatal(err)
	}
	w.c, w.queue, w.well = c, nil, w.now
	w.carry(c.Start(w.moment(), w.kept, w.link, Want{}))
}

// change has something happen.
func (w *world) change() {
	was := w.isWell()
	switch w.r.IntN(9) {
	case 0:
		w.up = !w.up
	case 1:
		w.giving = !w.giving
	case 2:
		w.loss = []int{0, 0, 2, 5}[w.r.IntN(4)]
	case 3:
		w.current = w.number()
	case 4: // its server was started anew, and knows nobody
		clear(w.knows)
		w.rude = w.r.IntN(2) == 0
	case 5:
		w.life = []time.Duration{5 * time.Minute, time.Hour, 12 * time.Hour, 48 * time.Hour}[w.r.IntN(4)]
	case 6:
		w.link, w.well = !w.link, w.now
		w.carry(w.c.Carrier(w.moment(), w.link))
	case 7:
		w.well = w.now
		for range w.r.IntN(30) { // a bad plug
			w.carry(w.c.Carrier(w.moment(), !w.link))
			w.carry(w.c.Carrier(w.moment(), w.link))
		}
	case 8:
		w.restart(w.r.IntN(2) == 0)
	}
	if !was && w.isWell() || was && !w.isWell() {
		w.well = w.now
	}
}

// settle ends what would keep things from ever being well for long.
func (w *world) settle() {
	w.up, w.giving, w.loss = true, true, 0
	if !w.link {
		w.link, w.well = true, w.now
		w.carry(w.c.Carrier(w.moment(), true))
	}
	w.well = w.now
}

// TestWeek: whatever happens, no prefix is used past its end, nobody is asked too often, and when all is well
// there is a prefix in time.
func TestWeek(t *testing.T) {
	for seed := range uint64(30) {
		l := newLab(t)
		l.r = rand.New(rand.NewPCG(seed, 14))
		w := &world{
			lab: l, up: true, giving: true, link: true, life: time.Hour, knows: map[netip.Prefix]bool{},
			granted: map[netip.Prefix]time.Duration{}, well: l.now,
		}
		w.current = w.number()
		w.restart(false)
		changeAt, bound := w.now+time.Minute, 0
		for w.now < 7*24*time.Hour {
			at := min(w.next(), changeAt)
			w.now = max(w.now, at)
			switch {
			case at == changeAt && w.r.IntN(4) == 0:
				w.settle()
				changeAt = w.now + time.Duration(60+w.r.IntN(120))*time.Minute
			case at == changeAt:
				w.change()
				changeAt = w.now + time.Duration(w.r.IntN(40*60))*time.Second
			case len(w.queue) > 0 && w.queue[0].at == at:
				w.deliver()
			default:
				w.carry(w.c.Tick(w.moment()))
			}
			if len(w.c.Said().Delegated) > 0 {
				bound++
			}
		}
		if bound < 100 {
			t.Errorf("seed %d: hardly ever bound", seed)
		}
	}
}

// FuzzReceive: any sequence of messages, of any content, at any time; nothing that is not believed is said,
// and nothing is sent too fast.
func FuzzReceive(f *testing.F) {
	p := usual()
	for _, kind := range []dhcpv6.MessageType{dhcpv6.Solicit, dhcpv6.Request} {
		m := dhcpv6.Message{Type: kind}
		m.Options.Add(dhcpv6.OptionClientID, ourDUID)
		ia := dhcpv6.IA{ID: 7}
		m.Options.Add(dhcpv6.OptionIAPD, ia.Append(nil))
		r := p.answer(&m)
		f.Add(r.Append(nil), uint16(1), uint64(1))
		f.Add(r.Append(nil), uint16(3000), uint64(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, secs uint16, seed uint64) {
		first, err := dhcpv6.Read(b)
		if err != nil {
			return
		}
		l := newLab(t)
		l.r = rand.New(rand.NewPCG(seed, 2))
		l.want = Want{Address: true, Information: true}
		l.start()
		for i := range 40 {
			l.run(time.Duration(secs) * time.Second / 20)
			m := first
			if i%2 == 1 {
				m.Type = dhcpv6.Reply
			}
			m.ID = l.c.x.id
			l.do(l.c.Receive(l.moment(), &m))
			s := l.c.Said()
			for _, d := range s.Delegated {
				if why := l.conf.DisbelievePrefix(d.Prefix); why != "" || d.Valid <= l.now || d.Preferred > d.Valid {
					t.Fatalf("%+v is said: %s", d, why)
				}
			}
			if len(s.Delegated) > maxLeased || len(s.Addrs) > maxLeased || len(l.c.avoid) > 32 {
				t.Fatal("without a bound")
			}
			if kept := l.kept; kept != nil && kept.check() != nil {
				t.Fatal(kept.check())
			}
		}
		for i := messageBurst; i < len(l.sent); i++ {
			if l.sent[i].at-l.sent[i-messageBurst].at < messageSpan {
				t.Fatal(l.log())
			}
		}
	})
}
